"""Rows of different lengths in one batch compute what each computes alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from tts_select.executors.runtime.ragged import RaggedCache, cache_shape, right_aligned

Logits = Callable[[Any, Sequence[int]], torch.Tensor]


class Rows:
    """A cache with the ids that its rows should hold; every forward pass is compared with the slow way."""

    def __init__(self, model: Any, slow: Logits, rng: random.Random) -> None:
        self.model, self.slow, self.rng = model, slow, rng
        self.ids: list[list[int]] = []
        self.cache: RaggedCache | None = None

    def random_ids(self, n: int) -> list[int]:
        return [self.rng.randrange(self.model.config.vocab_size) for _ in range(n)]

    def prefilled(self, texts: list[list[int]], pasts: list[int]) -> RaggedCache:
        """A cache of these texts, the first tokens of which come in two pieces from another cache."""
        segments = []
        for ids, n in zip(texts, pasts, strict=True):
            known = self.past(ids[:n])
            segments.append([known[..., : n // 2, :], known[..., n // 2 :, :]])
        new = [ids[n:] for ids, n in zip(texts, pasts, strict=True)]
        cache = RaggedCache.from_segments(self.model, segments, [len(ids) for ids in new])
        self.compare(cache, new, texts)
        return cache

    def past(self, ids: list[int]) -> torch.Tensor:
        """Keys and values of a text, from a cache of its own."""
        fed = ids or [0]
        cache = RaggedCache.from_segments(self.model, [[]], [len(fed)])
        with torch.inference_mode():
            cache.forward(self.model, torch.tensor([fed]), np.array([len(fed)]))
        return cache.row(0, len(fed))[..., : len(ids), :]

    def compare(self, cache: RaggedCache, new: list[list[int]], texts: list[list[int]]) -> None:
        lengths = np.array([len(i) for i in new])
        aligned = right_aligned([np.array(i) for i in new], self.model.device)
        with torch.inference_mode():
            logits = cache.forward(self.model, aligned, lengths, logits_to_keep=1).logits[:, -1]
        assert cache.lengths.tolist() == [len(i) for i in texts]
        for row, ids in zip(logits, texts, strict=True):
            torch.testing.assert_close(row, self.slow(self.model, ids), atol=1e-4, rtol=1e-4)

    def join(self) -> None:
        texts = [self.random_ids(self.rng.randint(2, 12)) for _ in range(self.rng.randint(1, 3))]
        cache = self.prefilled(texts, [self.rng.randint(0, len(ids) - 1) for ids in texts])
        picks = [self.rng.randrange(len(texts)) for _ in range(self.rng.randint(1, 4))]
        cache.repeat(picks)
        self.ids += [list(texts[i]) for i in picks]
        if self.cache is None:
            self.cache = cache
        else:
            self.cache.append(cache)

    def leave(self) -> None:
        n_dead = self.rng.randint(0, len(self.ids) - 1)
        dead = sorted(self.rng.sample(range(len(self.ids)), n_dead))
        if dead and self.cache is not None:
            order = self.cache.drop(dead)
            assert sorted(order) == sorted(set(range(len(self.ids))) - set(dead))
            self.ids = [self.ids[i] for i in order]

    def write(self) -> None:
        assert self.cache is not None
        newest = [self.random_ids(1) for _ in self.ids]
        self.ids = [ids + new for ids, new in zip(self.ids, newest, strict=True)]
        self.compare(self.cache, newest, self.ids)


@pytest.mark.parametrize("seed", range(4))
def test_rows_that_join_write_and_leave_compute_what_each_computes_alone(
    loaded: Any, last_logits: Logits, seed: int
) -> None:
    rows = Rows(loaded.model, last_logits, random.Random(seed))
    rows.join()
    for _ in range(14):
        rows.rng.choice([rows.join, rows.leave, rows.write, rows.write])()
    rows.write()


def test_many_steps_need_more_slots_than_there_were_at_first(loaded: Any, last_logits: Logits) -> None:
    rows = Rows(loaded.model, last_logits, random.Random(9))
    rows.join()
    cache = rows.cache
    assert cache is not None
    slots = cache.buffer.shape[4]
    for _ in range(slots + 3 - cache.end):
        newest = [rows.random_ids(1) for _ in rows.ids]
        rows.ids = [ids + new for ids, new in zip(rows.ids, newest, strict=True)]
        with torch.inference_mode():
            aligned = right_aligned([np.array(i) for i in newest], loaded.model.device)
            cache.forward(loaded.model, aligned, np.ones(len(newest), dtype=np.int64))
    assert cache.buffer.shape[4] > slots
    rows.write()


def test_the_keys_and_values_of_a_row_are_those_of_its_text_alone(loaded: Any) -> None:
    rows = Rows(loaded.model, lambda *_: torch.empty(0), random.Random(3))
    texts = [rows.random_ids(n) for n in (3, 9, 6)]
    cache = RaggedCache.from_segments(loaded.model, [[], [], []], [3, 9, 6])
    aligned = right_aligned([np.array(ids) for ids in texts], loaded.model.device)
    with torch.inference_mode():
        cache.forward(loaded.model, aligned, np.array([3, 9, 6]))
    for i, ids in enumerate(texts):
        torch.testing.assert_close(cache.row(i, len(ids)), rows.past(ids), atol=1e-5, rtol=1e-5)


def test_the_shape_of_the_cache_follows_the_key_value_heads(tiny_llama: Any, tiny_qwen2: Any) -> None:
    assert cache_shape(tiny_llama.model) == (2, 2, 32)
    assert cache_shape(tiny_qwen2.model) == (3, 2, 16)


def test_ids_are_aligned_on_the_right() -> None:
    aligned = right_aligned([np.array([1]), np.array([2, 3, 4])], torch.device("cpu"))
    assert aligned.tolist() == [[0, 0, 1], [2, 3, 4]]
