"""Where the heavy parts of an evaluation run: here, one after the other, unless something else is given.

Both heavy parts, training in folds and replaying, are pieces that know nothing of one another: work on what
all of them share and on an item of one's own. `solving/remote/tasks.py` does the same on a Ray cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")
Note = Callable[[str], None]
Work = Callable[[Shared, Item, Note], Result]
"""A function of a module, of what is shared, an item, and what is told of its progress."""


class Spread(Protocol):
    """Does work on items, wherever that is."""

    @property
    def n_at_once(self) -> int:
        """How many items are worked on at a time."""

    def __call__(
        self, work: Work[Shared, Item, Result], shared: Shared, items: Iterable[Item], *, note: Note
    ) -> Iterator[Result]:
        """Yield what comes of each item, in their order; items are taken when there is room for them.

        Raises:
            InputError: the work raised it.
        """


class Here:
    """One item after the other, in this process."""

    n_at_once = 1

    def __call__(
        self, work: Work[Shared, Item, Result], shared: Shared, items: Iterable[Item], *, note: Note
    ) -> Iterator[Result]:
        """See `Spread`."""
        return (work(shared, item, note) for item in items)


HERE = Here()
