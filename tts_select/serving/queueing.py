"""Whose turn it is: so many runs at once, and of those that wait one of each key in turn."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tts_select.serving.errors import TOO_MANY, ApiError

_FIRST_GUESS_S = 2.0
_SLOWNESS = 0.1
"""The weight of the newest run in the mean of their seconds."""


class Room:
    """`places` runs at once; of each key no more than `queue` requests wait."""

    def __init__(self, places: int, queue: int) -> None:
        self._places, self._queue = places, queue
        self._n_running = 0
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._seconds = _FIRST_GUESS_S

    @property
    def n_running(self) -> int:
        """Runs in flight."""
        return self._n_running

    @property
    def n_waiting(self) -> int:
        """Requests that wait."""
        return sum(map(len, self._waiting.values()))

    def check(self, key: str) -> None:
        """Check that one more request of a key may wait.

        Raises:
            ApiError: its queue is full.
        """
        here = len(self._waiting.get(key, ()))
        if here >= self._queue and self._n_running >= self._places:
            raise ApiError(
                TOO_MANY,
                f"{here} requests of this key wait already: come back later",
                code="queue_full",
                retry_after_s=max(1.0, self._seconds * (self.n_waiting + 1) / self._places),
            )

    @asynccontextmanager
    async def place(self, key: str) -> AsyncIterator[None]:
        """Wait for a place, and hold it for the block."""
        await self._enter(key)
        began = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            took = asyncio.get_running_loop().time() - began
            self._seconds += _SLOWNESS * (took - self._seconds)
            self._leave()

    async def _enter(self, key: str) -> None:
        if self._n_running < self._places:
            self._n_running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # the place was given to it at the moment at which it went away
            else:
                self._forget(key, turn)
            raise

    def _leave(self) -> None:
        """Hand the place to the key that has waited longest for its turn."""
        while self._waiting:
            key, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[key] = turns
            if not turn.done():
                turn.set_result(None)
                return
        self._n_running -= 1

    def _forget(self, key: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(key)
        if turns is not None and turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[key]
