"""One purse for many problems: one price for all of them, so that the compute goes where it buys most.

Lagrangian relaxation (arXiv 2604.14853): at a price each problem takes its best option; the total cost
falls as the price rises, and what is sought is the lowest price at which the total fits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tts_select.selector.deciding import Option, Unit

_ROUNDS = 60
_MARGIN = 1e-9
"""A margin above the price at which two options are worth the same, so that rounding does not buy the dearer
one."""


def price_within(options: Sequence[Sequence[Option]], limit: float, unit: Unit = "flops") -> float:
    """The lowest price, in probability per FLOP, at which the best options of all problems cost no more than
    `limit` in all. In tokens the total need not fall with every rise of the price: then one such price.

    Where even the cheapest options cost more, the price is so high that each problem takes its cheapest.
    """
    if not options:
        return 0.0
    p, flops = _table(options, lambda o: o.p_correct, -np.inf), _table(options, lambda o: o.flops, 0.0)
    cost = _table(options, lambda o: o.cost(unit), 0.0)

    def spent(price: float) -> float:
        best = (p - price * flops).argmax(axis=1)
        return float(cost[np.arange(len(best)), best].sum())

    if spent(0.0) <= limit:
        return 0.0
    cheapest = float(flops[flops > 0].min(initial=np.inf))
    low, high = 0.0, 1.0 / cheapest  # there no gain is worth the cheapest arm
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        low, high = (middle, high) if spent(middle) > limit else (low, middle)
    return high * (1 + _MARGIN)


def _table(options: Sequence[Sequence[Option]], of: Callable[[Option], float], missing: float) -> np.ndarray:
    """Return the values as an array of shape (problems, options)."""
    table = np.full((len(options), max(len(found) for found in options)), missing)
    for k, found in enumerate(options):
        table[k, : len(found)] = [of(option) for option in found]
    return table
