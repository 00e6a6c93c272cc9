"""What the policy reads of vLLM's outputs; the engine itself is in tests/vllm."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from tts_select.executors.policies.vllm import _most_logprobs, _SoFar


def output(ids: list[int], flat: Any) -> Any:
    """As `AsyncLLM.generate` gives it."""
    piece = SimpleNamespace(
        token_ids=ids, cumulative_logprob=-1.0, finish_reason=None, stop_reason=None, logprobs=flat
    )
    return SimpleNamespace(outputs=[piece], num_cached_tokens=0)


def flat(*tokens: list[float]) -> Any:
    """Of each token first its own log-probability, then those of the most likely ones: vLLM's
    `FlatLogprobs`."""
    ends = [sum(map(len, tokens[: k + 1])) for k in range(len(tokens))]
    starts = [end - len(token) for end, token in zip(ends, tokens, strict=True)]
    return SimpleNamespace(start_indices=starts, end_indices=ends, logprobs=[p for t in tokens for p in t])


def test_the_token_itself_counts_only_where_it_is_among_the_most_likely() -> None:
    """It comes first, and again in its place among the others."""
    so_far = _SoFar(n_prompt=3)
    so_far.take(output([5], flat([-9.0, -1.0, -3.0])))
    assert so_far.certainty == 2.0
    so_far.take(output([6, 7], flat([-2.0, -2.0, -4.0], [-6.0, -1.0, -6.0])))
    assert so_far.certainty == pytest.approx((2.0 + 3.0 + 3.5) / 3)


@pytest.mark.parametrize("told", [None, flat([-1.0], [-2.0])], ids=["nothing", "the-token-alone"])
def test_without_the_most_likely_ones_it_is_not_known(told: Any) -> None:
    so_far = _SoFar(n_prompt=3)
    so_far.take(output([5, 6], told))
    assert math.isnan(so_far.certainty)


@pytest.mark.parametrize(
    ("most", "vocabulary", "asked"), [(20, 135, 20), (-1, 135, 135), (20, 8, 8), (0, 99, 0)]
)
def test_no_more_is_asked_for_than_the_engine_gives(most: int, vocabulary: int, asked: int) -> None:
    config = SimpleNamespace(max_logprobs=most, get_vocab_size=lambda: vocabulary)
    assert _most_logprobs(config) == asked
