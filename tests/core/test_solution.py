from __future__ import annotations

import pytest

from tts_select.core.cost import Bill
from tts_select.core.plan import Plan
from tts_select.core.solution import Solution


def solution(answer: str | None = "4", confidence: float | None = 0.7) -> Solution:
    plan = Plan("fake", None, "majority", 4)
    return Solution(answer, "\\boxed{4}", confidence, "complete", plan, Bill({}), ())


@pytest.mark.parametrize("least", [0.0, 0.3, 0.7])
def test_a_sure_answer_is_kept(least: float) -> None:
    found = solution()
    assert found.withheld_below(least) == found
    assert "best_guess" not in found.as_dict()


@pytest.mark.parametrize("least", [0.71, 1.0])
def test_an_unsure_answer_becomes_the_best_guess(least: float) -> None:
    withheld = solution().withheld_below(least)
    assert (withheld.answer, withheld.best_guess, withheld.confidence) == (None, "4", 0.7)
    record = withheld.as_dict()
    assert (record["answer"], record["best_guess"]) == (None, "4")


def test_no_answer_is_no_guess() -> None:
    assert solution(None, None).withheld_below(1.0) == solution(None, None)


def test_an_unknown_confidence_is_none() -> None:
    assert solution("4", None).withheld_below(0.0).answer == "4"
    assert solution("4", None).withheld_below(0.01).best_guess == "4"
