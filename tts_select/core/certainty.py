"""How certain a policy is of what it writes, by the log-probabilities of its most likely next tokens.

Self-certainty is the mean over a solution's tokens of KL(uniform || p), p the policy's distribution of the
token (Kang, Zhao and Song 2025, arXiv 2502.18581). It takes the whole vocabulary, of which engines tell the k
most likely tokens. Here it is the form for these: a token's certainty is minus the mean log-probability of
the k most likely ones, C = -(1/k) sum log p_j, and a solution's is the mean over its tokens (the token
confidence and the average trace confidence of Fu et al. 2025, arXiv 2508.15260, section 3). Figures of
different k do not compare.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

TOP_LOGPROBS = 20
"""k where the engine allows it: the most that OpenAI's chats tell, and vLLM by default."""


def token_certainty(logprobs: Iterable[float], k: int) -> float:
    """Of these log-probabilities, the `k` largest ones count; NaN if there is none."""
    top = sorted(logprobs, reverse=True)[:k]
    return -math.fsum(top) / len(top) if top else math.nan


def certainty(tokens: Iterable[Sequence[float]], k: int) -> float:
    """The certainty of what was written, from the log-probabilities at each of its tokens; NaN if they are
    not known at one of them."""
    found = [token_certainty(logprobs, k) for logprobs in tokens]
    mean = math.fsum(found) / len(found) if found else math.nan
    return mean if math.isfinite(mean) else math.nan


def joined(first: float, n_first: int, second: float, n_second: int) -> float:
    """The certainty of two parts, of so many tokens each; NaN if that of a part is not known."""
    if not n_first:
        return second
    if not n_second:
        return first
    mean = (first * n_first + second * n_second) / (n_first + n_second)
    return mean if math.isfinite(mean) else math.nan
