"""A model of a PRM at work: computes the new tokens of many texts in one batch, over its own prefix tree."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from tts_select.executors.prms.checkpoints import Part
from tts_select.executors.prms.reading import Reader
from tts_select.executors.runtime.cache_budget import shared_tree
from tts_select.executors.runtime.prefix_tree import PrefixTree
from tts_select.executors.runtime.ragged import RaggedCache, right_aligned

_REMEMBERED_ENDS = 16_384


class HiddenStates(NamedTuple):
    """`hidden` has the shape (texts, longest new part, hidden size); rows are aligned on the right."""

    n_new: np.ndarray
    hidden: torch.Tensor


@dataclass(slots=True)
class Lane:
    """A model of a PRM at work, used by the worker's thread only."""

    part: Part
    tree: PrefixTree = field(init=False)
    _ends: OrderedDict[bytes, torch.Tensor] = field(default_factory=OrderedDict)
    """The hidden state of a text's last token, by what the text is. The next step's first token is read
    there, and the token need not be computed again for it."""

    def __post_init__(self) -> None:
        self.tree = shared_tree(self.part.loaded.model)

    def forget(self) -> None:
        """Forget everything that was computed."""
        self._ends.clear()
        self.tree.clear()

    def knows_end(self, ids: np.ndarray) -> bool:
        """Whether the hidden state of the last token of this text is at hand."""
        return _key(ids) in self._ends

    def is_cached(self, ids: np.ndarray) -> bool:
        """Whether nothing of this text is left to compute."""
        return sum(s.shape[-2] for s in self.tree.match(ids, len(ids))) == len(ids)

    def compute(self, texts: Sequence[np.ndarray], limits: Sequence[int]) -> HiddenStates:
        """Compute what the tree does not hold of each text, and all from its limit on; the tree then holds it
        too."""
        model = self.part.loaded.model
        segments = [self.tree.match(ids, limit) for ids, limit in zip(texts, limits, strict=True)]
        known = [sum(s.shape[-2] for s in row) for row in segments]
        new = [ids[k:] for ids, k in zip(texts, known, strict=True)]
        n_new = np.array([len(ids) for ids in new])
        cache = RaggedCache.from_segments(model, segments, n_new.tolist())
        hidden = cache.forward(model.base_model, right_aligned(new, model.device), n_new).last_hidden_state
        for i, ids in enumerate(texts):
            self.tree.insert(ids, cache.row(i, int(n_new[i])))
            self._ends[_key(ids)] = hidden[i, -1].clone()
        while len(self._ends) > _REMEMBERED_ENDS:
            self._ends.popitem(last=False)
        return HiddenStates(n_new, hidden)

    def read(
        self, reader: Reader, texts: Sequence[np.ndarray], needed: Sequence[range], computed: HiddenStates
    ) -> list[float]:
        """The value of each text, of its last step: the head is projected at the needed positions only."""
        hidden, device = computed.hidden, computed.hidden.device
        places = [(i, p) for i, positions in enumerate(needed) for p in positions]
        rows = torch.tensor([i for i, _ in places], device=device)
        states = torch.stack([self._state(texts[i], p, hidden[i], int(computed.n_new[i])) for i, p in places])
        # what is read at a text's last token has nothing that follows: its reader ignores what stands here
        next_ids = [int(texts[i][min(p + 1, len(texts[i]) - 1)]) for i, p in places]
        is_end = [p + 2 == len(texts[i]) for i, p in places]
        read = reader.values(
            self.part.head(states),
            torch.tensor(next_ids, device=device),
            torch.tensor(is_end, device=device),
        )
        sums = read.new_zeros(len(texts)).index_add_(0, rows, read)
        return [self.part.weight * value for value in sums.tolist()]

    def _state(self, ids: np.ndarray, place: int, hidden: torch.Tensor, n_new: int) -> torch.Tensor:
        """Return the hidden state of one position of a text, computed just now or when the text before it
        was."""
        from_end = len(ids) - place
        return hidden[-from_end] if from_end <= n_new else self._ends[_key(ids[: place + 1])]


def _key(ids: np.ndarray) -> bytes:
    return hashlib.blake2b(ids.tobytes(), digest_size=16).digest()
