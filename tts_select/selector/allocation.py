"""One purse for many problems: one price for all of them, so that the compute goes where it buys most.

Lagrangian relaxation (arXiv 2604.14853): at a price each problem takes its best option; the total cost
falls as the price rises, and what is sought is the lowest price at which the total fits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tts_select.selector.deciding import Option

_ROUNDS = 60
_MARGIN = 1e-9
"""Above the price at which two options are worth the same, so that rounding does not buy the dearer one."""


def price_within(options: Sequence[Sequence[Option]], flops: float) -> float:
    """The lowest price at which the best options of all problems cost no more than `flops` in all.

    Where even the cheapest options cost more, the price is so high that each problem takes its cheapest.
    """
    if not options:
        return 0.0
    p, cost = _table(options)
    if _spent(p, cost, 0.0) <= flops:
        return 0.0
    cheapest = float(cost[cost > 0].min(initial=np.inf))
    low, high = 0.0, 1.0 / max(1.0, cheapest)  # there no gain is worth the cheapest arm
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        low, high = (middle, high) if _spent(p, cost, middle) > flops else (low, middle)
    return high * (1 + _MARGIN)


def _table(options: Sequence[Sequence[Option]]) -> tuple[np.ndarray, np.ndarray]:
    """P(correct) and FLOPs, shape (problems, options); a place without an option is never best."""
    shape = (len(options), max(len(found) for found in options))
    p, cost = np.full(shape, -np.inf), np.zeros(shape)
    for k, found in enumerate(options):
        p[k, : len(found)] = [o.p_correct for o in found]
        cost[k, : len(found)] = [o.flops for o in found]
    return p, cost


def _spent(p: np.ndarray, cost: np.ndarray, price: float) -> float:
    best = (p - price * cost).argmax(axis=1)
    return float(cost[np.arange(len(best)), best].sum())
