"""Where the text picks whose ladder a problem gets: where that pays on problems not fitted to, only there."""

from __future__ import annotations

import numpy as np
import pytest

from tts_select.training.routers.ladder.beginning import ByBeginning, TextChoice, choose_by_text

N = 60
PENS = [f"A pen costs {k} cents. What do {k + 2} pens cost?" for k in range(N // 2)]
STARTS = [f"Start with {k}. Add {k + 3}. What is the result?" for k in range(N // 2)]
TEXTS = [text for pair in zip(PENS, STARTS, strict=True) for text in pair]
IS_PEN = np.arange(N) % 2 == 0
FOLD = np.arange(N) // 2 % 4
PRICES = np.array([1e-6, 1e-3])
FIRST = 0
"""The place of the ladder that is for all problems."""


def ladders(*p: np.ndarray | float, cost: np.ndarray | float = 100.0, seed: int = 0) -> ByBeginning:
    """Each ladder is right with its probability, for a cost that may hang on the problem; at each price."""
    rng = np.random.default_rng(seed)
    shape = len(PRICES), len(p), N
    chances = np.stack([np.broadcast_to(x, N) for x in p])
    return ByBeginning((rng.random(shape) < chances) * 1.0, np.broadcast_to(cost, shape) * 1.0)


def chosen(found: ByBeginning, texts: list[str] = TEXTS) -> TextChoice | None:
    return choose_by_text(texts, found, found.worth(PRICES)[:, FIRST], PRICES, FOLD)


def test_each_problem_gets_the_ladder_of_the_policy_that_is_good_at_it() -> None:
    found = chosen(ladders(np.where(IS_PEN, 0.9, 0.1), np.where(IS_PEN, 0.1, 0.9)))
    assert found is not None
    assert set(found.heads) == {0, 1}
    for place, price in enumerate(PRICES.tolist()):
        assert found.of(place, price, "A pen costs 77 cents. What do 79 pens cost?") == 0
        assert found.of(place, price, "Start with 77. Add 80. What is the result?") == 1


def test_who_is_as_good_but_cheaper_for_such_a_text_is_asked() -> None:
    cost = np.stack([np.where(IS_PEN, 100.0, 400.0), np.where(IS_PEN, 400.0, 100.0)])
    found = chosen(ladders(1.0, 1.0, cost=cost))
    assert found is not None
    assert 1 in found.heads
    assert [found.of(1, float(PRICES[1]), text) for text in TEXTS[:2]] == [0, 1]


@pytest.mark.parametrize("seed", range(4))
def test_texts_that_say_nothing_decide_nothing(seed: int) -> None:
    """One policy is better on all problems."""
    assert chosen(ladders(0.8, 0.3, seed=seed)) is None


def test_what_is_known_of_the_problem_itself_is_not_what_pays() -> None:
    """Each problem has a word of its own, and any policy may be the one that is right: that the regressions
    fit it says nothing of other problems."""
    rng = np.random.default_rng(0)
    texts = [f"Word{chr(97 + k % 26)}{chr(97 + k // 26)} " * 3 for k in range(N)]
    right = (rng.random(N) < 0.5) * 1.0
    assert chosen(ladders(0.6, right * 0.6), texts) is None


def test_a_single_policy_leaves_nothing_to_choose() -> None:
    assert chosen(ladders(np.where(IS_PEN, 0.9, 0.1))) is None
