"""An event loop in a thread of its own, for what outlasts its callers' loops: connections, an engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_STOP_SECONDS = 10


class BackgroundLoop:
    """Runs coroutines of any thread and any loop until it is stopped."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`; when the caller is cancelled, so is the work."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, for a caller without a loop, or one that may block it (as loading does)."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self, close: Callable[[], Awaitable[object]]) -> None:
        """Cancel what runs, await `close` in the loop, and end the thread."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(_wind_up(close), self._loop).result(_STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_SECONDS)
        self._loop.close()


async def _wind_up(close: Callable[[], Awaitable[object]]) -> None:
    running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await close()
    await asyncio.get_running_loop().shutdown_asyncgens()
