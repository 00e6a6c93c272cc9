from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.candidate import Candidate
from tts_select.core.plan import SELECTIONS, Selection
from tts_select.data.grading import is_equivalent
from tts_select.executors.aggregation import choose, rank
from tts_select.selector.evidence import NO_ANSWER, Evidence, Observed, Vote, grouped, tallied, vote

ANSWERS = ("1", "2", "0.5", "1/2", "0.50")
answers = st.one_of(st.none(), st.sampled_from(ANSWERS))
scores = st.integers(0, 16).map(lambda k: k / 16)
"""Sums of them are exact, so that a tie is a tie however it is added up."""


def observed(group: int, *step_scores: float) -> Observed:
    return Observed(group, 1, -1.0, 1, {"r": step_scores} if step_scores else {})


def candidate(answer: str | None, step_scores: tuple[float, ...]) -> Candidate:
    last = "no idea" if answer is None else f"\\boxed{{{answer}}}"
    return Candidate((*("step" for _ in step_scores[1:]), last), step_scores or None, "stop")


@pytest.mark.parametrize("selection", SELECTIONS)
@given(data=st.lists(st.tuples(answers, st.lists(scores, max_size=2).map(tuple)), max_size=8))
def test_a_vote_is_what_the_executors_would_choose(
    selection: Selection, data: list[tuple[str | None, tuple[float, ...]]]
) -> None:
    groups = grouped([answer for answer, _ in data], is_equivalent)
    won = vote([observed(g, *s) for g, (_, s) in zip(groups, data, strict=True)], "r", selection)
    found = choose(rank([candidate(*entry) for entry in data], "last"), selection)
    if found is None:
        assert won == Vote(NO_ANSWER, 0.0)
    else:
        assert won.group == groups[[answer for answer, _ in data].index(found[0].answer)]
        assert won.share == pytest.approx(found[1])


def test_without_a_prm_the_scores_do_not_count() -> None:
    samples = [observed(0, 0.9), observed(1, 0.1), observed(1, 0.1)]
    assert vote(samples, None) == vote(samples, None, "max") == Vote(1, pytest.approx(2 / 3))
    assert vote(samples, "another") == Vote(1, pytest.approx(2 / 3))
    assert vote(samples, "r") == Vote(0, pytest.approx(0.9 / 1.1))


@pytest.mark.parametrize("selection", SELECTIONS)
def test_samples_without_an_answer_do_not_vote(selection: Selection) -> None:
    silent = [observed(NO_ANSWER, 0.99)] * 3
    assert vote(silent, "r", selection) == vote([], "r", selection) == Vote(NO_ANSWER, 0.0)
    assert vote([*silent, observed(4, 0.01)], "r", selection).group == 4


def test_a_sample_without_a_score_never_wins_by_its_score() -> None:
    assert vote([observed(0), observed(1, 0.0)], "r", "max") == Vote(1, 0.0)


def test_a_vote_of_zeros_goes_to_the_first_with_no_share() -> None:
    assert vote([observed(2, 0.0), observed(1, 0.0)], "r") == Vote(2, 0.0)


def test_weights_are_summed_by_group_in_order_of_appearance() -> None:
    samples = [observed(3), observed(1), observed(3)]
    assert list(tallied(samples, [0.5, 2.0, 0.25]).items()) == [(3, 0.75), (1, 2.0)]


@given(st.lists(answers, max_size=10))
def test_answers_have_the_same_number_if_they_are_equivalent(data: list[str | None]) -> None:
    groups = grouped(data, is_equivalent)
    for one, first in zip(data, groups, strict=True):
        assert (first == NO_ANSWER) == (one is None)
        for other, second in zip(data, groups, strict=True):
            if one is not None and other is not None:
                assert (first == second) == is_equivalent(one, other)


@given(st.lists(answers, max_size=10))
def test_numbers_count_up_from_the_first_answer(data: list[str | None]) -> None:
    groups = grouped(data, is_equivalent)
    first_seen = list(dict.fromkeys(g for g in groups if g != NO_ANSWER))
    assert first_seen == list(range(len(first_seen)))


def test_an_exact_repeat_is_not_compared_again() -> None:
    asked: list[tuple[str, str]] = []

    def same(one: str, other: str) -> bool:
        asked.append((one, other))
        return one == other

    assert grouped(["a", "a", "b", "a", "b"], same) == [0, 0, 1, 0, 1]
    assert asked == [("b", "a")]


def test_a_policy_that_was_not_asked_has_no_samples() -> None:
    evidence = Evidence("What is it?", {"p": [observed(0)]})
    assert len(evidence.of("p")) == 1
    assert list(evidence.of("q")) == []
