"""One budget of memory for the prefix caches of all models on a device, shared evenly.

Without it every model that is loaded would take as much as one alone, whether it is used or not.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

from tts_select.executors.runtime.prefix_tree import PrefixTree
from tts_select.executors.runtime.ragged import cache_shape

CPU_BYTES, GPU_BYTES = 2 << 30, 1 << 30
"""A GPU has other uses for its memory; `placement/memory.py` counts on this."""
_FEWEST_TOKENS = 4096

_LOCK = threading.RLock()
_TREES: dict[str, weakref.WeakKeyDictionary[PrefixTree, int]] = {}
"""The trees on a device and the bytes that a token takes in each, by device."""


def shared_tree(model: Any) -> PrefixTree:
    """An empty tree for a model's keys and values. Its share is smaller, and those of the trees that are
    there already, the more there are; one that has too much by then gives it up when it next takes
    something in."""
    layers, heads, head_dim = cache_shape(model)
    tree, device = PrefixTree(_FEWEST_TOKENS), str(model.device)
    with _LOCK:
        trees = _TREES.setdefault(device, weakref.WeakKeyDictionary())
        trees[tree] = 2 * layers * heads * head_dim * model.dtype.itemsize
        _divide(device)
    weakref.finalize(tree, _divide, device).atexit = False
    return tree


def _divide(device: str) -> None:
    with _LOCK:
        trees = list(_TREES.get(device, {}).items())
        for tree, token_bytes in trees:
            tree.max_tokens = max(_FEWEST_TOKENS, budget_of(device) // len(trees) // token_bytes)


def budget_of(device: str) -> int:
    """Return the bytes for all models together."""
    return CPU_BYTES if device.startswith("cpu") else GPU_BYTES
