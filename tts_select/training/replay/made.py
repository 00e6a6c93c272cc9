"""Sequences whose items take more memory than what they are made of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

T_co = TypeVar("T_co", covariant=True)


class Made(Sequence[T_co]):
    """None of the items is held: each is made when it is asked for."""

    __slots__ = ()

    @abstractmethod
    def made(self, place: int) -> T_co:
        """Make one of the items."""

    @overload
    def __getitem__(self, place: int) -> T_co: ...
    @overload
    def __getitem__(self, place: slice) -> list[T_co]: ...
    def __getitem__(self, place: int | slice) -> T_co | list[T_co]:
        if isinstance(place, slice):
            return [self.made(k) for k in range(len(self))[place]]
        return self.made(place)
