"""While a model loads, none computes.

`transformers` builds the layers of a checkpoint with that checkpoint's dtype as the default, and torch has
one default for all threads: a step that another model takes meanwhile would make its new tensors in it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_turn = threading.Condition()
"""Held for the whole of a load."""
_n_computing = 0
_n_waiting = 0
"""The loads that wait for their turn: no new step begins, so that steps cannot hold them off for ever."""


@contextmanager
def computing() -> Iterator[None]:
    """For a step of a model: waits for loads; other steps may run beside it."""
    global _n_computing  # noqa: PLW0603  what it guards is global
    with _turn:
        _turn.wait_for(lambda: not _n_waiting)
        _n_computing += 1
    try:
        yield
    finally:
        with _turn:
            _n_computing -= 1
            _turn.notify_all()


@contextmanager
def loading() -> Iterator[None]:
    """For a load: waits until no step and no other load is running. Within a step none may be asked for."""
    global _n_waiting  # noqa: PLW0603
    with _turn:
        _n_waiting += 1
        try:
            _turn.wait_for(lambda: not _n_computing)
        finally:
            _n_waiting -= 1
            _turn.notify_all()
        yield
