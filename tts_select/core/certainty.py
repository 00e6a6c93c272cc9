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
from collections.abc import Sequence

TOP_LOGPROBS = 20
"""k where the engine allows it: the most that OpenAI's chats tell, and vLLM by default."""


def token_certainty(logprobs: Sequence[float], k: int = TOP_LOGPROBS) -> float:
    """Of these log-probabilities, the `k` largest ones count; NaN if there is none."""
    top = sorted(logprobs, reverse=True)[:k]
    return -math.fsum(top) / len(top) if top else math.nan


def mean(certainties: Sequence[float]) -> float:
    """The certainty of what was written, from those of its tokens; NaN if one is not known."""
    return _known(math.fsum(certainties) / len(certainties)) if certainties else math.nan


def joined(first: float, n_first: int, second: float, n_second: int) -> float:
    """The certainty of two parts, of so many tokens each; NaN if that of one is not known."""
    if not n_first or not n_second:
        return second if not n_first else first
    return _known((first * n_first + second * n_second) / (n_first + n_second))


def _known(value: float) -> float:
    """`math.nan` itself for what is no number: then two solutions that lack it are equal."""
    return value if math.isfinite(value) else math.nan
