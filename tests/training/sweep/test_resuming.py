"""A log is gone on with, and its samples are scored by a further PRM, without anything sampled again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.watched import Watched
from tts_select import InputError
from tts_select.executors.registry import Loaders
from tts_select.selector.portfolio import Portfolio, parse_portfolio
from tts_select.training.log.records import SweepLog
from tts_select.training.sweep.merging import merge
from tts_select.training.sweep.resuming import begun_in, scored_by
from tts_select.training.sweep.run import Share, run_sweep, run_units
from tts_select.training.sweep.units import Shard

Swept = Callable[..., tuple[Path, SweepLog]]


def test_a_sweep_is_what_its_log_says(swept: Swept, fakes: Loaders) -> None:
    folder, log = swept(n_samples_of={"fake:b": 4}, chunk=2, seed=3)
    assert run_sweep(begun_in(folder, concurrency=2).sweep, folder, loaders=fakes) == log


@pytest.mark.parametrize("chunk", [None, 2])
def test_a_prm_is_added_to_samples_that_are_there(
    swept: Swept, portfolio: Portfolio, fakes: Loaders, tmp_path: Path, chunk: int | None
) -> None:
    folder, log = swept(chunk=chunk)
    begun = scored_by(begun_in(folder, concurrency=4), ["fake:r"])
    share = Share(scores_only=True, cards=begun.cards)
    watched = Watched()
    loaders = Loaders(watched.loaders.policy, fakes.prm)
    found = run_units(begun.sweep, tmp_path / "scored", share=share, reuse=[folder], loaders=loaders).log
    assert not watched.events, "no policy is loaded"
    assert found is not None
    entry = {"policy": ["fake:a", "fake:b"], "prm": "fake:r", "method": "best_of_n", "budget": [1, 4]}
    more = parse_portfolio({"arms": [entry]}, "p").arms
    assert {a.name for a in found.manifest.arms} == {a.name for a in (*portfolio.arms, *more)}
    _, anew = swept("anew", portfolio=Portfolio("fakes", found.manifest.arms), chunk=chunk)
    assert found.pools == anew.pools
    assert found.runs == log.runs


def test_scores_are_computed_in_shards_too(swept: Swept, fakes: Loaders, tmp_path: Path) -> None:
    folder, _ = swept()
    begun = scored_by(begun_in(folder, concurrency=4), ["fake:r"])
    whole = Share(scores_only=True, cards=begun.cards)
    log = run_units(begun.sweep, tmp_path / "all", share=whole, reuse=[folder], loaders=fakes).log
    for index in range(2):
        share = replace(whole, shard=Shard(index, 2))
        run_units(begun.sweep, tmp_path / str(index), share=share, reuse=[folder], loaders=fakes)
    merged = merge([tmp_path / "0", tmp_path / "1"], tmp_path / "merged")
    assert merged.log == log
    assert merged.n_duplicates == 0, "each shard takes over what is its own"


def test_what_cannot_be_scored_is_refused(swept: Swept, portfolio: Portfolio) -> None:
    folder, _ = swept()
    begun = begun_in(folder, concurrency=4)
    with pytest.raises(InputError, match="fake:p is in the log already"):
        scored_by(begun, ["fake:p"])
    greedy = tuple(arm for arm in portfolio.arms if arm.method == "cot")
    with pytest.raises(InputError, match="no pool of samples to score"):
        scored_by(replace(begun, sweep=replace(begun.sweep, portfolio=Portfolio("g", greedy))), ["fake:r"])
