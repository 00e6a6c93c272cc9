"""The tree against a set of all prefixes; a token's keys and values are a number that names its prefix."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tts_select.executors.runtime.prefix_tree import PrefixTree

sequences = st.lists(st.integers(0, 2), min_size=1, max_size=9)
operations = st.lists(st.tuples(sequences, st.integers(0, 9)), min_size=1, max_size=25)


def kv_of(ids: list[int]) -> torch.Tensor:
    """Shape (2 layers, 2, 3 heads, tokens, 1); each layer and side has numbers of its own."""
    names = torch.tensor([float(hash(tuple(ids[: k + 1])) % 99_991) for k in range(len(ids))])
    places = torch.arange(12.0).reshape(2, 2, 3, 1) * 100_000
    return (places + names)[..., None]


def insert(tree: PrefixTree, ids: list[int], n_known: int) -> None:
    tree.insert(np.array(ids), kv_of(ids)[..., len(ids) - n_known :, :])


def matched(tree: PrefixTree, ids: list[int], limit: int) -> int:
    """The length of the match, whose keys and values must be right."""
    segments = tree.match(np.array(ids), limit)
    if not segments:
        return 0
    kv = torch.cat(segments, dim=-2)
    assert torch.equal(kv, kv_of(ids)[..., : kv.shape[-2], :])
    return kv.shape[-2]


class SlowTree:
    """All prefixes that were ever inserted."""

    def __init__(self) -> None:
        self.prefixes: set[tuple[int, ...]] = {()}

    def longest(self, ids: list[int]) -> int:
        return max(k for k in range(len(ids) + 1) if tuple(ids[:k]) in self.prefixes)

    def insert(self, ids: list[int], n_known: int) -> None:
        if self.longest(ids) >= len(ids) - n_known:
            self.prefixes |= {tuple(ids[:k]) for k in range(len(ids) + 1)}


@given(operations, sequences, st.integers(0, 9))
def test_a_match_is_the_longest_prefix_that_was_inserted(
    inserted: list[tuple[list[int], int]], asked: list[int], limit: int
) -> None:
    tree, slow = PrefixTree(10_000), SlowTree()
    for ids, n_known in inserted:
        n_last = min(n_known, len(ids))
        insert(tree, ids, n_last)
        slow.insert(ids, n_last)
        most = min(limit, len(asked))
        assert matched(tree, asked, most) == min(slow.longest(asked), most)
        assert matched(tree, ids, len(ids)) == slow.longest(ids)
        assert tree.n_tokens == len(slow.prefixes) - 1


@given(operations, st.integers(1, 20))
def test_a_full_tree_stays_within_its_bound_and_is_never_wrong(
    inserted: list[tuple[list[int], int]], max_tokens: int
) -> None:
    tree, slow = PrefixTree(max_tokens), SlowTree()
    for ids, n_known in inserted:
        n_last = max(min(n_known, len(ids)), len(ids) - matched(tree, ids, len(ids)))
        insert(tree, ids, n_last)
        slow.insert(ids, n_last)
        assert 0 <= tree.n_tokens <= max_tokens
        for other, _ in inserted:
            assert matched(tree, other, len(other)) <= slow.longest(other)


def test_the_least_recently_used_leaf_is_dropped_first() -> None:
    tree = PrefixTree(20)
    first, second, third = [0] * 8, [1] * 8, [2] * 8
    insert(tree, first, 8)
    insert(tree, second, 8)
    matched(tree, first, 8)
    insert(tree, third, 8)
    assert [matched(tree, ids, 8) for ids in (first, second, third)] == [8, 0, 8]


def test_what_the_caller_does_with_its_tensor_later_does_not_matter() -> None:
    tree, ids = PrefixTree(100), [0, 1, 2]
    kv = kv_of(ids)
    tree.insert(np.array(ids), kv)
    kv.zero_()
    assert matched(tree, ids, 3) == 3


def test_a_cleared_tree_has_nothing() -> None:
    tree = PrefixTree(100)
    insert(tree, [1, 2, 2], 3)
    tree.clear()
    assert (tree.n_tokens, matched(tree, [1, 2, 2], 3)) == (0, 0)
    insert(tree, [1, 2], 2)
    assert matched(tree, [1, 2, 2], 3) == 2


def test_a_tree_that_nobody_holds_is_freed_at_once() -> None:
    tree = PrefixTree(100)
    for ids in ([1, 2, 2], [1, 2, 0, 1], [0, 1]):
        insert(tree, ids, len(ids))
    (kept,) = tree.match(np.array([0, 1]), 2)
    refs = [weakref.ref(node) for node in tree._parents()]
    assert len(refs) > 3
    gc.disable()
    try:
        del tree
        assert [ref() for ref in refs] == [None] * len(refs)
    finally:
        gc.enable()
    assert kept.shape[-2] == 2
