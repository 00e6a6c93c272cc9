"""Worker processes that do the mathematics of grading, started when they are first needed.

math-verify stops itself with signals, which only the main thread of a process may do, and not always; so
each pair has a soft limit in its worker, and hard ones at which the worker is killed and replaced. The limits
that matter count computing time: no verdict depends on how busy the machine is. pebble has pools whose tasks
can be killed, and loky processes that do not run the caller's main module again, so that a script needs no
`if __name__ == "__main__"`.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import math
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as LimitReached
from pathlib import Path
from typing import TYPE_CHECKING

from tts_select.core.errors import BackendError

if TYPE_CHECKING:
    from types import FrameType

    from pebble import ProcessPool

SOFT_LIMIT_S = 2.0
"""Of computing; a signal ends the pair, unless Python is inside one long operation."""
HARD_LIMIT_S = 3
"""Of computing; the system kills the worker."""
CLOCK_LIMIT_S = 30.0
"""Whatever is computed or waited for: for a machine that is busy many times over, and for Windows."""
MEMORY_BYTES = 1 << 30
"""Of address space beyond what a worker has when it starts."""
_MAX_WORKERS = 8
_PAIRS_PER_WORKER = 5_000
"""After which a worker is replaced, since sympy's caches only grow."""

_lock = threading.Lock()
_pool: ProcessPool | None = None


class _SoftLimitReached(BaseException):
    """Not an `Exception`: sympy and math-verify swallow those and go on."""


def judge(pairs: Sequence[tuple[str, str]], *, strict: bool = False) -> list[bool | None]:
    """Whether each (answer, gold) is equivalent; None for what took too long or too much memory.

    Raises:
        BackendError: no worker can start.
    """
    if not pairs:
        return []
    try:
        return [_outcome(future) for future in _scheduled(pairs, strict=strict)]
    except (RuntimeError, CancelledError):  # the pool broke, as when memory was short for a moment
        _shut_down()
    try:
        return [_outcome(future) for future in _scheduled(pairs, strict=strict)]
    except (RuntimeError, CancelledError) as error:
        raise _cannot_start(error) from error


def schedule(pairs: Sequence[tuple[str, str]]) -> list[Future[bool | None]]:
    """Hand each pair to a worker, and wait for none of them. Cancelling a future stops its work.

    Raises:
        BackendError: no worker can start.
    """
    try:
        return _scheduled(pairs)
    except RuntimeError:  # as in `judge`
        _shut_down()
    try:
        return _scheduled(pairs)
    except RuntimeError as error:
        raise _cannot_start(error) from error


def outcome(judged: Future[bool | None]) -> bool | None:
    """What `judge` would say of a scheduled pair.

    Raises:
        BackendError: no worker could start.
    """
    try:
        return _outcome(judged)
    except (RuntimeError, CancelledError) as error:
        raise _cannot_start(error) from error


def _cannot_start(error: BaseException) -> BackendError:
    return BackendError(
        f"the grading workers cannot start ({error}): free some memory, and see that "
        "`python -c 'import math_verify'` works"
    )


def _scheduled(pairs: Sequence[tuple[str, str]], *, strict: bool = False) -> list[Future[bool | None]]:
    pool = _running_pool()
    options = {"strict": True} if strict else {}
    return [pool.schedule(_judge_one, args=pair, kwargs=options, timeout=CLOCK_LIMIT_S) for pair in pairs]


def _outcome(judged: Future[bool | None]) -> bool | None:
    from pebble import ProcessExpired

    try:
        return judged.result()
    except (LimitReached, ProcessExpired):
        return None


def _running_pool() -> ProcessPool:
    global _pool  # noqa: PLW0603  one pool for the process, since workers are dear
    with _lock:
        if _pool is None or not _pool.active:
            from loky.backend import get_context
            from pebble import ProcessPool

            _pool = ProcessPool(
                max_workers=min(_MAX_WORKERS, os.cpu_count() or 1),
                max_tasks=_PAIRS_PER_WORKER,
                initializer=_prepare_worker,
                context=get_context("loky"),
            )
        return _pool


def _shut_down() -> None:
    if _pool is not None:
        _pool.stop()  # type: ignore[no-untyped-call]
        _pool.join()


def _forget_pool() -> None:
    """A forked child has no threads to talk to its parent's workers: it starts its own."""
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


atexit.register(_shut_down)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def _prepare_worker() -> None:
    """Imports and tries out what the first pair would wait for, and limits the memory of all."""
    from tts_select.data.grading.symbolic import are_equal

    logging.disable(logging.CRITICAL)  # math-verify logs each timeout and parse error
    warnings.simplefilter("ignore")
    are_equal("2x+3y=4", "4x+6y=8")
    are_equal(r"\int_0^1xdx", r"\frac12")  # the library's parser takes a second to warm up
    with contextlib.suppress(ImportError, OSError, ValueError):  # no such limit on this system
        import resource

        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))


def _judge_one(answer: str, gold: str, strict: bool = False) -> bool | None:
    """In the worker: within the soft limit, or None."""
    from tts_select.data.grading.symbolic import are_equal

    _limit_computing()
    try:
        return are_equal(answer, gold, strict)
    except (_SoftLimitReached, Exception):  # noqa: BLE001  sympy raises whatever it likes, and MemoryError
        return None
    finally:
        if sys.platform != "win32":
            signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_computing() -> None:
    """From now on, for one pair. Windows has the clock alone."""
    if sys.platform != "win32":
        import resource

        signal.signal(signal.SIGPROF, _reach_soft_limit)
        signal.setitimer(signal.ITIMER_PROF, SOFT_LIMIT_S)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + HARD_LIMIT_S, most))


def _reach_soft_limit(_: int, __: FrameType | None) -> None:
    raise _SoftLimitReached
