"""What is learned of a loaded model while it runs: it goes with the model."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerModel(Generic[T]):
    """One `T` for each policy or PRM. Of a model that cannot be a key nothing is remembered."""

    def __init__(self, new: Callable[[], T]) -> None:
        self._new = new
        self._known: weakref.WeakKeyDictionary[object, T] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, model: object) -> T:
        """What is known of this model."""
        with self._lock:
            try:
                return self._known.setdefault(model, self._new())
            except TypeError:
                return self._new()
