from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.arm import Arm
from tts_select.core.candidate import Candidate
from tts_select.core.plan import SELECTIONS, Selection, Settings
from tts_select.core.voting import Vote, tally
from tts_select.data.grading import group_equivalent
from tts_select.executors.aggregation import choose, rank
from tts_select.selector.evidence import (
    NO_ANSWER,
    Evidence,
    SeenSamples,
    SolutionEvidence,
    counted_once,
    counts,
    shares,
    vote,
    won_by,
)

ANSWERS = ("1", "2", "0.5", "1/2", "0.50")
answers = st.one_of(st.none(), st.sampled_from(ANSWERS))
scores = st.integers(0, 16).map(lambda k: k / 16)
"""Sums of them are exact, so that a tie is a tie however it is added up."""


def observed(group: int, *step_scores: float) -> SolutionEvidence:
    return SolutionEvidence(group, 1, -1.0, 1, {"r": step_scores} if step_scores else {})


def candidate(answer: str | None, step_scores: tuple[float, ...]) -> Candidate:
    last = "no idea" if answer is None else f"\\boxed{{{answer}}}"
    return Candidate((*("step" for _ in step_scores[1:]), last), step_scores or None, "stop")


@pytest.mark.parametrize("selection", SELECTIONS)
@given(data=st.lists(st.tuples(answers, st.lists(scores, max_size=2).map(tuple)), max_size=8))
def test_a_vote_is_what_the_executors_would_choose(
    selection: Selection, data: list[tuple[str | None, tuple[float, ...]]]
) -> None:
    groups = group_equivalent([answer for answer, _ in data])
    won = vote([observed(g, *s) for g, (_, s) in zip(groups, data, strict=True)], "r", selection)
    found = choose(rank([candidate(*entry) for entry in data], "last"), selection)
    if found is None:
        assert won == Vote(NO_ANSWER, 0.0)
    else:
        assert won.group == groups[[answer for answer, _ in data].index(found[0].answer)]
        assert won.share == pytest.approx(found[1])


@given(
    st.lists(
        st.tuples(answers, st.floats(-40, 0) | st.just(math.nan), st.integers(1, 30)), min_size=1, max_size=8
    )
)
def test_a_weighted_majority_is_what_the_executors_would_choose(
    data: list[tuple[str | None, float, int]],
) -> None:
    arm = Arm("p", None, "weighted_majority", 8)
    groups = group_equivalent([answer for answer, _, _ in data])
    seen = [SolutionEvidence(g, n, logprob, 1) for g, (_, logprob, n) in zip(groups, data, strict=True)]
    written = [replace(candidate(answer, ()), logprob=logprob, n_tokens=n) for answer, logprob, n in data]
    found = choose(rank(written, "last", by="likelihood"), "vote")
    won = won_by(arm, seen)
    if found is None:
        assert won == Vote(NO_ANSWER, 0.0)
    else:
        assert won.group == groups[[answer for answer, _, _ in data].index(found[0].answer)]
        assert won.share == pytest.approx(found[1])
        assert shares(arm, seen)[won.group] == pytest.approx(won.share)


def test_votes_are_weighed_by_the_mean_likelihood_of_a_token() -> None:
    """Two votes of 0.3 and 0.4 lose against one of 0.8, however long its solution is."""
    arm = Arm("p", None, "weighted_majority", 3)
    seen = [
        SolutionEvidence(0, 10, 10 * math.log(0.3), 1),
        SolutionEvidence(1, 50, 50 * math.log(0.8), 1),
        SolutionEvidence(0, 10, 10 * math.log(0.4), 1),
    ]
    assert won_by(arm, seen) == Vote(1, pytest.approx(0.8 / 1.5))
    assert won_by(replace(arm, method="majority"), seen) == Vote(0, pytest.approx(2 / 3))


@pytest.mark.parametrize("method", ["weighted_majority", "self_certainty"])
def test_where_nothing_is_known_to_weigh_votes_by_they_count_alike(method: str) -> None:
    arm = Arm("p", None, method, 3)
    seen = [SolutionEvidence(group, 10, math.nan, 1) for group in (0, 1, 1)]
    assert won_by(arm, seen) == Vote(1, pytest.approx(2 / 3))


def certain(group: int, certainty: float) -> SolutionEvidence:
    return SolutionEvidence(group, 10, -1.0, 1, certainty=certainty)


def test_votes_are_weighed_by_the_square_root_of_their_rank_from_the_end() -> None:
    """Ranks 2 and 3 of four have 1.73 + 1.41 = 3.15 votes, and 1 and 4 have 2 + 1. What has no answer has no
    rank."""
    arm = Arm("p", None, "self_certainty", 8)
    seen = [certain(0, 9.0), certain(1, 8.0), certain(NO_ANSWER, 99.0), certain(1, 7.9), certain(0, 2.0)]
    won = math.sqrt(3) + math.sqrt(2)
    assert won_by(arm, seen) == Vote(1, pytest.approx(won / (won + 3)))
    assert shares(arm, seen) == pytest.approx({1: won / (won + 3), 0: 3 / (won + 3)})
    assert won_by(replace(arm, method="majority"), seen) == Vote(0, 0.5)


@pytest.mark.parametrize("selection", SELECTIONS)
@given(
    data=st.lists(
        st.tuples(answers, st.floats(-40, 0), st.sampled_from([math.nan, 1.0, 2.0, 3.5, 12.0])), max_size=8
    )
)
def test_a_vote_by_certainty_is_what_the_executors_would_choose(
    selection: Selection, data: list[tuple[str | None, float, float]]
) -> None:
    arm = Arm("p", None, "self_certainty", 8, Settings(selection=selection))
    groups = group_equivalent([answer for answer, _, _ in data])
    seen = [certain(g, certainty) for g, (_, _, certainty) in zip(groups, data, strict=True)]
    written = [replace(candidate(answer, ()), certainty=certainty) for answer, _, certainty in data]
    found = choose(rank(written, "last", by="certainty"), selection)
    won = won_by(arm, seen)
    if found is None:
        assert won == Vote(NO_ANSWER, 0.0)
    else:
        assert won.group == groups[[answer for answer, _, _ in data].index(found[0].answer)]
        assert won.share == pytest.approx(found[1])


@given(st.lists(st.integers(-1, 3), max_size=12), st.floats(0.1, 20) | st.just(math.nan))
def test_with_equal_certainties_it_is_a_majority(groups: list[int], certainty: float) -> None:
    seen = [certain(group, certainty) for group in groups]
    won = won_by(Arm("p", None, "self_certainty", 12), seen)
    plain = won_by(Arm("p", None, "majority", 12), seen)
    assert (won.group, won.share) == (plain.group, pytest.approx(plain.share))


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
    assert list(tally([s.group for s in samples], [0.5, 2.0, 0.25]).items()) == [(3, 0.75), (1, 2.0)]


def test_votes_are_counted_by_group_without_the_silent_ones() -> None:
    assert counts([observed(2), observed(NO_ANSWER), observed(0), observed(2)]) == {2: 2, 0: 1}
    assert counts([]) == {}


def test_an_arm_votes_with_its_prm_and_its_settings() -> None:
    """Two low scores sum to more than a high one, whose lowest step is the lowest of all."""
    samples = [observed(0, 0.1, 0.9), observed(1, 0.6), observed(1, 0.5)]
    by_sum, by_best, by_lowest, by_votes = (
        won_by(arm, samples)
        for arm in (
            Arm("p", "r", "best_of_n", 3),
            Arm("p", "r", "best_of_n", 3, Settings(selection="max")),
            Arm("p", "r", "best_of_n", 3, Settings(selection="max", aggregation="min")),
            Arm("p", None, "majority", 3),
        )
    )
    assert by_sum == Vote(1, pytest.approx(1.1 / 2.0))
    assert by_best == Vote(0, 0.9)
    assert by_lowest == Vote(1, 0.6)
    assert by_votes == Vote(1, pytest.approx(2 / 3))


def test_a_pool_that_was_not_drawn_has_no_samples() -> None:
    evidence = Evidence("What is it?", {"p": [observed(0)]})
    assert len(evidence.of("p")) == 1
    assert list(evidence.of("p temperature=0")) == []


def test_solutions_are_all_that_answer_whatever_pool_or_search_they_come_from() -> None:
    greedy, hot, other, found = observed(0), observed(1, 0.5), observed(0), observed(2)
    evidence = Evidence(
        "x",
        {"p temperature=0": [greedy], "p": [observed(NO_ANSWER), hot], "q": [other]},
        {"beam@4 p r": found, "dvts@4 p r": observed(NO_ANSWER)},
    )
    assert list(evidence.solutions()) == [greedy, hot, other, found]
    assert list(Evidence("x").solutions()) == []


def test_seen_samples_are_counted_once_for_each_question_and_others_anew() -> None:
    asked: list[tuple[int, str]] = []

    @counted_once
    def count(samples: Sequence[SolutionEvidence], what: str) -> tuple[int, str]:
        asked.append((len(samples), what))
        return asked[-1]

    one, same = SeenSamples([observed(0)] * 2), SeenSamples([observed(0)] * 2)
    assert [count(one, "a"), count(one, "b"), count(one, "a")] == [(2, "a"), (2, "b"), (2, "a")]
    assert asked == [(2, "a"), (2, "b")]
    count(same, "a")
    count([observed(0)], "a")
    count([observed(0)], "a")
    assert asked[2:] == [(2, "a"), (1, "a"), (1, "a")]
