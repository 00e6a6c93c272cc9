"""The plan and the runtime agree on what the runtime keeps."""

from __future__ import annotations

from typing import Any

from tts_select.executors.placement.memory import LEAST_PREFIX_TOKENS, PREFIX_BYTES
from tts_select.executors.runtime.ragged import cache_shape, cache_tokens


def test_a_prefix_cache_is_as_large_as_the_plan_says(loaded: Any) -> None:
    layers, heads, head_dim = cache_shape(loaded.model)
    token = 2 * layers * heads * head_dim * loaded.model.dtype.itemsize
    assert cache_tokens(loaded.model) == max(LEAST_PREFIX_TOKENS, PREFIX_BYTES // token)
