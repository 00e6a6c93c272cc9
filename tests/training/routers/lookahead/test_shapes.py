"""Conformance: whatever portfolio `sweep` accepts, `fit_router` makes a router of it that decides."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tts_select.core.errors import InputError
from tts_select.selector.evidence import Evidence
from tts_select.selector.routers.artifact import load_router, save_router
from tts_select.selector.routers.lookahead import Probe
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.walks import probed, walk
from tts_select.training.routers.lookahead import boosting, fit, pricing, rows
from tts_select.training.routers.lookahead.checks import FEWEST_PROBLEMS
from tts_select.training.routers.lookahead.fit import FittedRouter, fit_router
from tts_select.training.routers.lookahead.probes import probe_for

S, M, L, PRM, NARROW = "world:small", "world:medium", "world:large", "world:prm", "world:prm-narrow"
COT = {"policy": S, "method": "cot"}
MAJORITY = {"policy": S, "method": "majority", "budget": [1, 4]}
BEAM = {"policy": S, "prm": PRM, "method": "beam", "budget": 4}
SHAPES: dict[str, list[dict[str, object]]] = {
    "cot alone": [COT],
    "one vote": [{**MAJORITY, "budget": 4}],
    "one sample": [{**MAJORITY, "budget": 1}],
    "one search": [BEAM],
    "one judged greedy solution": [{"policy": S, "prm": PRM, "method": "best_of_n", "temperature": 0}],
    "no PRM": [COT, MAJORITY],
    "no cot": [MAJORITY, {"policy": S, "prm": PRM, "method": "best_of_n", "budget": 4}],
    "cot of two policies": [{"policy": [S, L], "method": "cot"}],
    "searches only": [BEAM, {"policy": L, "prm": NARROW, "method": "dvts", "budget": 4}],
    "a PRM in searches only": [COT, MAJORITY, BEAM],
    "a policy in searches only": [COT, {**BEAM, "policy": L}],
    "a policy in the greedy pool only": [MAJORITY, {"policy": L, "method": "cot"}],
    "two temperatures": [MAJORITY, {**MAJORITY, "temperature": 1.3}],
    "adaptive": [{"policy": S, "method": "adaptive", "budget": 16}],
    "many arms": [
        {"policy": [S, M, L], "method": "majority", "budget": [*range(1, 9), 16]},
        {"policy": [S, M, L], "prm": [PRM, NARROW], "method": "best_of_n", "budget": [2, 4, 8, 16]},
    ],
}


@pytest.fixture(scope="module", autouse=True)
def _little_work() -> Iterator[None]:
    """What is tested is that there is a router, not how good it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boosting, "N_TREES", 3)
        patch.setattr(rows, "DRAWS", 1)
        patch.setattr(rows, "MOST_STEPS", 2)
        patch.setattr(pricing, "PRICES", (3e-3, 0.3, 30.0))
        patch.setattr(fit, "DRAFT_PRICES", (0.1,))
        yield


def works(fitted: FittedRouter, log: SweepLog, folder: Path) -> None:
    """It decides on every problem, is all numbers, and comes back from disk as it was."""
    router, cases = fitted.router, cases_of(log)
    assert json.loads(json.dumps(fitted.facts, allow_nan=False)) == fitted.facts
    for price in (0.0, router.prices["medium"]):
        walks = walk(router, cases[:4], price, seed=0)
        assert all(w.chosen or w.probe_flops for w in walks), "something ran"
        assert all(0 <= w.confidence <= 1 for w in walks)
    save_router(router, folder / "router", trained_on=fitted.facts)
    loaded = load_router(folder / "router")
    seen = probed(router.first_look, cases[0], cases[0].order(np.random.default_rng(0))).evidence
    for evidence in (Evidence(cases[0].problem.problem), seen):
        options = router.options(evidence)
        assert options
        assert all(
            0 <= option.p_correct <= 1 and np.isfinite([option.flops, option.tokens]).all()
            for option in options
        )
        assert loaded.options(evidence) == options
        assert loaded.answers(evidence) == router.answers(evidence)
        assert loaded.difficulties(evidence) == router.difficulties(evidence)
        assert loaded.unfamiliar(evidence.problem, evidence) == router.unfamiliar(evidence.problem, evidence)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_portfolio_trains(shape: str, synthetic_log: Callable[..., SweepLog], tmp_path: Path) -> None:
    log = synthetic_log(
        FEWEST_PROBLEMS, n_samples=16 if shape in ("many arms", "adaptive") else 4, arms=SHAPES[shape]
    )
    works(fit_router(log, probe_for(log.manifest)), log, tmp_path)


@pytest.mark.parametrize("n_problems", [FEWEST_PROBLEMS + 1, FEWEST_PROBLEMS + 2])
def test_any_number_of_problems_from_the_fewest_on_trains(
    n_problems: int, synthetic_log: Callable[..., SweepLog], tmp_path: Path
) -> None:
    log = synthetic_log(n_problems, n_samples=4, arms=SHAPES["no PRM"])
    works(fit_router(log, probe_for(log.manifest)), log, tmp_path)


@pytest.mark.parametrize(
    "probe",
    [Probe(S, None, 1, 0.0), Probe(S, None, 4), Probe(S, PRM, 2)],
    ids=["greedy", "samples", "scored"],
)
def test_any_probes_that_were_swept_train(
    probe: Probe, synthetic_log: Callable[..., SweepLog], tmp_path: Path
) -> None:
    log = synthetic_log(FEWEST_PROBLEMS, n_samples=4, arms=[COT, *SHAPES["no cot"]])
    works(fit_router(log, probe), log, tmp_path)


@pytest.mark.parametrize("correct", [True, False])
@pytest.mark.parametrize("shape", ["no PRM", "one search"])
def test_outcomes_that_are_all_alike_are_one_line(
    correct: bool, shape: str, synthetic_log: Callable[..., SweepLog]
) -> None:
    log = outcomes(synthetic_log(FEWEST_PROBLEMS, n_samples=4, arms=SHAPES[shape]), lambda _: correct)
    with pytest.raises(InputError, match=f"is {'right' if correct else 'wrong'}: there is nothing to choose"):
        fit_router(log, probe_for(log.manifest))


@pytest.mark.parametrize("good", [0, 1], ids=["the samples", "the searches"])
def test_arms_that_are_always_right_and_others_that_never_are_train(
    good: int, synthetic_log: Callable[..., SweepLog], tmp_path: Path
) -> None:
    log = synthetic_log(FEWEST_PROBLEMS, n_samples=4, arms=SHAPES["a PRM in searches only"])
    log = outcomes(log, lambda searched: searched == bool(good))
    fitted = fit_router(log, probe_for(log.manifest))
    works(fitted, log, tmp_path)
    assert ("beam" in fitted.router.fallback) == bool(good)


def test_more_probes_than_the_sweep_has_samples_are_one_line(synthetic_log: Callable[..., SweepLog]) -> None:
    log = synthetic_log(FEWEST_PROBLEMS, n_samples=4, arms=SHAPES["no PRM"])
    with pytest.raises(
        InputError, match="the probes are 5 samples of world:small, of which the sweep has 4: ask for"
    ):
        fit_router(log, Probe(S, None, 5))


def outcomes(log: SweepLog, right: Callable[[bool], bool]) -> SweepLog:
    """Right or wrong, by whether a search found it."""

    def answer(problem: str, searched: bool) -> dict[str, object]:
        good = right(searched)
        return {"correct": good, "answer": log.problems[problem].answer if good else "-1"}

    pools = {
        key: replace(pool, samples=tuple(replace(s, **answer(key[0], False)) for s in pool.samples))
        for key, pool in log.pools.items()
    }
    runs = {
        key: tuple(replace(run, **answer(key[0], True)) for run in found) for key, found in log.runs.items()
    }
    return replace(log, pools=pools, runs=runs)
