"""What turned out to be right is kept beside the router that said how likely it was."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ladders import ladder_router
from tts_select.core.errors import InputError
from tts_select.core.problem import Problem
from tts_select.core.protocols import SampleRequest
from tts_select.data.prior.artifacts import PRIOR
from tts_select.data.world.artifacts import ROUTER
from tts_select.executors.registry import Loaders
from tts_select.selector.routers.artifact import identity_of, load_router, save_router
from tts_select.solving.joining import joined
from tts_select.solving.outcomes import Outcome, append, file_beside, read
from tts_select.solving.selector import Selector
from tts_select.testing import FakePolicy, FakeRewardModel


def said_42(request: SampleRequest, index: int) -> str:
    return "\\boxed{42}"


def selector(folder: Path, *, outcomes: Path | None = None) -> Selector:
    """A ladder router in a folder, for fakes under the names of its policies."""
    save_router(replace(ladder_router(), fingerprints={}), folder, trained_on={})
    policies = {name: FakePolicy(said_42, name=name) for name in ("small", "large")}
    loaders = Loaders(policies.__getitem__, lambda name: FakeRewardModel([0.5]))
    return Selector(load_router(folder), loaders=loaders, folder=folder, outcomes=outcomes)


def outcome(id_: str, *, correct: bool = True) -> Outcome:
    return Outcome(id_, correct, 0.5, "calibrated")


def test_an_outcome_is_kept_with_what_was_said(tmp_path: Path) -> None:
    router = tmp_path / "router"
    of = selector(router)
    solution = of.solve(Problem("How many?", id="p1"), effort="low")
    of.record("p1", correct=True)
    (found,) = read(router / "outcomes.jsonl")
    assert (found.id, found.correct, found.answer) == ("p1", True, "42")
    assert found.confidence == solution.confidence
    assert (found.confidence_kind, found.effort, found.price) == ("calibrated", "low", None)
    assert found.cost is not None
    assert found.cost["policy_generated_tokens"] == solution.bill.total.policy_generated_tokens
    assert found.router == identity_of(router)


def test_a_router_loads_and_is_replaced_with_outcomes_beside_it(tmp_path: Path) -> None:
    router = tmp_path / "router"
    of = selector(router)
    of.solve(Problem("How many?", id="p1"))
    of.record("p1", correct=False)
    assert load_router(router).unit == "tokens"
    save_router(ladder_router(unit="characters"), router, trained_on={})
    assert [o.id for o in read(router / "outcomes.jsonl")] == ["p1"]


def test_only_what_was_solved_here_has_an_outcome_and_only_once(tmp_path: Path) -> None:
    of = selector(tmp_path / "router")
    of.solve(Problem("How many?", id="p1"))
    with pytest.raises(InputError, match="no problem 'p2' waits"):
        of.record("p2", correct=True)
    of.record("p1", correct=True)
    with pytest.raises(InputError, match="no problem 'p1' waits"):
        of.record("p1", correct=True)


def test_what_is_shipped_keeps_no_outcomes_unless_a_file_is_named(tmp_path: Path) -> None:
    assert file_beside(ROUTER) is None
    assert file_beside(PRIOR) is None
    with pytest.raises(InputError, match="name a file for them"):
        Selector.load().record("p1", correct=True)
    of = selector(tmp_path / "router", outcomes=tmp_path / "mine.jsonl")
    of.solve(Problem("How many?", id="p1"))
    of.record("p1", correct=True)
    assert len(read(tmp_path / "mine.jsonl")) == 1
    assert not (tmp_path / "router" / "outcomes.jsonl").exists()


def test_a_file_that_cannot_be_written_keeps_the_problem_waiting(tmp_path: Path) -> None:
    of = selector(tmp_path / "router", outcomes=tmp_path / "none" / "outcomes.jsonl")
    of.solve(Problem("How many?", id="p1"))
    with pytest.raises(InputError, match="cannot write the outcomes"):
        of.record("p1", correct=True)
    (tmp_path / "none").mkdir()
    of.record("p1", correct=True)


def test_a_half_written_last_line_is_passed_over_and_the_next_one_stands_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "outcomes.jsonl"
    append(file, [outcome("p1")])
    with file.open("a") as torn:
        torn.write('{"id": "p2", "corr')
    with caplog.at_level(logging.WARNING):
        assert [o.id for o in read(file)] == ["p1"]
    assert "line 2 is passed over" in caplog.text
    append(file, [outcome("p3")])
    assert [o.id for o in read(file)] == ["p1", "p3"]


def test_appends_from_many_threads_never_mix(tmp_path: Path) -> None:
    file = tmp_path / "outcomes.jsonl"
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda k: append(file, [outcome(f"p{k}")]), range(200)))
    lines = [json.loads(line) for line in file.read_text().splitlines() if line]
    assert {line["id"] for line in lines} == {f"p{k}" for k in range(200)}


def test_the_last_line_of_a_problem_counts(tmp_path: Path) -> None:
    file = tmp_path / "outcomes.jsonl"
    append(file, [outcome("p1"), outcome("p2"), outcome("p1", correct=False)])
    assert {o.id: o.correct for o in read(file)} == {"p1": False, "p2": True}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"correct": true}', "line 1 is no outcome: it needs an id"),
        ('{"id": {}, "correct": true}', "it needs an id"),
        ('{"id": "p", "correct": "perhaps"}', "'correct' is 'perhaps': say true or false"),
        ('{"id": "p", "correct": true, "confidence": 2}', "a number from 0 to 1"),
        ('{"id": "p", "correct": true, "confidence": "high"}', "a number from 0 to 1"),
        ('{"id": "p"}', "does not say whether 'p' is correct"),
        ("{", "line 1: not JSON"),
        ("", "no outcome in"),
    ],
)
def test_a_bad_file_gets_one_line(line: str, message: str, tmp_path: Path) -> None:
    told = tmp_path / "told.jsonl"
    told.write_text(line + "\n")
    with pytest.raises(InputError, match=message) as caught:
        joined(told, None, None)
    assert "\n" not in str(caught.value)


def test_a_csv_is_joined_with_results_and_graded_results_need_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    results, told = tmp_path / "results.jsonl", tmp_path / "told.csv"
    lines = [
        {"id": "a", "answer": "1", "correct": None, "confidence": 0.8, "confidence_kind": "prior"},
        {"id": "b", "answer": "2", "correct": True, "confidence": 0.6, "confidence_kind": "prior"},
        {"id": "c", "answer": None, "error": "the server failed"},
    ]
    results.write_text("".join(json.dumps(line) + "\n" for line in lines))
    told.write_text("id,correct\na,False\nz,True\n")
    found = {o.id: o for o in joined(told, results, "router-1")}
    assert {id_: (o.correct, o.confidence, o.router) for id_, o in found.items()} == {
        "a": (False, 0.8, "router-1"),
        "b": (True, 0.6, "router-1"),
    }
    assert "1 outcomes in" in caplog.text
    assert [o.id for o in joined(None, results, None)] == ["b"]
    with pytest.raises(InputError, match="name the file of `solve --out` with --results"):
        joined(told, None, None)
