"""The prices of a router's efforts, off the frontier that it walks over its own training problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.training.replay.cases import Case
from tts_select.training.replay.walks import draw_of, walk_in
from tts_select.training.routers.efforts import at_price, efforts_of

PRICES = tuple(float(p) for p in np.geomspace(3e-3, 30.0, 11))
"""The prices that are tried for the efforts, in probability per cost of the best fixed arm."""
N_PRICED = 4
"""The draws of each problem that the frontier is walked in."""


def priced(
    folded: Sequence[LookaheadRouter], cases: Sequence[Case], fold_of: np.ndarray, unit: float, seed: int
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Return the prices by effort, and their frontier; `unit` is the best fixed arm's cost in FLOPs."""
    from joblib import Parallel, delayed

    some = [[c for c, f in zip(cases, fold_of, strict=True) if f == k] for k in range(len(folded))]
    # in the same orders at every price, so what is seen in them is looked at once
    replays = [
        (r, c, draw_of(c, seed + k)) for r, c in zip(folded, some, strict=True) for k in range(N_PRICED)
    ]

    def point(price: float) -> dict[str, float]:
        walks = [w for replay in replays for w in walk_in(*replay, price / unit)]
        return {
            "price": price / unit,
            "accuracy": float(np.mean([w.correct for w in walks])),
            "flops": float(np.mean([w.flops for w in walks])),
        }

    frontier = Parallel(n_jobs=-1, prefer="threads")(delayed(point)(price) for price in PRICES)
    prices = efforts_of([p["price"] for p in frontier], [p["accuracy"] for p in frontier])
    return prices, frontier


def expected_at(prices: Mapping[str, float], frontier: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return what the frontier has at the price of each effort."""
    tried = [p["price"] for p in frontier]
    return {
        effort: {key: at_price(price, tried, [p[key] for p in frontier]) for key in ("accuracy", "flops")}
        for effort, price in prices.items()
    }
