from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.certainty import joined, mean, token_certainty

HALVES = [math.log(p) for p in (0.5, 0.25, 0.125, 0.125)]
certainties = st.floats(0.1, 20)
lengths = st.integers(1, 50)


@pytest.mark.parametrize(
    ("k", "halvings"),
    [(2, (1 + 2) / 2), (3, (1 + 2 + 3) / 3), (4, (1 + 2 + 3 + 3) / 4), (20, (1 + 2 + 3 + 3) / 4)],
)
def test_a_token_is_as_certain_as_its_likeliest_rivals_are_unlikely(k: int, halvings: float) -> None:
    """The probabilities are 1/2, 1/4, 1/8, 1/8: these are 1, 2, 3 and 3 halvings."""
    assert token_certainty(HALVES, k) == pytest.approx(halvings * math.log(2))
    assert token_certainty(HALVES[::-1], k) == pytest.approx(halvings * math.log(2))


def test_of_the_whole_vocabulary_it_is_self_certainty_but_for_a_constant() -> None:
    """KL(uniform || p) is the mean of log (1/n)/p, and so minus the mean of log p, less log n."""
    kl = sum(math.log((1 / 4) / math.exp(logprob)) / 4 for logprob in HALVES)
    assert token_certainty(HALVES, 4) - math.log(4) == pytest.approx(kl)


def test_what_is_not_known_of_a_token_is_not_known_of_the_whole() -> None:
    assert mean([1.0, 2.0, 6.0]) == 3.0
    for unknown in ([], [1.0, token_certainty([], 20)], [token_certainty([-math.inf, -1.0], 20)]):
        assert math.isnan(mean(unknown))


@given(st.lists(st.tuples(certainties, lengths), min_size=1, max_size=6))
def test_parts_are_joined_to_the_mean_over_all_tokens(parts: list[tuple[float, int]]) -> None:
    whole, n = math.nan, 0
    for certainty, n_tokens in parts:
        whole, n = joined(whole, n, certainty, n_tokens), n + n_tokens
    assert whole == pytest.approx(mean([c for c, n_tokens in parts for _ in range(n_tokens)]))
    assert joined(whole, n, math.nan, 0) == whole
    assert math.isnan(joined(whole, n, math.nan, 1))
