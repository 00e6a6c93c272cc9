"""While a model loads, none computes.

`transformers` builds the layers of a checkpoint with that checkpoint's dtype as the default, and torch has
one default for all threads: a step that another model takes meanwhile would make its new tensors in it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_changed = threading.Condition()
_n_computing = 0
_n_loading = 0
"""Those that wait for their turn included, so that steps cannot hold off a load for ever."""
_loads = threading.Lock()


@contextmanager
def computing() -> Iterator[None]:
    """For a step of a model: waits for loads; other steps may run beside it."""
    global _n_computing  # noqa: PLW0603  what it guards is global
    with _changed:
        _changed.wait_for(lambda: not _n_loading)
        _n_computing += 1
    try:
        yield
    finally:
        with _changed:
            _n_computing -= 1
            _changed.notify_all()


@contextmanager
def loading() -> Iterator[None]:
    """For a load: waits until no step and no other load is running. Neither may be asked for within it."""
    global _n_loading  # noqa: PLW0603
    with _changed:
        _n_loading += 1
    try:
        with _loads:
            with _changed:
                _changed.wait_for(lambda: not _n_computing)
            yield
    finally:
        with _changed:
            _n_loading -= 1
            _changed.notify_all()
