"""Work on many items, each a task of a Ray cluster. A task whose machine is lost is run again by Ray."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from tts_select import __version__
from tts_select.core.errors import BackendError, InputError
from tts_select.solving.remote.calls import WorkerLost, answer, check_same
from tts_select.solving.remote.cluster import Cluster

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")
Note = Callable[[str], None]
Work = Callable[[Shared, Item, Note], Result]
MOST_RUNS = 5
"""Of a task; one that loses its machine so often is what they are lost by."""
_WAIT_SECONDS = 1.0


class Tasks:
    """Does work on the items of a sequence, so many at a time, on the machines of a cluster."""

    def __init__(self, cluster: Cluster, n_at_once: int) -> None:
        self._cluster = cluster
        self.n_at_once = n_at_once

    def __call__(
        self, work: Work[Shared, Item, Result], shared: Shared, items: Iterable[Item], *, note: Note
    ) -> Iterator[Result]:
        """Yield what comes of each item, in their order.

        Raises:
            InputError: the work raised it, or a machine has another version of this package.
            BackendError: the work failed, the cluster is gone, or a task was lost again and again.
        """
        place, run = self._cluster.put(shared), self._cluster.task(_run, max_retries=MOST_RUNS - 1)
        numbered = enumerate(items)
        at_work: dict[Any, int] = {}
        done: dict[int, tuple[Result, str | None]] = {}
        n_done = turn = 0
        while True:
            for number, item in islice(numbered, self.n_at_once - len(at_work)):
                at_work[run(__version__, work, place, item)] = number
            if not at_work:
                return
            call, found = asyncio.run(self._cluster.guard(_first(list(at_work))))
            done[at_work.pop(call)] = found
            n_done += 1
            note(f"{n_done} done on the cluster, {len(at_work)} at work")
            while turn in done:
                result, error = done.pop(turn)
                if error is not None:  # in its turn, so that it is the one of a single process
                    raise InputError(error)
                yield result
                turn += 1


async def _first(calls: list[Any]) -> tuple[Any, Any]:
    """The first call that is done, and what came of it."""
    import ray

    ready: list[Any] = []
    while not ready:  # in short waits: a thread that waits for a head that is gone cannot be ended
        ready, _ = await asyncio.to_thread(ray.wait, calls, timeout=_WAIT_SECONDS)
    try:
        return ready[0], await answer(ready[0])
    except WorkerLost as lost:
        raise BackendError(f"a task was lost {MOST_RUNS} times, at last: {lost}") from lost


def _run(version: str, work: Work[Any, Any, Any], shared: object, item: object) -> tuple[object, str | None]:
    """The result, or what is wrong with the input: exceptions do not travel well."""
    try:
        check_same("tts-select", there=__version__, host=socket.gethostname(), here=version)
        return work(shared, item, lambda _: None), None
    except InputError as error:
        return None, str(error)
