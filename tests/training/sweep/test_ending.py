"""Sweeps that end early: by their purse, or as a policy is known; what is whole of them is a log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.sweep.conftest import ARMS, FAKES
from tts_select import InputError
from tts_select.selector.portfolio import parse_portfolio
from tts_select.training.log.records import LoggedProblem, SweepLog
from tts_select.training.sweep.ending import Enough, half_interval
from tts_select.training.sweep.merging import merge_whole_part
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import Share, Swept, run_sweep, run_units

PROBLEMS = [LoggedProblem(f"p{k}", f"1 + {k}?", str(k % 3 + 2)) for k in range(8)]
SWEEP = Sweep(parse_portfolio({"name": "fakes", "arms": ARMS}, "fakes"), PROBLEMS, n_samples=16, chunk=4)
Ended = Callable[..., tuple[Path, Swept]]


@pytest.fixture
def ended(tmp_path: Path) -> Ended:
    """Runs the sweep until it is enough: its folder, and how far it came."""

    def run(sweep: Sweep = SWEEP, **enough: Any) -> tuple[Path, Swept]:
        share = Share(enough=Enough(**enough))
        return tmp_path / "log", run_units(sweep, tmp_path / "log", share=share, loaders=FAKES)

    return run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SweepLog:
    return run_sweep(SWEEP, tmp_path_factory.mktemp("whole") / "log", loaders=FAKES)


@pytest.mark.parametrize(
    ("enough", "says"), [({"tokens": 500}, "of 500 tokens"), ({"flops": 1e6}, "of 1e+06 FLOPs")]
)
def test_a_purse_ends_a_sweep_and_says_so(ended: Ended, enough: dict[str, Any], says: str) -> None:
    _, swept = ended(replace(SWEEP, concurrency=1), **enough)
    assert 0 < swept.n_done < swept.n_units
    assert swept.log is None
    (reason,) = swept.ended
    assert reason.startswith("the purse is spent: ")
    assert reason.endswith(says)


def test_a_purse_is_that_of_the_log_and_a_larger_one_goes_on(ended: Ended) -> None:
    first, again = (ended(replace(SWEEP, concurrency=1), tokens=500)[1] for _ in range(2))
    assert first == again, "what is there already has spent it"
    _, more = ended(tokens=10**9)
    assert (more.ended, more.n_done) == ((), more.n_units)
    assert more.log is not None


def test_a_purse_in_dollars_needs_prices(ended: Ended) -> None:
    with pytest.raises(InputError, match="the price of fake:a is not known"):
        ended(dollars=1.0)


def test_a_policy_that_is_known_is_sampled_no_more(ended: Ended) -> None:
    folder, swept = ended(precision=0.2)
    assert len(swept.ended) == 2
    assert swept.ended[0].startswith("the pass@1 of fake:")
    merged = merge_whole_part([folder], folder.parent / "part")
    assert merged.log is not None
    sizes = {(name, len(pool.samples)) for (_, name), pool in merged.log.pools.items() if "=" not in name}
    assert sizes == {("fake:a", 4), ("fake:b", 4)}
    assert set(merged.log.runs) == {(p.id, "beam@4 fake:a fake:p") for p in PROBLEMS}


def test_a_policy_is_known_between_chunks_alone(ended: Ended) -> None:
    with pytest.raises(InputError, match="only between chunks: specify the first one, as in --chunk 16"):
        ended(replace(SWEEP, chunk=None), precision=0.1)


def test_half_the_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(0.5, 0.5, size=200)
    n = 16
    inside = 0
    for _ in range(200):
        right = rng.binomial(n, p)
        half = half_interval([(int(c), n) for c in right])
        inside += abs(right.mean() / n - p.mean()) <= half
    assert 0.93 <= inside / 200 <= 1.0


@pytest.mark.parametrize("tokens", [600, 1000, 1700])
def test_what_is_whole_of_a_sweep_is_a_part_of_the_whole_one(
    ended: Ended, whole: SweepLog, tokens: int
) -> None:
    folder, _ = ended(replace(SWEEP, concurrency=3), tokens=tokens)
    part = merge_whole_part([folder], folder.parent / "part").log
    assert part is not None
    assert set(part.problems) <= set(whole.problems)
    for key, pool in part.pools.items():
        of_whole = whole.pools[key]
        assert pool.samples == of_whole.samples[: len(pool.samples)]
        assert pool.prompt_tokens == of_whole.prompt_tokens
        for prm, tokens_of in pool.prm_tokens.items():
            shared = tokens_of.keys() & of_whole.prm_tokens[prm].keys()
            assert {k: tokens_of[k] for k in shared} == {k: of_whole.prm_tokens[prm][k] for k in shared}
    assert set(part.manifest.arms) <= set(whole.manifest.arms)
    pools = {arm.pool for arm in part.manifest.arms if arm.is_sampling}
    assert len(part.pools) == len(part.problems) * len(pools)


def test_nothing_whole_is_no_log(ended: Ended) -> None:
    folder, _ = ended(replace(SWEEP, concurrency=1), tokens=1)
    with pytest.raises(InputError, match="let the sweep go on"):
        merge_whole_part([folder], folder.parent / "part")
