from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch

from tts_select.executors.policies.transformers import TransformersPolicy
from tts_select.executors.prms.checkpoints import vocabulary_part
from tts_select.executors.prms.formats import format_named
from tts_select.executors.prms.transformers import TransformersRewardModel
from tts_select.executors.runtime import cache_budget
from tts_select.executors.runtime.cache_budget import CPU_BYTES, shared_tree

LLAMA_BYTES, QWEN_BYTES = 2 * 2 * 2 * 32 * 4, 2 * 3 * 2 * 16 * 4
"""Of a token's keys and values: sides, layers, heads, their dimension, bytes of a number."""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No tree of another test is on the device."""
    monkeypatch.setattr(cache_budget, "_TREES", {})


def test_one_model_has_the_whole_budget_and_two_have_half_each(tiny_llama: Any, tiny_qwen2: Any) -> None:
    first = shared_tree(tiny_llama.model)
    assert first.max_tokens == CPU_BYTES // LLAMA_BYTES
    second = shared_tree(tiny_qwen2.model)
    assert first.max_tokens == CPU_BYTES // 2 // LLAMA_BYTES
    assert second.max_tokens == CPU_BYTES // 2 // QWEN_BYTES
    del second
    assert first.max_tokens == CPU_BYTES // LLAMA_BYTES


def test_a_share_is_never_too_small_for_a_text(tiny_llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_budget, "CPU_BYTES", 1)
    assert shared_tree(tiny_llama.model).max_tokens == 4096


def test_a_tree_whose_share_has_shrunk_drops_what_is_too_much(
    tiny_llama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_budget, "_FEWEST_TOKENS", 1)
    monkeypatch.setattr(cache_budget, "CPU_BYTES", 100 * LLAMA_BYTES)
    import numpy as np

    tree = shared_tree(tiny_llama.model)
    for start in range(9):
        tree.insert(np.arange(10) + 100 * start, torch.zeros(2, 2, 2, 10, 32))
    assert tree.n_tokens == 90
    other = shared_tree(tiny_llama.model)
    tree.insert(np.arange(10) + 1000, torch.zeros(2, 2, 2, 10, 32))
    assert tree.n_tokens <= tree.max_tokens == other.max_tokens == 50


def test_models_that_nobody_holds_are_freed_at_once_with_their_caches(tiny_llama: Any) -> None:
    gc.collect()
    gc.disable()
    try:
        policy = TransformersPolicy(tiny_llama, name="tiny")
        parts = [vocabulary_part(tiny_llama, "tiny")]
        prm = TransformersRewardModel(parts, name="tiny", format=format_named("world"))
        held = [weakref.ref(x) for x in (policy, policy._tree, prm, prm._lanes[0].tree)]
        del policy, prm, parts
        assert [ref() for ref in held] == [None] * 4
    finally:
        gc.enable()
