"""A thread that owns a model: requests of every event loop meet in its queue and are batched there."""

from __future__ import annotations

import asyncio
import atexit
import queue
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import MethodType
from typing import Any

from tts_select.executors.runtime.load_lock import computing

_GATHER_SECONDS = 0.002
_EXIT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class _Errand:
    do: Callable[[], None]
    future: asyncio.Future[None]

    def run(self) -> None:
        try:
            self.do()
        except Exception as error:  # noqa: BLE001  it is handed to whoever asked
            hand_back(self.future, error)
        else:
            hand_back(self.future, None)


_WORKERS: weakref.WeakSet[Worker] = weakref.WeakSet()


class Worker:
    """Runs `step(new_requests)` in its own thread; `step` returns whether more work is left."""

    def __init__(
        self, step: Callable[[list[Any]], bool], fail: Callable[[list[Any], Exception], None]
    ) -> None:
        assert isinstance(step, MethodType)
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._step, self._fail = weakref.WeakMethod(step), weakref.WeakMethod(fail)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = False
        # an owner that is collected wakes the thread, which then ends
        weakref.finalize(step.__self__, self._queue.put, None).atexit = False
        _WORKERS.add(self)

    def submit(self, request: Any) -> None:
        """Hand over a request; the thread starts with the first one."""
        self._queue.put(request)
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tts-select", daemon=True)
                self._thread.start()

    async def do(self, errand: Callable[[], None]) -> None:
        """Run it in the thread, between two steps."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.submit(_Errand(errand, future))
        await future

    def stop(self) -> None:
        """End the thread after the step that it is in."""
        self._stopping = True
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(_EXIT_SECONDS)

    def _run(self) -> None:
        busy = False
        while True:
            taken = self._take(wait=not busy)
            step, fail = self._step(), self._fail()
            if step is None or fail is None or self._stopping:
                return
            for errand in taken:
                if isinstance(errand, _Errand):
                    errand.run()
            requests = [request for request in taken if not isinstance(request, _Errand)]
            try:
                with computing():
                    busy = step(requests) if requests or busy else False
            except Exception as error:  # noqa: BLE001  a failed forward fails its requests, not the thread
                fail(requests, error)
                busy = False
            del step, fail, taken, requests

    def _take(self, *, wait: bool) -> list[Any]:
        """Take everything queued; when idle, wait for a first request and then briefly for its companions."""
        taken: list[Any] = []
        try:
            if wait:
                taken.append(self._queue.get())
                taken.append(self._queue.get(timeout=_GATHER_SECONDS))
            while True:
                taken.append(self._queue.get_nowait())
        except queue.Empty:
            return taken


def hand_back(future: asyncio.Future[Any], outcome: Any) -> None:
    """Settle a future, from any thread, with a result or an error; if its loop has closed, nobody waits."""

    def settle() -> None:
        if future.done():
            return
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    with suppress(RuntimeError):
        future.get_loop().call_soon_threadsafe(settle)


@atexit.register
def _stop_all() -> None:
    """A thread that is cut off inside a tensor operation would abort the process."""
    for worker in list(_WORKERS):
        worker.stop()
