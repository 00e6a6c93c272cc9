"""A mapping whose values are held as compressed bytes: as objects a log takes many times as much memory."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_LEVEL = 1
"""The fastest compression; better ones save a tenth more."""


class Packed(MutableMapping[K, V], Generic[K, V]):
    """Looks like a dict of values that do not change; each time that one is asked for it is made anew."""

    def __init__(self) -> None:
        self._held: dict[K, bytes] = {}

    def __getitem__(self, key: K) -> V:
        found: V = pickle.loads(zlib.decompress(self._held[key]))  # noqa: S301  bytes of this process
        return found

    def __setitem__(self, key: K, value: V) -> None:
        self._held[key] = zlib.compress(pickle.dumps(value, pickle.HIGHEST_PROTOCOL), _LEVEL)

    def __delitem__(self, key: K) -> None:
        del self._held[key]

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __iter__(self) -> Iterator[K]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


class Viewed(Mapping[K, V], Generic[K, V]):
    """Some of the entries of a mapping, without a copy of them."""

    def __init__(self, whole: Mapping[K, V], kept: Collection[K]) -> None:
        self._whole, self._kept = whole, kept

    def __getitem__(self, key: K) -> V:
        if key not in self._kept:
            raise KeyError(key)
        return self._whole[key]

    def __contains__(self, key: object) -> bool:
        return key in self._kept

    def __iter__(self) -> Iterator[K]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)
