from __future__ import annotations

from dataclasses import replace

import pytest

from tests.training.prms.logs import log_of, sample
from tts_select import InputError
from tts_select.training.prms.solutions import SPLITS, solutions_of, split_of


def test_solutions_have_steps_verdicts_and_a_split_by_problem() -> None:
    log = log_of({f"p{k}": [sample("a\n\nb", right=True), sample("c", right=False)] for k in range(40)})
    found = solutions_of(log)
    assert len(found) == 80
    assert found[0].steps == ("a", "b")
    assert {s.split for s in found} == set(SPLITS)
    assert len({(s.problem, s.split) for s in found}) == 40
    assert [s.correct for s in found[:2]] == [True, False]
    assert all(s.split == split_of(s.problem, 0) for s in found)


def test_what_was_cut_or_is_empty_or_greedy_is_left_out() -> None:
    cut = replace(sample("a", right=False), finish="length")
    log = log_of({f"p{k}": [sample("a", right=True), cut, sample("b", right=False), sample("", right=False)]
                  for k in range(40)}, greedy=[sample("g", right=True)])  # fmt: skip
    assert [s.steps for s in solutions_of(log)][:2] == [("a",), ("b",)]
    assert len(solutions_of(log)) == 80


def test_another_seed_splits_otherwise() -> None:
    problems = [f"p{k}" for k in range(50)]
    assert [split_of(p, 0) for p in problems] != [split_of(p, 1) for p in problems]
    shares = [sum(split_of(f"q{k}", 2) == split for k in range(2000)) / 2000 for split in SPLITS]
    assert shares == pytest.approx([0.7, 0.15, 0.15], abs=0.03)


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (log_of({}), "no texts of sampled solutions"),
        (log_of({"p": [sample("a", right=True), sample("b", right=False)]}), "of 1 problems"),
        (log_of({f"p{k}": [sample("a", right=False)] for k in range(60)}), "solutions of the train problems"),
    ],
)
def test_a_log_that_cannot_teach_is_refused_with_the_reason(log: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        solutions_of(log)  # type: ignore[arg-type]


def test_an_unknown_policy_is_refused_with_those_that_are_there() -> None:
    log = log_of({f"p{k}": [sample("a", right=True), sample("b", right=False)] for k in range(40)})
    with pytest.raises(InputError, match="no policy 'other': choose from world:small"):
        solutions_of(log, policies=["other"])
