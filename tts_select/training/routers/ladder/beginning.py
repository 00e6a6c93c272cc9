"""Finds the prices at which the text should choose whose ladder a problem gets.

For each price and policy there is a ladder that begins with it, and what it came to on each training problem,
by rules that had not seen the problem. Ridge regressions on the text say what each comes to. Fitted to some
folds of the training problems they choose for the others: only where that gains more than chance would does
the text decide anything. So with few problems, or texts that say nothing, ladders are as they are without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.by_text import Description, Heads, best_at
from tts_select.training.routers.ladder.smoothing import around
from tts_select.training.routers.text.fit import Outcomes, fit_model

DOUBT = 0.5
"""How many standard errors the gain on problems not fitted to has to be above 0; 0, 0.5 and 1 were tried. The
regressions are cautious themselves."""


@dataclass(frozen=True, slots=True)
class ByBeginning:
    """What ladders come to that begin with one policy each, shape (prices, ladders, problems)."""

    correct: np.ndarray
    cost: np.ndarray

    def of(self, problems: np.ndarray) -> ByBeginning:
        """The same of some problems (a mask)."""
        return ByBeginning(self.correct[..., problems], self.cost[..., problems])

    def worth(self, prices: np.ndarray) -> np.ndarray:
        """P(correct) less the price of what it costs."""
        worth: np.ndarray = self.correct - prices[:, None, None] * self.cost
        return worth


@dataclass(frozen=True, slots=True)
class TextChoice:
    """What texts say of the ladders of some prices."""

    description: Description
    heads: Mapping[int, Heads]
    """By the place of the price; of its ladders, in the order of their policies."""

    def of(self, place: int, price: float, text: str) -> int:
        """Return which of the ladders of a price a text calls for."""
        return self.by_numbers(place, price, self.description.of(text))

    def by_numbers(self, place: int, price: float, numbers: np.ndarray) -> int:
        """Return the same for the numbers of a text, which are the same at every price."""
        return best_at(self.heads[place].of(numbers), price)


def choose_by_text(
    texts: Sequence[str], ladders: ByBeginning, usual: np.ndarray, prices: np.ndarray, fold: np.ndarray
) -> TextChoice | None:
    """Return what texts say at those prices where it pays, or None; `usual` is what the one ladder for all is
    worth, shape (prices, problems), and each problem has a fold."""
    if ladders.cost.shape[1] < 2:
        return None
    gain = np.zeros_like(usual)
    for k in np.unique(fold):
        own = np.flatnonzero(fold == k).tolist()
        others = [texts[n] for n in np.flatnonzero(fold != k).tolist()]
        fitted = _fitted(others, ladders.of(fold != k))
        worth = ladders.worth(prices)[..., own]
        numbers = [fitted.description.of(texts[n]) for n in own]
        for place, price in enumerate(prices.tolist()):
            picked = [fitted.by_numbers(place, price, some) for some in numbers]
            gain[place, own] = worth[place, picked, np.arange(len(own))] - usual[place, own]
    gain = around(gain)
    pays = gain.mean(axis=1) > DOUBT * gain.std(axis=1) / np.sqrt(len(texts))
    if not pays.any():
        return None
    fitted = _fitted(texts, ladders)
    return TextChoice(fitted.description, {k: fitted.heads[k] for k in np.flatnonzero(pays).tolist()})


def _fitted(texts: Sequence[str], ladders: ByBeginning) -> TextChoice:
    n_prices, n_ladders, n = ladders.cost.shape
    names = tuple(f"{k} {j}" for k in range(n_prices) for j in range(n_ladders))
    model = fit_model(
        texts, Outcomes(names, (), *(x.reshape(-1, n) for x in (ladders.correct, ladders.cost)))
    )
    p, cost = (x.reshape(n_prices, n_ladders, -1) for x in (model.heads.p_correct, model.heads.log_cost))
    return TextChoice(model.description, {k: Heads(p[k], cost[k]) for k in range(n_prices)})
