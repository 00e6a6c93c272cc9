"""What a PRM's scores show: they are compared within the problem; the leader is that of the weighted vote."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tts_select.selector.agreement import FEATURES, agreement_of
from tts_select.selector.evidence import SolutionEvidence, vote
from tts_select.selector.preference import PRM_FEATURES, preference_of, score_of

COMPARED = ("differs", "lead", "mean_lead", "above", "topped")
SCORES = st.integers(1, 999).map(lambda k: k / 1000)
SOLUTIONS = st.lists(st.tuples(st.integers(-1, 3), st.none() | SCORES), min_size=1, max_size=9)


def samples(*found: tuple[int, float | None]) -> list[SolutionEvidence]:
    return [
        SolutionEvidence(group, 10, -1.0, 1, {} if score is None else {"r": (0.4, score)})
        for group, score in found
    ]


def seen(*found: tuple[int, float | None]) -> dict[str, float]:
    looked = preference_of([samples(*found)], "r", "last")
    values = dict(zip((*FEATURES, *PRM_FEATURES), looked.features[0].tolist(), strict=True))
    return {**values, "first": float(looked.first[0])}


def test_one_good_solution_leads_many_bad_ones() -> None:
    found = seen((1, 0.1), (1, 0.2), (2, 0.9))
    assert found["first"] == 2
    assert found["differs"] == 1
    assert found["share"] == 1 / 3
    assert abs(found["lead"] - 0.7) < 1e-12
    assert abs(found["mean_lead"] - 0.75) < 1e-12
    assert found["above"] == 3 / 4 - 1 / 2
    assert found["topped"] == 0
    assert found["alone"] == 0
    assert abs(found["weighted_share"] - 0.75) < 1e-12
    assert abs(found["weighted_margin"] - 0.5) < 1e-12


def test_a_leader_by_numbers_may_be_topped() -> None:
    found = seen((1, 0.5), (1, 0.5), (2, 0.8))
    assert (found["first"], found["topped"], found["differs"]) == (1, 1, 0)
    assert found["lead"] < 0


@given(SOLUTIONS)
def test_the_leader_is_that_of_the_weighted_vote(found: list[tuple[int, float | None]]) -> None:
    some = samples(*found)
    elected = vote(some, "r")
    sums = {g: sum(s or 0.0 for group, s in found if group == g) for g, _ in found if g >= 0}
    best = max(sums.values(), default=0.0)
    is_tied = sum(abs(value - best) < 1e-6 for value in sums.values()) > 1
    if not is_tied:
        assert seen(*found)["first"] == elected.group


@given(st.integers(-1, 3), st.lists(st.none() | SCORES, min_size=1, max_size=6))
def test_one_answer_alone_is_compared_with_nothing(group: int, scores: list[float | None]) -> None:
    found = seen(*((group, score) for score in scores))
    assert [found[name] for name in COMPARED] == [0.0] * len(COMPARED)
    best = max((score for score in scores if score is not None), default=0.0)
    assert found["alone"] == (best if group >= 0 else 0.0)


@given(SOLUTIONS)
def test_equal_or_no_scores_leave_the_leader_of_the_votes(found: list[tuple[int, float | None]]) -> None:
    plain = int(agreement_of([samples(*found)]).first[0])
    for score in (None, 0.3):
        same = seen(*((group, score) for group, _ in found))
        assert same["first"] == plain
        assert [same[name] for name in COMPARED] == [0.0] * len(COMPARED)


@given(SOLUTIONS, st.floats(0.05, 1.0))
def test_a_scale_changes_no_order(found: list[tuple[int, float | None]], scale: float) -> None:
    sums = {g: sum(s or 0.0 for group, s in found if group == g) for g, _ in found if g >= 0}
    ranked = sorted(sums.values(), reverse=True)
    if len(ranked) > 1 and ranked[0] - ranked[1] < 1e-6:
        return
    before = seen(*found)
    after = seen(*((group, None if score is None else score * scale) for group, score in found))
    for name in ("first", "differs", "share", "above", "topped"):
        assert before[name] == after[name], name
    for name in ("weighted_share", "weighted_margin"):
        assert abs(before[name] - after[name]) < 1e-9, name


@given(st.lists(SOLUTIONS.filter(lambda some: len(some) >= 4).map(lambda some: some[:4]), max_size=4))
def test_many_problems_are_looked_at_as_one_is(problems: list[list[tuple[int, float | None]]]) -> None:
    if not problems:
        return
    together = preference_of([samples(*some) for some in problems], "r", "last")
    for k, some in enumerate(problems):
        alone = preference_of([samples(*some)], "r", "last")
        np.testing.assert_allclose(together.features[k], alone.features[0], atol=1e-12)
        assert together.first[k] == alone.first[0]


def test_scores_are_those_of_one_prm_aggregated() -> None:
    (sample,) = samples((1, 0.8))
    assert score_of(sample, "r", "last") == 0.8
    assert score_of(sample, "r", "min") == 0.4
    assert np.isnan(score_of(sample, "other", "last"))
