"""A key-value cache for rows of different lengths, and the forward pass over it.

Rows are aligned on the right: all of them end at the same slot, so one decoding step writes one slot for
every row. A four-dimensional mask hides the slots before a row begins. Works for any `transformers`
causal LM with full attention, since those take such a mask and a `Cache` as they are.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import Cache, PreTrainedModel
from transformers.cache_utils import CacheLayerMixin

_SPARE_SLOTS = 64


class _Layer(CacheLayerMixin):
    """One layer's view of the shared buffer. It does not keep the rows alive: they hold it, and what is in a
    circle is freed late, with all its memory."""

    def __init__(self, rows: RaggedCache, index: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._ref, self._index = weakref.ref(rows), index

    @property
    def _rows(self) -> RaggedCache:
        rows = self._ref()
        assert rows is not None
        return rows

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """The buffer exists already."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self._rows.write(self._index, key_states, value_states)

    def get_mask_sizes(self, _query_length: int) -> tuple[int, int]:
        return self._rows.end - self._rows.start, 0

    def get_seq_length(self) -> int:
        return self._rows.end - self._rows.start

    def get_max_length(self) -> int:
        return -1


class RaggedCache:
    """Row i owns the slots [end - lengths[i], end).

    `buffer` has the shape (layers, 2, rows, heads, slots, head_dim).
    """

    def __init__(self, model: PreTrainedModel, lengths: np.ndarray, end: int, slots: int) -> None:
        layers, heads, head_dim = cache_shape(model)
        shape = (layers, 2, len(lengths), heads, slots, head_dim)
        self.buffer = torch.zeros(shape, dtype=model.dtype, device=model.device)
        self.lengths = lengths
        self.end = end
        self._valid: torch.Tensor | None = None
        self._cache = Cache(layers=[_Layer(self, i) for i in range(shape[0])])

    @property
    def start(self) -> int:
        """The first slot that any row owns."""
        return self.end - int(self.lengths.max())

    @classmethod
    def from_segments(
        cls,
        model: PreTrainedModel,
        segments: Sequence[Sequence[torch.Tensor]],
        new_lengths: Sequence[int],
    ) -> RaggedCache:
        """Rows whose past is given and whose next tokens, `new_lengths` of them, are about to be computed."""
        past = [sum(s.shape[-2] for s in row) for row in segments]
        totals = np.array([p + n for p, n in zip(past, new_lengths, strict=True)])
        width = int(totals.max())
        cache = cls(model, np.array(past), width - max(new_lengths), width)
        for i, (row, total) in enumerate(zip(segments, totals, strict=True)):
            slot = width - int(total)
            for segment in row:
                cache.buffer[:, :, i, :, slot : slot + segment.shape[-2]] = segment
                slot += segment.shape[-2]
        return cache

    def write(
        self, layer: int, keys: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store the newest slots of a layer, except where a row has no token there; return all of them."""
        n_new = keys.shape[-2]
        views = []
        for side, states in enumerate((keys, values)):
            rows = self.buffer[layer, side, : len(self.lengths)]
            newest = rows[:, :, self.end - n_new : self.end]
            newest.copy_(states if self._valid is None else torch.where(self._valid, states, newest))
            views.append(rows[:, :, self.start : self.end])
        return views[0], views[1]

    def forward(self, model: Any, ids: torch.Tensor, new_lengths: np.ndarray, **kwargs: Any) -> Any:
        """Run `model` on right-aligned `ids` of shape (rows, width); the cache then owns them too."""
        width = ids.shape[1]
        self._reserve(width)
        self.end += width
        self.lengths = self.lengths + new_lengths
        device = ids.device
        lengths = torch.as_tensor(self.lengths, device=device)
        query = torch.arange(self.end - width, self.end, device=device)
        slot = torch.arange(self.start, self.end, device=device)
        position = (query[None] - self.end + lengths[:, None]).clamp(min=0)
        owned = slot[None, None] >= (self.end - lengths)[:, None, None]
        mask = (owned & (slot[None, None] <= query[None, :, None])) | (slot == query[:, None])[None]
        uniform = bool((new_lengths == width).all())
        fresh = torch.as_tensor(new_lengths, device=device)
        self._valid = None if uniform else (query[None] >= self.end - fresh[:, None])[:, None, :, None]
        return model(
            input_ids=ids,
            position_ids=position,
            attention_mask=_as_read(mask[:, None], model),
            past_key_values=self._cache,
            use_cache=True,
            **kwargs,
        )

    def row(self, i: int, n_last: int) -> torch.Tensor:
        """The keys and values of the last `n_last` tokens of row i."""
        return self.buffer[:, :, i, :, self.end - n_last : self.end]

    def repeat(self, picks: Sequence[int]) -> None:
        """Make the rows be these, in this order; a row may be taken several times."""
        index = torch.as_tensor(picks, device=self.buffer.device)
        width = self.end - self.start
        owned = self.buffer[:, :, :, :, self.start : self.end].index_select(2, index)
        self.buffer = _with_room(owned, len(picks), width + _SPARE_SLOTS)
        self.lengths, self.end = self.lengths[list(picks)], width

    def drop(self, dead: Sequence[int]) -> list[int]:
        """Forget these rows by moving the last ones into their places; returns the new order of the rows."""
        n_left = len(self.lengths) - len(dead)
        gone = set(dead)
        movers = [i for i in range(n_left, len(self.lengths)) if i not in gone]
        order = list(range(n_left))
        for hole, mover in zip((i for i in dead if i < n_left), movers, strict=True):
            used = slice(self.start, self.end)
            self.buffer[:, :, hole, :, used] = self.buffer[:, :, mover, :, used]
            order[hole] = mover
        self.lengths = self.lengths[order]
        return order

    def append(self, other: RaggedCache) -> None:
        """Add the rows of another cache."""
        n, n_new, width = len(self.lengths), len(other.lengths), other.end - other.start
        fits = n + n_new <= self.buffer.shape[2] and width <= self.end
        if not fits:
            own = self.buffer[:, :, :, :, self.start : self.end]
            own = _pad(own, slots_before=max(0, width - own.shape[4]))
            self.end = own.shape[4]
            self.buffer = _with_room(own, max(2 * n, n + n_new), self.end + _SPARE_SLOTS)
        target = self.buffer[:, :, n : n + n_new, :, self.end - width : self.end]
        target.copy_(other.buffer[:, :, :n_new, :, other.start : other.end])
        self.lengths = np.concatenate([self.lengths, other.lengths])

    def _reserve(self, n_slots: int) -> None:
        if self.end + n_slots <= self.buffer.shape[4]:
            return
        own = self.buffer[:, :, :, :, self.start : self.end]
        self.end = own.shape[4]
        self.buffer = _with_room(own, own.shape[2], self.end + n_slots + _SPARE_SLOTS)


def _as_read(mask: torch.Tensor, model: Any) -> torch.Tensor:
    """The mask as the model's attention takes it: eager attention, as in Gemma 2, adds it to its weights."""
    if getattr(model.config, "_attn_implementation", None) != "eager":
        return mask
    hidden = torch.full((), torch.finfo(model.dtype).min, dtype=model.dtype, device=mask.device)
    return torch.where(mask, torch.zeros_like(hidden), hidden)


def _pad(buffer: torch.Tensor, *, slots_before: int) -> torch.Tensor:
    return torch.nn.functional.pad(buffer, (0, 0, slots_before, 0))


def _with_room(buffer: torch.Tensor, n_rows: int, n_slots: int) -> torch.Tensor:
    """A copy with room for this many rows and slots, the old ones first."""
    shape = list(buffer.shape)
    rows = min(shape[2], n_rows)
    shape[2], shape[4] = n_rows, n_slots
    room = buffer.new_zeros(shape)
    room[:, :, :rows, :, : buffer.shape[4]] = buffer[:, :, :rows]
    return room


def cache_shape(model: PreTrainedModel) -> tuple[int, int, int]:
    """(layers, key-value heads, head dimension) of a model."""
    config = model.config.get_text_config()
    n_heads = config.num_attention_heads
    heads = getattr(config, "num_key_value_heads", None) or n_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // n_heads
    return config.num_hidden_layers, heads, head_dim


def right_aligned(rows: Sequence[np.ndarray], device: torch.device) -> torch.Tensor:
    """Token ids of shape (rows, longest), padded with 0 on the left."""
    width = max(len(r) for r in rows)
    return torch.from_numpy(np.stack([np.pad(r, (width - len(r), 0)) for r in rows])).to(device)
