"""What is known at a price is averaged with the prices beside it: few problems say little about one alone."""

from __future__ import annotations

import numpy as np

BESIDE = 1
"""The number of prices on either side that a ladder's worth is averaged over."""


def around(values: np.ndarray) -> np.ndarray:
    """Return the means of each price and those beside it, shape (prices, ...) as before."""
    n = len(values)
    return np.stack([values[max(0, k - BESIDE) : min(n, k + BESIDE + 1)].mean(axis=0) for k in range(n)])
