from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.stopping import (
    ADAPTIVE,
    BETA,
    DOUBLING,
    EARLY_STOPPING,
    MARGIN_RULE,
    StopRule,
    agrees,
    has_quorum,
    leads,
    stays_ahead,
    votes,
)

ALL = [ADAPTIVE, BETA, DOUBLING, EARLY_STOPPING, MARGIN_RULE]
groups = st.lists(st.integers(-3, 3), max_size=40)


@given(groups)
def test_votes_are_those_of_the_two_most_frequent_answers(found: list[int]) -> None:
    counts = sorted(Counter(g for g in found if g >= 0).values())
    first, second = votes(found)
    assert [second, first] == [0, 0, *counts][-2:]


@pytest.mark.parametrize(
    ("found", "is_met"),
    [
        ([], False),
        ([0], False),  # one is never enough
        ([0, 0], True),
        ([0, 1], False),
        ([0, -1], True),  # 1 - 0 is half of two
        ([0, 1, 0], False),  # 2 - 1 is less than one and a half
        ([0, 1, 0, 0], True),
        ([-1, -1], False),
    ],
)
def test_the_margin_is_half_of_the_samples(found: list[int], is_met: bool) -> None:
    assert leads(found) == is_met


@pytest.mark.parametrize(
    ("found", "is_met"),
    [([0], False), ([0, 0], True), ([0, -1], False), ([0, 0, 1, 0], True), ([0, 0, 1, -1], False)],
)
def test_a_quorum_is_three_quarters_of_the_samples(found: list[int], is_met: bool) -> None:
    assert has_quorum(found) == is_met


@pytest.mark.parametrize(
    ("found", "is_met"),
    [
        ([0, 0, 0], False),
        ([0, 0, 0, 0], True),
        ([-1, -1, -1, -1], False),
        ([1, 0, 0, 0, 0], False),  # no window is whole but the first
        ([1, 0, 0, 0, 0, 0, 0, 0], True),
        ([0, 0, 0, 0, 1], True),  # the last whole one
    ],
)
def test_a_window_agrees_if_all_of_it_has_one_answer(found: list[int], is_met: bool) -> None:
    assert agrees(found) == is_met


def test_four_of_a_kind_stay_ahead_and_three_do_not() -> None:
    assert (stays_ahead([0, 0, 0]), stays_ahead([-1, 0, 0, 0, 0])) == (False, True)


@pytest.mark.parametrize(
    ("rule", "looks"),
    [
        (MARGIN_RULE, [2, 3, 4, 5, 6]),
        (BETA, [1, 2, 3, 4, 5]),
        (ADAPTIVE, [4, 8, 12, 16, 20]),
        (DOUBLING, [2, 4, 8, 16, 32]),
        (EARLY_STOPPING, [4, 8, 12, 16, 20]),
    ],
)
def test_each_rule_looks_at_its_own_times(rule: StopRule, looks: list[int]) -> None:
    seen = [0]
    for _ in looks:
        seen.append(rule.next_look(seen[-1]))
    assert seen[1:] == looks


@given(st.sampled_from(ALL), st.integers(0, 100))
def test_a_look_is_always_ahead(rule: StopRule, n: int) -> None:
    assert rule.next_look(n) > n


@given(st.sampled_from(ALL), groups, st.integers(0, 50))
def test_what_is_drawn_is_the_first_look_at_which_the_rule_is_met(
    rule: StopRule, found: list[int], most: int
) -> None:
    n = rule.n_drawn(found, most)
    assert n <= min(most, len(found))
    assert n == min(most, len(found)) or rule.is_met(found[:n])
    looks = [0]
    while looks[-1] < n:
        looks.append(min(rule.next_look(looks[-1]), n))
    assert not any(rule.is_met(found[:k]) for k in looks[1:-1])
