"""A radix tree of token prefixes and their keys and values, so that no prefix is computed twice.

Beams share their ancestors' segments; memory is bounded in tokens and the least recently used leaves go
first. It is used by one thread only, the engine's worker.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import torch

from tts_select.executors.runtime.memory import give_back


@dataclass(slots=True, eq=False, weakref_slot=True)
class _Node:
    """It does not know its parent: a tree without circles is freed as soon as nobody holds it."""

    ids: np.ndarray
    kv: torch.Tensor
    children: dict[int, _Node] = field(default_factory=dict)
    used: int = 0


def _shared(a: np.ndarray, b: np.ndarray) -> int:
    n = min(len(a), len(b))
    differs = a[:n] != b[:n]
    return int(differs.argmax()) if differs.any() else n


class PrefixTree:
    """Segments are tensors of shape (layers, 2, heads, tokens, head_dim)."""

    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens
        self.n_tokens = 0
        self._root = _new_root()
        self._clock = count(1)

    def clear(self) -> None:
        """Forget everything."""
        self.n_tokens = 0
        self._root = _new_root()
        give_back()

    def match(self, ids: np.ndarray, limit: int) -> list[torch.Tensor]:
        """The segments of the longest cached prefix of `ids`, at most `limit` tokens in all."""
        segments: list[torch.Tensor] = []
        node, place = self._root, 0
        while place < limit and (child := node.children.get(int(ids[place]))) is not None:
            shared = _shared(child.ids, ids[place:limit])
            child.used = next(self._clock)
            segments.append(child.kv[..., :shared, :])
            place += shared
            if shared < len(child.ids):
                break
            node = child
        return segments

    def insert(self, ids: np.ndarray, kv: torch.Tensor) -> None:
        """Remember the keys and values of the last tokens of `ids` (`kv` may cover only its end)."""
        node, place, start = self._root, 0, len(ids) - kv.shape[-2]
        while place < len(ids) and (child := node.children.get(int(ids[place]))) is not None:
            shared = _shared(child.ids, ids[place:])
            if shared < len(child.ids):
                child = _split(node, child, shared)
            child.used = next(self._clock)
            node, place = child, place + shared
        if place < len(ids) and place >= start:
            tail = kv[..., place - start :, :].clone()
            leaf = _Node(ids[place:].copy(), tail, used=next(self._clock))
            node.children[int(ids[place])] = leaf
            self.n_tokens += len(leaf.ids)
            if self.n_tokens > self.max_tokens:
                self._evict()

    def _evict(self) -> None:
        """Drop old leaves until a tenth of the room is free, so that eviction is rare."""
        order, parents = count(), self._parents()
        heap = [(node.used, next(order), node) for node in parents if not node.children]
        heapq.heapify(heap)
        while self.n_tokens > 0.9 * self.max_tokens and heap:
            _, _, node = heapq.heappop(heap)
            parent = parents[node]
            del parent.children[int(node.ids[0])]
            self.n_tokens -= len(node.ids)
            if parent is not self._root and not parent.children:
                heapq.heappush(heap, (parent.used, next(order), parent))
        give_back()

    def _parents(self) -> dict[_Node, _Node]:
        """Return the parent of every node but the root."""
        found: dict[_Node, _Node] = {}
        stack = [self._root]
        while stack:
            parent = stack.pop()
            found.update(dict.fromkeys(parent.children.values(), parent))
            stack.extend(parent.children.values())
        return found


def _new_root() -> _Node:
    return _Node(np.empty(0, np.int64), torch.empty(0))


def _split(parent: _Node, node: _Node, at: int) -> _Node:
    """Cut a child of `parent` in two, of which the first, with `at` tokens, is returned."""
    head = _Node(node.ids[:at], node.kv[..., :at, :].clone(), used=node.used)
    parent.children[int(node.ids[0])] = head
    node.ids, node.kv = node.ids[at:], node.kv[..., at:, :].clone()
    head.children[int(node.ids[0])] = node
    return head
