from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.candidate import Candidate, Finish
from tts_select.core.plan import AGGREGATIONS, Aggregation, Selection
from tts_select.core.voting import aggregate
from tts_select.executors.aggregation import choose, rank, score_of

scores = st.floats(0, 1)


def candidate(answer: str | None, *step_scores: float, finish: Finish = "stop") -> Candidate:
    """As many steps as scores (one without any), the last of which gives the answer."""
    last = "no idea" if answer is None else f"\\boxed{{{answer}}}"
    steps = (*(f"step {k}" for k in range(len(step_scores) - 1)), last)
    return Candidate(steps, step_scores or None, finish)


def chosen(
    candidates: list[Candidate], how: Aggregation = "last", selection: Selection = "vote"
) -> tuple[str | None, float]:
    found = choose(rank(candidates, how), selection)
    assert found is not None
    return found[0].answer, found[1]


@pytest.mark.parametrize(("how", "score"), [("min", 0.2), ("last", 0.5), ("mean", 0.5), ("prod", 0.08)])
def test_step_scores_become_one_score(how: Aggregation, score: float) -> None:
    assert aggregate([0.8, 0.2, 0.5], how) == pytest.approx(score)


@pytest.mark.parametrize("how", AGGREGATIONS)
@given(data=st.lists(scores, min_size=1))
def test_one_score_lies_between_zero_and_the_best_step(how: Aggregation, data: list[float]) -> None:
    assert 0 <= aggregate(data, how) <= max(data) + 1e-12
    assert aggregate(data[:1], how) == data[0]


@pytest.mark.parametrize("how", AGGREGATIONS)
def test_no_scores_cannot_be_aggregated(how: Aggregation) -> None:
    with pytest.raises(ValueError, match="without step scores"):
        aggregate([], how)


@pytest.mark.parametrize("how", AGGREGATIONS)
def test_an_unscored_candidate_has_no_score_rather_than_zero(how: Aggregation) -> None:
    assert score_of(Candidate(("a",)), how) is None
    assert score_of(Candidate(), how) is None


@pytest.mark.parametrize(
    ("how", "selection", "answer"),
    [
        # 1: (.9, .1) and (.9, .1); 2: (.4, .5); 3: (.1, .6)
        ("last", "vote", "3"),
        ("min", "vote", "2"),
        ("mean", "vote", "1"),
        ("prod", "vote", "2"),
        ("last", "max", "3"),
        ("min", "max", "2"),
        ("mean", "max", "1"),
        ("prod", "max", "2"),
    ],
)
def test_the_vote_sums_the_scores_of_the_chosen_aggregation(
    how: Aggregation, selection: Selection, answer: str
) -> None:
    pool = [
        candidate("1", 0.9, 0.1),
        candidate("1", 0.9, 0.1),
        candidate("2", 0.4, 0.5),
        candidate("3", 0.1, 0.6),
    ]
    assert chosen(pool, how, selection)[0] == answer


def test_the_vote_adds_up_where_the_best_candidate_does_not_win() -> None:
    pool = [candidate("1", 0.6), candidate("2", 0.4), candidate("2", 0.4)]
    assert chosen(pool, selection="vote") == ("2", pytest.approx(0.8 / 1.4))
    assert chosen(pool, selection="max") == ("1", 0.6)


def test_equivalent_answers_vote_together() -> None:
    pool = [candidate("3", 0.5), candidate("0.5", 0.3), candidate("1/2", 0.3)]
    assert chosen(pool) == ("0.5", pytest.approx(0.6 / 1.1))


def test_the_best_candidate_of_the_winning_answer_is_chosen() -> None:
    found = choose(rank([candidate("1", 0.1), candidate("1", 0.9), candidate("2", 0.8)], "last"), "vote")
    assert found is not None
    assert found[0].score == 0.9


@pytest.mark.parametrize("finish", ["length", "deadline", "cap", "open"])
@pytest.mark.parametrize("selection", ["max", "vote"])
def test_a_truncated_candidate_has_no_answer_and_no_vote(finish: Finish, selection: Selection) -> None:
    truncated = [candidate("1", 0.99, finish=finish)] * 3
    assert [r.answer for r in rank(truncated, "last")] == [None] * 3
    assert choose(rank(truncated, "last"), selection) is None
    assert chosen([*truncated, candidate("2", 0.01)], selection=selection)[0] == "2"


@pytest.mark.parametrize("selection", ["max", "vote"])
def test_without_an_answer_nothing_is_chosen(selection: Selection) -> None:
    assert choose([], selection) is None
    assert choose(rank([candidate(None, 0.9), Candidate((), None, "stop")], "last"), selection) is None


@pytest.mark.parametrize("selection", ["max", "vote"])
def test_unscored_candidates_vote_by_count(selection: Selection) -> None:
    pool = [candidate("1"), candidate("2"), candidate("2"), candidate(None)]
    assert chosen(pool, selection=selection) == ("2", pytest.approx(2 / 3))


@pytest.mark.parametrize("selection", ["max", "vote"])
def test_an_unscored_candidate_among_scored_ones_loses(selection: Selection) -> None:
    pool = [candidate("1"), candidate("1"), candidate("2", 0.01)]
    assert chosen(pool, selection=selection)[0] == "2"


@pytest.mark.parametrize("selection", ["max", "vote"])
@pytest.mark.parametrize("step_scores", [(), (0.5,), (0.0,)])
def test_a_tie_goes_to_the_first(selection: Selection, step_scores: tuple[float, ...]) -> None:
    pool = [candidate(answer, *step_scores) for answer in ("3", "1", "2")]
    assert chosen(pool, selection=selection)[0] == "3"
    assert chosen(pool[::-1], selection=selection)[0] == "2"


@pytest.mark.parametrize("selection", ["max", "vote"])
@given(data=st.lists(st.tuples(st.sampled_from("123"), st.one_of(st.none(), scores)), min_size=1))
def test_the_share_of_the_vote_is_a_probability(
    selection: Selection, data: list[tuple[str, float | None]]
) -> None:
    pool = [candidate(answer, *([] if score is None else [score])) for answer, score in data]
    answer, share = chosen(pool, selection=selection)
    assert 0 <= share <= 1
    assert answer in {a for a, _ in data}


@given(st.lists(st.tuples(st.sampled_from("123"), scores), min_size=1))
def test_the_vote_equals_a_plain_sum(data: list[tuple[str, float]]) -> None:
    sums = {a: math.fsum(s for b, s in data if b == a) for a, _ in data}
    answer, share = chosen([candidate(a, s) for a, s in data])
    assert sums[answer or ""] == max(sums.values())
    total = math.fsum(sums.values())
    assert share == pytest.approx(sums[answer or ""] / total if total else 0.0)
