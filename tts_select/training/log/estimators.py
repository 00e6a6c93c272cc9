"""Estimates from a pool of n samples for any smaller budget k, without bias: the mean over all subsets of k.

pass@k is that of Chen et al. 2021 (arXiv 2107.03374, equation 1); best-of-k follows from order statistics. A
vote has no closed form: its subsets are drawn with a seed (`training/evaluation/fixed.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby


def pass_at_k(n: int, n_right: int, k: int) -> float:
    """Return how often k of n samples, `n_right` of them right, hold a right one.

    Raises:
        ValueError: k is not from 1 to n.
    """
    _check(n, k)
    return 1.0 - math.comb(n - n_right, k) / math.comb(n, k)


def best_of_k(scores: Sequence[float], right: Sequence[bool], k: int) -> float:
    """Return how often the sample with the highest of k scores is right; ties are broken evenly.

    Raises:
        ValueError: k is not from 1 to n.
    """
    n = len(scores)
    _check(n, k)
    found, below = 0.0, 0
    for _, tied in groupby(sorted(zip(scores, right, strict=True)), key=lambda pair: pair[0]):
        of_score = [is_right for _, is_right in tied]
        up_to = below + len(of_score)
        # the best is among these if all k are from here or below, and not all from below
        p = (math.comb(up_to, k) - math.comb(below, k)) / math.comb(n, k)
        found += p * sum(of_score) / len(of_score)
        below = up_to
    return found


def _check(n: int, k: int) -> None:
    if not 1 <= k <= n:
        raise ValueError(f"k is {k}; choose from 1 to {n}")
