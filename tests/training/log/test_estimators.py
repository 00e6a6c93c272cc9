from __future__ import annotations

from itertools import combinations
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.training.log.estimators import best_of_k, pass_at_k

flags = st.lists(st.booleans(), min_size=1, max_size=8)
scored = st.lists(st.tuples(st.sampled_from([0.1, 0.4, 0.9]), st.booleans()), min_size=1, max_size=8)


@given(right=flags, data=st.data())
def test_pass_at_k_is_the_mean_over_all_subsets(right: list[bool], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(right)))
    brute = fmean(any(some) for some in combinations(right, k))
    assert pass_at_k(len(right), sum(right), k) == pytest.approx(brute)


@given(samples=scored, data=st.data())
def test_best_of_k_is_the_mean_over_all_subsets(
    samples: list[tuple[float, bool]], data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, len(samples)))

    def won(some: tuple[tuple[float, bool], ...]) -> float:
        top = max(score for score, _ in some)
        return fmean(right for score, right in some if score == top)

    brute = fmean(won(some) for some in combinations(samples, k))
    scores, right = zip(*samples, strict=True)
    assert best_of_k(scores, right, k) == pytest.approx(brute)


@pytest.mark.parametrize("k", [0, 4])
def test_a_budget_that_the_pool_cannot_show_is_refused(k: int) -> None:
    for ask in (
        lambda: pass_at_k(3, 1, k),
        lambda: best_of_k([0.1, 0.2, 0.3], [True, False, False], k),
    ):
        with pytest.raises(ValueError, match=f"k is {k}; choose from 1 to 3"):
            ask()
