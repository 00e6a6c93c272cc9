"""The radix tree against a plain set of all prefixes; a token's keys and values are made from its prefix."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.seeds import derive_seed
from tts_select.executors.runtime.prefix_tree import PrefixTree

LAYERS, HEADS, DIM = 2, 1, 1

texts = st.lists(st.integers(0, 2), min_size=1, max_size=9)
insertions = st.lists(st.tuples(texts, st.integers(1, 9)), min_size=1, max_size=25)


def value(prefix: list[int]) -> float:
    return float(derive_seed(tuple(prefix)) % 10**6)


def kv_of(ids: list[int], n_last: int) -> torch.Tensor:
    """Different for each layer, side and prefix."""
    values = torch.tensor([value(ids[: k + 1]) for k in range(len(ids) - n_last, len(ids))])
    scale = torch.arange(1, 2 * LAYERS + 1).reshape(LAYERS, 2, 1, 1, 1)
    return values.reshape(1, 1, HEADS, -1, DIM) * scale


def matched(tree: PrefixTree, ids: list[int], limit: int) -> int:
    """The length of the match, whose keys and values are checked."""
    segments = tree.match(np.array(ids), limit)
    n = sum(s.shape[-2] for s in segments)
    assert n <= limit
    if n:
        assert torch.equal(torch.cat(list(segments), -2), kv_of(ids[:n], n))
    return n


class SlowCache:
    """Every prefix on its own, for ever."""

    def __init__(self) -> None:
        self.prefixes: set[tuple[int, ...]] = {()}

    def insert(self, ids: list[int], n_last: int) -> None:
        if self.match(ids, len(ids)) >= len(ids) - n_last:
            self.prefixes |= {tuple(ids[: k + 1]) for k in range(len(ids))}

    def match(self, ids: list[int], limit: int) -> int:
        return max(k for k in range(min(limit, len(ids)) + 1) if tuple(ids[:k]) in self.prefixes)

    @property
    def n_tokens(self) -> int:
        return len(self.prefixes) - 1


@given(insertions, st.lists(st.tuples(texts, st.integers(0, 9)), max_size=20))
def test_the_longest_cached_prefix_is_found(
    inserted: list[tuple[list[int], int]], asked: list[tuple[list[int], int]]
) -> None:
    tree, slow = PrefixTree(10**6), SlowCache()
    for ids, n_last in inserted:
        known = min(n_last, len(ids))
        tree.insert(np.array(ids), kv_of(ids, known))
        slow.insert(ids, known)
        assert tree.n_tokens == slow.n_tokens
    for ids, limit in [*asked, *((ids, len(ids)) for ids, _ in inserted)]:
        assert matched(tree, ids, limit) == slow.match(ids, limit)


@given(st.integers(10, 30), insertions)
def test_memory_is_bounded_and_what_is_left_is_right(
    max_tokens: int, inserted: list[tuple[list[int], int]]
) -> None:
    tree = PrefixTree(max_tokens)
    for ids, _ in inserted:
        tree.insert(np.array(ids), kv_of(ids, len(ids)))
        assert tree.n_tokens <= max_tokens
        assert matched(tree, ids, len(ids)) == len(ids)  # the newest one stays
    kept = {tuple(ids[: k + 1]) for ids, _ in inserted for k in range(matched(tree, ids, len(ids)))}
    assert len(kept) == tree.n_tokens


def test_the_least_recently_used_leaves_go_first() -> None:
    tree = PrefixTree(max_tokens=10)
    old, used, new = [1, 1, 1], [2, 2, 2], [3, 3, 3]
    for ids in (old, used, new):
        tree.insert(np.array(ids), kv_of(ids, 3))
    assert matched(tree, old, 2) == 2  # looked up last, so that `used` is the oldest
    tree.insert(np.array([4, 4]), kv_of([4, 4], 2))
    assert [matched(tree, ids, 3) for ids in (old, used, new)] == [3, 0, 3]


def test_a_tail_whose_beginning_is_not_cached_is_not_remembered() -> None:
    tree = PrefixTree(100)
    tree.insert(np.array([1, 2, 3]), kv_of([1, 2, 3], 1))
    assert matched(tree, [1, 2, 3], 3) == tree.n_tokens == 0


def test_what_is_remembered_does_not_change_with_the_tensor_it_came_from() -> None:
    tree, kv = PrefixTree(100), kv_of([1, 2, 3], 3)
    tree.insert(np.array([1, 2, 3]), kv)
    kv.zero_()
    assert matched(tree, [1, 2, 3], 3) == 3
