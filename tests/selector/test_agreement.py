"""What samples show about each other: the same for every model, whatever its lengths and names of answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.selector.agreement import FEATURES, LONG, agreement, tokens_a_length
from tts_select.selector.evidence import NO_ANSWER

groups = st.lists(st.integers(-1, 4), min_size=1, max_size=12)


def seen(
    group: list[int], length: list[float] | None = None, cut: list[bool] | None = None
) -> tuple[int, dict[str, float]]:
    found = agreement(
        np.array([group]),
        np.array([length or [10.0] * len(group)]),
        np.array([cut or [False] * len(group)]),
    )
    return int(found.first[0]), dict(zip(FEATURES, found.features[0].tolist(), strict=True))


def test_counts_by_hand() -> None:
    first, features = seen([3, 1, 3, -1, 2, 3, -1, 1], cut=[*[False] * 6, True, False])
    assert first == 3
    assert features["samples"] == 8
    assert features["first_share"] == 3 / 8
    assert features["second_share"] == 2 / 8
    assert features["third_share"] == 1 / 8
    assert features["margin"] == 1 / 8
    assert features["distinct"] == 3 / 8
    assert features["single"] == 1 / 8
    assert features["unanswered"] == 1 / 8
    assert features["cut"] == 1 / 8


def test_lengths_by_hand() -> None:
    e = float(np.e)
    _, features = seen([1, 1, 2], [e, e**3, e**5])
    assert features["first_length"] == pytest.approx(-1.0)  # the mean of 1 and 3, beside 3
    assert features["first_shortest"] == pytest.approx(-2.0)
    assert features["second_length"] == pytest.approx(2.0)
    assert features["spread"] == pytest.approx(np.std([1, 3, 5]))


def test_without_an_answer_nothing_leads() -> None:
    first, features = seen([-1, -1])
    assert first == NO_ANSWER
    assert features["first_share"] == features["first_length"] == 0.0


def test_a_tie_goes_to_the_first_answer_of_a_model_that_writes_short_solutions() -> None:
    assert seen([7, 5], [200.0, 100.0])[0] == 7


def test_a_tie_goes_to_the_shorter_thought_of_a_model_that_thinks_at_length() -> None:
    assert seen([7, 5], [4 * LONG, LONG])[0] == 5


def test_lengths_settle_no_more_than_ties() -> None:
    assert seen([7, 7, 5], [9 * LONG, 9 * LONG, LONG])[0] == 7


@given(groups, st.permutations(range(5)))
def test_names_of_answers_do_not_matter(group: list[int], names: list[int]) -> None:
    renamed = [names[g] if g >= 0 else g for g in group]
    assert seen(group)[1] == seen(renamed)[1]


@given(groups, st.floats(0.5, 50.0))
def test_the_unit_of_lengths_does_not_matter(group: list[int], factor: float) -> None:
    length = [10.0 + 3.0 * k for k in range(len(group))]
    mine, scaled = seen(group, length), seen(group, [x * factor for x in length])
    assert mine[0] == scaled[0]
    assert mine[1] == pytest.approx(scaled[1])


@given(groups)
def test_the_leader_has_the_most_votes(group: list[int]) -> None:
    first, features = seen(group)
    votes = {g: group.count(g) for g in group if g >= 0}
    most = max(votes.values(), default=0)
    assert features["first_share"] * len(group) == pytest.approx(most)
    assert votes.get(first, 0) == most


@given(st.lists(groups, min_size=2, max_size=5))
def test_rows_do_not_see_each_other(rows: list[list[int]]) -> None:
    n = min(map(len, rows))
    cut = [row[:n] for row in rows]
    together = agreement(np.array(cut), np.full((len(cut), n), 10.0), np.zeros((len(cut), n), bool))
    alone = [seen(row) for row in cut]
    assert together.first.tolist() == [first for first, _ in alone]
    assert [dict(zip(FEATURES, row, strict=True)) for row in together.features.tolist()] == [
        f for _, f in alone
    ]


def test_what_a_length_stands_for() -> None:
    assert tokens_a_length("tokens") == tokens_a_length("FLOPs") == 1.0
    assert tokens_a_length("2 x parameters x characters") == pytest.approx(1 / 3)
    assert tokens_a_length("samples") == 0.0


@pytest.mark.parametrize("pairs", [1, 100])
def test_it_does_not_matter_how_many_rows_are_looked_at_a_time(
    pairs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    group, length = rng.integers(-1, 3, (13, 5)), rng.integers(1, 90, (13, 5)) * 1.0
    is_cut = (group < 0) & (rng.random((13, 5)) < 0.5)
    whole = agreement(group, length, is_cut)
    monkeypatch.setattr("tts_select.selector.agreement._PAIRS", pairs)
    parts = agreement(group, length, is_cut)
    np.testing.assert_array_equal(parts.first, whole.first)
    np.testing.assert_array_equal(parts.features, whole.features)
