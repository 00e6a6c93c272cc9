"""The plan and the runtime agree on what the runtime keeps."""

from __future__ import annotations

from typing import Any

from tts_select.executors.placement.memory import LEAST_PREFIX_TOKENS, PREFIX_BYTES
from tts_select.executors.runtime.cache_budget import budget_of, shared_tree
from tts_select.executors.runtime.ragged import cache_shape


def test_a_prefix_cache_is_as_large_as_the_plan_says(loaded: Any) -> None:
    layers, heads, head_dim = cache_shape(loaded.model)
    token = 2 * layers * heads * head_dim * loaded.model.dtype.itemsize
    assert budget_of("cuda:0") == PREFIX_BYTES
    kept = shared_tree(loaded.model).max_tokens
    assert LEAST_PREFIX_TOKENS <= kept <= max(LEAST_PREFIX_TOKENS, budget_of("cpu") // token)
