"""Units: their ids say what their results depend on, and nothing else; shards share them out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tts_select.core.plan import Settings
from tts_select.training.log.records import LoggedProblem, SweepLog
from tts_select.training.sweep.stages import stages
from tts_select.training.sweep.units import SampleUnit, ScoreUnit, SearchUnit, Shard, Unit, units_of

Swept = Callable[..., tuple[Path, SweepLog]]
ONE = LoggedProblem("one", "1 + 1?", "2", 1, "story")
SAMPLES = SampleUnit(ONE, "a", "f", "g", Settings(), "a", 64, 16, 16, 16)


@pytest.fixture
def units(swept: Swept) -> list[Unit]:
    _, log = swept(chunk=2)
    return list(units_of(log.manifest, list(log.problems.values())))


def test_an_id_is_the_same_for_ever() -> None:
    """Logs of many machines, and of later versions, are united by it."""
    assert SAMPLES.id == "59fd26cd286007653b2ac582ea46acdc"
    assert ScoreUnit(SAMPLES, "p", "h").id == "b0aaab94652a415ad354e66ebc456335"


@pytest.mark.parametrize(
    "change",
    [
        {"problem": replace(ONE, problem="1 + 2?")},
        {"problem": replace(ONE, answer="3")},
        {"policy": "b"},
        {"fingerprint": "retrained"},
        {"grader": "another"},
        {"settings": Settings(temperature=0.5)},
        {"settings": Settings(seed=1)},
        {"settings": Settings(max_new_tokens=9)},
        {"first": 32},
        {"n": 8},
        {"top_logprobs": 20},
    ],
)
def test_what_samples_depend_on_is_in_the_id(change: dict[str, Any]) -> None:
    other = replace(SAMPLES, **change)
    assert other.id != SAMPLES.id
    assert ScoreUnit(other, "p", "h").id != ScoreUnit(SAMPLES, "p", "h").id


@pytest.mark.parametrize(
    "change", [{"pool_size": 128}, {"first_chunk": 8}, {"settings": Settings(aggregation="min")}]
)
def test_what_samples_do_not_depend_on_is_not(change: dict[str, Any]) -> None:
    assert replace(SAMPLES, **change).id == SAMPLES.id


def test_all_units_have_ids_and_keys_of_their_own(units: list[Unit]) -> None:
    # 3 problems; fake:a and fake:b have pools of 1, and of 6 in 3 chunks; PRMs score those of fake:a
    assert len(units) == 3 * (2 * 4 + 1 + 2 * 3 + 2)
    assert len({unit.id for unit in units}) == len({unit.key for unit in units}) == len(units)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_each_unit_is_in_one_shard_and_scores_are_with_their_samples(units: list[Unit], n: int) -> None:
    shards = [Shard(index, n) for index in range(n)]
    of = {unit.key: [shard.index for shard in shards if unit in shard] for unit in units}
    assert {len(found) for found in of.values()} == {1}
    for unit in units:
        if isinstance(unit, ScoreUnit):
            assert {of[unit.key][0]} == {of[key][0] for key in unit.needs}
            assert unit.needs[-1] == unit.samples.key
    assert len({index for (index,) in of.values()}) == n


def test_small_budgets_come_first_and_scores_after_their_samples(units: list[Unit]) -> None:
    order = [unit for stage in stages(units) for unit in stage.units]
    assert sorted(map(str, order)) == sorted(map(str, units))
    firsts = [unit.first for unit in order if isinstance(unit, SampleUnit)]
    assert firsts == sorted(firsts)
    place = {unit.key: k for k, unit in enumerate(order)}
    for unit in order:
        if isinstance(unit, ScoreUnit):
            assert place[unit.samples.key] < place[unit.key]
    first_search = min(k for k, unit in enumerate(order) if isinstance(unit, SearchUnit))
    assert all(unit.first <= 4 for unit in order[:first_search] if isinstance(unit, SampleUnit))


def test_whatever_is_left_of_them_samples_come_before_scores(units: list[Unit]) -> None:
    left = units[1:]  # the first problem has its samples already, and no scores of them
    names = [stage.name for stage in stages(left)]
    pool = "fake:a temperature=0"
    assert names.index(f"samples of {pool}") < names.index(f"scores of {pool} by fake:q")


def test_a_policy_that_is_loaded_goes_first(units: list[Unit]) -> None:
    order = [stage.units[0].policy for stage in stages(units)]
    loads = sum(a != b for a, b in pairwise(order))
    assert loads == 3, "a b | b a | a b: one more load for each budget"
