from __future__ import annotations

import math

import pytest

from tts_select.training.prms.judged import judged
from tts_select.training.prms.solutions import Solution


def solution(problem: str, group: int, *, n_tokens: int = 10, logprob: float | None = -5.0) -> Solution:
    """Group 0 is right."""
    return Solution(problem, "text", "p", ("s",), group == 0, group, n_tokens, logprob, "test")


def test_ratings_are_within_problems() -> None:
    """Across problems the scores are upside down, within each they are right."""
    solutions = [solution("a", 0), solution("a", 1), solution("b", 0), solution("b", 1)]
    found = judged("p", solutions, [0.2, 0.1, 0.9, 0.8])
    assert found.auc["head"].value == 1.0
    assert judged("p", solutions, [0.1, 0.2, 0.9, 0.8]).auc["head"].value == 0.5


def test_problems_without_right_or_wrong_say_nothing() -> None:
    solutions = [solution("a", 0), solution("a", 0), solution("b", 0), solution("b", 1)]
    assert judged("p", solutions, [0.9, 0.1, 0.9, 0.1]).auc["head"].value == 1.0
    assert math.isnan(judged("p", solutions[:2], [0.9, 0.1]).auc["head"].value)


def test_the_rivals_cost_nothing() -> None:
    solutions = [
        solution("a", 0, n_tokens=5, logprob=-1.0),
        solution("a", 0, n_tokens=6, logprob=-2.0),
        solution("a", 1, n_tokens=20, logprob=-19.0),
    ]
    found = judged("p", solutions, [0.5, 0.5, 0.5])
    assert {name: interval.value for name, interval in found.auc.items()} == {
        "head": 0.5, "likelihood": 1.0, "shorter": 1.0, "votes": 1.0,
    }  # fmt: skip
    unknown = [solution("a", 0, logprob=None), solution("a", 1)]
    assert math.isnan(judged("p", unknown, [0.5, 0.5]).auc["likelihood"].value)


def test_scores_outvote_a_wrong_majority() -> None:
    solutions = [solution("a", 0), solution("a", 1), solution("a", 1)]
    found = judged("p", solutions, [0.9, 0.1, 0.2])
    assert found.accuracy["majority"].value == 0.0
    assert found.accuracy["best_of_n"].value == 1.0
    assert found.accuracy["best_of_n - majority"].value == 1.0
    assert found.accuracy["weighted_majority"].value == 0.0


def test_calibration_is_of_the_last_score() -> None:
    found = judged("p", [solution("a", 0), solution("a", 1)], [1.0, 0.0])
    assert (found.ece, found.brier) == (0.0, 0.0)
    assert judged("p", [solution("a", 0), solution("a", 1)], [0.0, 1.0]).brier == pytest.approx(1.0)
