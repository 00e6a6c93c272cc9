"""What an effort costs: the dearest price that keeps a share of the best accuracy, on a smoothed frontier.

A frontier of a few hundred problems is ragged: read off its points, the price of an effort would hang on one
problem. So its accuracies are averaged with those beside them (a Gaussian kernel over the logarithm of the
price), made to fall with the price (isotonic regression), and between two prices they are linear in the
logarithm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

EFFORTS: Mapping[str, float] = {"low": 0.90, "medium": 0.97, "high": 0.995}
"""Each effort is the highest price that keeps this share of the best accuracy of the frontier in training."""
BANDWIDTH = 0.3
"""The width of the kernel, in decades of the price."""


def efforts_of(prices: Sequence[float], accuracies: Sequence[float]) -> dict[str, float]:
    """Return the price of each effort; prices are from low to high."""
    logs, smooth = np.log(np.array(prices)), smoothed(prices, accuracies)
    wanted = {effort: share * smooth[0] for effort, share in EFFORTS.items()}
    return {effort: float(np.exp(_dearest(logs, smooth, least))) for effort, least in wanted.items()}


def smoothed(prices: Sequence[float], accuracies: Sequence[float]) -> np.ndarray:
    """Return the accuracies averaged and never rising, of prices from low to high."""
    from sklearn.isotonic import isotonic_regression

    decades = np.log10(np.array(prices))
    weights = np.exp(-0.5 * ((decades[:, None] - decades) / BANDWIDTH) ** 2)
    means = weights @ np.array(accuracies) / weights.sum(axis=1)
    found: np.ndarray = isotonic_regression(means, increasing=False)
    return found


def at_price(price: float, prices: Sequence[float], values: Sequence[float]) -> float:
    """Return a value between those of the two prices beside this one, linear in the logarithm of price."""
    return float(np.interp(np.log(price), np.log(np.array(prices)), np.array(values)))


def _dearest(logs: np.ndarray, smooth: np.ndarray, wanted: float) -> float:
    """The highest logarithm of a price at which the curve is still as high as that."""
    place = int(np.flatnonzero(smooth >= wanted)[-1])
    if place == len(smooth) - 1:
        return float(logs[-1])
    share = (smooth[place] - wanted) / (smooth[place] - smooth[place + 1])
    return float(logs[place] + share * (logs[place + 1] - logs[place]))
