from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from tts_select.data.world.expressions import (
    Expression,
    Pair,
    Product,
    Sum,
    canonical,
    combined,
    pairs,
    reduced_everywhere,
    reduced_once,
    value,
)

NUMBERS = st.integers(1, 30)
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.builds(combined, inner, st.sampled_from("+-*"), inner),
    max_leaves=6,
)


def test_sums_and_products_are_flat() -> None:
    left = combined(combined(2, "+", 3), "-", combined(4, "-", 5))
    assert left == Sum(((1, 2), (1, 3), (-1, 4), (1, 5)))
    assert combined(combined(2, "*", 3), "*", left) == Product((2, 3, left))


@given(EXPRESSIONS)
def test_no_step_changes_what_the_whole_is_worth(expression: Expression) -> None:
    for pair in pairs(expression):
        after = list(reduced_once(expression, pair))
        assert after
        assert {value(e) for e in (*after, reduced_everywhere(expression, pair))} == {value(expression)}


def is_positive(expression: Expression) -> bool:
    """Whether every part of it is, as in every problem."""
    match expression:
        case Sum(terms):
            parts = [term for _, term in terms]
        case Product(factors):
            parts = list(factors)
        case _:
            parts = []
    return value(expression) > 0 and all(map(is_positive, parts))


@given(EXPRESSIONS)
def test_steps_end_in_a_number(expression: Expression) -> None:
    assume(is_positive(expression))
    start, n_steps = expression, 0
    while not isinstance(expression, int) and (pair := next(pairs(expression), None)):
        expression, n_steps = reduced_everywhere(expression, pair), n_steps + 1
    assert expression == value(start)
    assert n_steps < 6


@given(EXPRESSIONS)
def test_neighbours_are_some_of_the_pairs_and_the_first_is_the_same(expression: Expression) -> None:
    some, every = list(pairs(expression, neighbours=True)), list(pairs(expression))
    assert set(some) <= set(every)
    assert some[:1] == every[:1]


def test_a_pair_is_combined_wherever_it_stands_or_at_one_place() -> None:
    shared = combined(14, "+", 5)
    whole = combined(combined(shared, "*", 2), "+", combined(shared, "*", 3))
    pair = Pair(14, "+", 5)
    assert reduced_everywhere(whole, pair) == combined(combined(19, "*", 2), "+", combined(19, "*", 3))
    assert set(reduced_once(whole, pair)) == {
        combined(combined(19, "*", 2), "+", combined(shared, "*", 3)),
        combined(combined(shared, "*", 2), "+", combined(19, "*", 3)),
    }


def test_the_order_of_terms_and_factors_is_not_canonical() -> None:
    assert canonical(combined(combined(2, "+", 3), "*", 4)) == canonical(
        combined(4, "*", combined(3, "+", 2))
    )
    assert canonical(combined(2, "-", 3)) != canonical(combined(3, "-", 2))


def test_a_pair_is_written_both_ways_where_that_changes_nothing() -> None:
    assert Pair(14, "*", 3).lines() == ("14 * 3 = 42", "3 * 14 = 42")
    assert Pair(3, "+", 3).lines() == ("3 + 3 = 6",)
    assert Pair(14, "-", 3).lines() == ("14 - 3 = 11",)
