"""What only a look-ahead router is asked, by models that are written down (`by_hand.py` has the log)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from tests.training.evaluation.by_hand import GREEDY, GREEDY_LARGE, LARGE, SMALL, TEXTS, VOTE, log_by_hand
from tts_select.selector.calibration import Calibration
from tts_select.selector.familiarity import TextRanges
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import (
    CalibratedModel,
    DifficultyModel,
    LookaheadRouter,
    Probe,
    layout_of,
)
from tts_select.selector.text_features import TEXT_FEATURES
from tts_select.training.evaluation.decides import COUNTS
from tts_select.training.evaluation.evaluate import evaluate
from tts_select.training.evaluation.records import Report

CHARS = max(map(len, TEXTS.values()))
REST = dict.fromkeys(("samples", "searches", "how sure of them", "answers at hand", "the arm"), 0.0)


class Formula:
    def __init__(self, of: Callable[[np.ndarray], np.ndarray], gains: np.ndarray) -> None:
        self.predict = lambda rows, **_: of(rows)
        self.feature_importance = lambda kind: gains


def written_down(of: Callable[[np.ndarray], np.ndarray], gains: np.ndarray) -> CalibratedModel:
    return CalibratedModel(Formula(of, gains), Calibration((0.0, 1.0), (0.0, 1.0)))  # type: ignore[arg-type]


def router_by_hand(**changes: Any) -> LookaheadRouter:
    """Every answer at hand is right with 0.1, so that the first one stays the surest; an arm mends a wrong
    one the likelier the longer the problem is. An arm costs 1 FLOP, it thinks."""
    portfolio = Portfolio("by hand", (GREEDY, GREEDY_LARGE, VOTE))
    strengths = dict.fromkeys((arm.name for arm in portfolio.arms), 0.5)
    layout = layout_of(portfolio, strengths)
    chars = layout.option_names.index("text/chars")
    by_length = np.zeros(len(layout.option_names))
    by_length[chars] = 2.0
    nothing = np.zeros(len(layout.answer_names))
    found: dict[str, Any] = {
        "portfolio": portfolio,
        "probe": Probe(SMALL, None, 1, 0.0),
        "mend": written_down(lambda rows: rows[:, chars] / CHARS, by_length),
        "spoil": written_down(lambda rows: np.zeros(len(rows)), 0 * by_length),
        "confidence": written_down(lambda rows: np.full(len(rows), 0.1), nothing),
        "cost": Formula(lambda rows: np.zeros(len(rows)), 0 * by_length),
        "difficulty": {
            name: DifficultyModel(
                written_down(lambda rows, p=p: np.full(len(rows), p), nothing),  # type: ignore[misc]
                ((-1.0, 0.0, 0.0),),
            )
            for name, p in ((SMALL, 0.4), (LARGE, 0.7))
        },
        "prices": {"low": 2.0, "medium": 0.001, "high": 0.0001},
        "fallback": VOTE.name,
        "familiarity": TextRanges(tuple((-1e9, 1e9) for _ in TEXT_FEATURES), frozenset()),
        "mean_tokens": {SMALL: 1.0, LARGE: 3.0},
        "strengths": strengths,
        "fingerprints": {SMALL: "fp-small", LARGE: "fp-large", "grader": "grader"},
    }
    return LookaheadRouter(**{**found, **changes})


@pytest.fixture(scope="module")
def report() -> Report:
    ablation = {"auc": {"all": 0.9}, "brier": {"all": 0.1}, "ece": {"all": 0.05}, "probes": {"n": 1}}
    facts = {"ablation": ablation, "unfamiliar": {"refused": 0.0125}}
    return evaluate(router_by_hand(), log_by_hand(), facts)


def test_only_what_decides_has_a_share(report: Report) -> None:
    assert report["decides"] == {"a wrong one is put right": {COUNTS: 1.0, **REST}}
    assert report["first_steps"] == {}


def p_mended(text: str) -> float:
    return 0.1 + 0.9 * len(text) / CHARS


def test_p_correct_is_held_against_what_the_arms_come_to(report: Report) -> None:
    """Two arms of each problem are open after the probe; its answer stays, so A alone is right."""
    found = report["calibration"]["p_correct"]
    said = [p_mended(text) for text in TEXTS.values() for _ in range(2)]
    right = [1, 1, 0, 0, 0, 0, 0, 0]
    assert found["n"] == 8
    squares = [(p - y) ** 2 for p, y in zip(said, right, strict=True)]
    assert found["brier"] == pytest.approx(sum(squares) / 8)
    # the two problems of 12 letters share a bin, and so do those of 14 and of 16
    bins: Mapping[int, list[int]] = {int(10 * min(p, 0.99)): [] for p in said}
    for k, p in enumerate(said):
        bins[int(10 * min(p, 0.99))].append(k)
    gaps = [abs(sum(said[k] - right[k] for k in places)) for places in bins.values()]
    assert found["ece"] == pytest.approx(sum(gaps) / 8)


def test_difficulty_is_held_against_the_success_of_every_policy(report: Report) -> None:
    found = report["calibration"]["difficulty"]
    assert [(b["predicted"], b["n"]) for b in found["bins"]] == [
        (pytest.approx(0.4), 4),
        (pytest.approx(0.7), 4),
    ]
    assert [b["observed"] for b in found["bins"]] == [(1 + 0.75 + 0.25 + 0) / 4, (1 + 0 + 1 + 0) / 4]
    assert found["ece"] == pytest.approx((0.1 + 0.2) / 2)


def test_solvable_problems_are_told_from_others(report: Report) -> None:
    """A, B and C are solved by some arm, D by none; C is longer than D, A and B are shorter."""
    assert report["solvable_auc"] == pytest.approx(1 / 3)


def test_deciding_once_runs_the_best_arm_to_its_end(report: Report) -> None:
    """All arms seem alike, so the first one that is open is taken, the large policy at 12 more."""
    once = report["decide_once"]
    assert (once["accuracy"], once["cost"]) == (0.25, 2 + 12)


def test_a_strange_problem_gets_the_fallback_when_it_is_decided_once_too() -> None:
    """It is known to be by its length, before the probe, which is not paid."""
    ranges = [(-1e9, 1e9)] * len(TEXT_FEATURES)
    ranges[TEXT_FEATURES.index("chars")] = (len(TEXTS["A"]) - 0.1, len(TEXTS["D"]) + 0.1)
    found = evaluate(router_by_hand(familiarity=TextRanges(tuple(ranges), frozenset())), log_by_hand(), {})
    assert found["unfamiliar_share"] == 0.25, "C is the longest"
    # C gets the vote of the small policy for 8, which is wrong; the others are as before
    assert found["decide_once"]["cost"] == (3 * 14 + 8) / 4


def test_what_features_told_in_training_is_passed_on(report: Report) -> None:
    assert report["difficulty"]["auc"] == {"all": 0.9}
    assert report["unfamiliar_share_in_training"] == 0.0125
    assert report["shift"] is None
    assert report["kind"] == "look-ahead"


def test_bins_are_by_the_difficulty_for_the_fallbacks_policy(report: Report) -> None:
    """The small policy's: A and B are easy, C is medium, D hard."""
    assert set(report["choices"]) == {"easy", "medium", "hard"}
