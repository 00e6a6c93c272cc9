"""Caps and deadlines: sampling that never passes them.

Each sample reserves the most it may write before it starts and gives back what it did not use; under a cap
that is too tight for all samples at once they run in waves, so that whole solutions come out of it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from tts_select.core.errors import BackendError
from tts_select.core.protocols import Continuation, Meter, Policy, SampleRequest
from tts_select.executors.latency import latency_of

Limit = Literal["deadline", "cap"]


@dataclass(slots=True)
class Limits:
    """`max_tokens` bounds the tokens that the policy generates; `deadline` is on `time.monotonic()`."""

    max_tokens: int | None = None
    deadline: float | None = None
    used: int = 0
    reserved: int = 0
    reached: Limit | None = None
    """The limit that was met, if any: from then on nothing is sampled."""
    failures: list[BackendError] | None = None
    """Where those of single requests are kept, so that a search goes on with what the others wrote; None:
    the first one is raised."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def free(self) -> int:
        """Tokens that are neither used nor reserved."""
        allowed = sys.maxsize if self.max_tokens is None else self.max_tokens
        return allowed - self.used - self.reserved

    def split(self, n: int) -> list[Limits]:
        """The same deadline and an equal share of the tokens for each of `n` parts of a search."""
        if self.max_tokens is None:
            return [Limits(None, self.deadline, failures=self.failures) for _ in range(n)]
        share, extra = divmod(self.free, n)
        return [Limits(share + (k < extra), self.deadline, failures=self.failures) for k in range(n)]

    def join(self, parts: Sequence[Limits]) -> None:
        """Book what the parts of a split used, and the limit that one of them met."""
        self.used += sum(part.used for part in parts)
        self.reached = next((part.reached for part in parts if part.reached), self.reached)

    async def reserve(self, n: int, each: int) -> tuple[int, int]:
        """How many samples may start now, and how many tokens each; (0, 0) when a limit has been reached.

        What does not fit at once waits until all that was reserved is settled: how much it gets then depends
        on what was asked for before, and not on which request was answered first.
        """
        if self.free < n * each:
            await self._wait_for_all()
        if self.reached is None and self.deadline is not None and time.monotonic() >= self.deadline:
            self.reached = "deadline"
        elif self.reached is None and self.free < 1:
            self.reached = "cap"
        if self.reached is not None:
            return 0, 0
        n, each = min(n, max(1, self.free // each)), min(each, self.free)
        self.reserved += n * each
        return n, each

    def settle(self, reserved: int, used: int) -> None:
        """Give a reservation back and book what was used of it."""
        self.reserved -= reserved
        self.used += used
        self.settled.set()

    async def _wait_for_all(self) -> None:
        while self.reserved:
            self.settled.clear()
            await self.settled.wait()


@dataclass(frozen=True, slots=True)
class LimitedPolicy:
    """A policy under the limits of one search."""

    policy: Policy
    limits: Limits

    @property
    def step_delimiter(self) -> str:
        """The delimiter of the policy."""
        return self.policy.step_delimiter

    async def sample(self, request: SampleRequest, meter: Meter) -> AsyncIterator[list[Continuation]]:
        """The continuations of `request`, in waves if a cap asks for it, and fewer if a limit is met or the
        policy fails."""
        n_left = request.n
        while n_left:
            async with self.limits.turn:
                n, each = await self.limits.reserve(n_left, request.max_new_tokens)
                first = request.first + request.n - n_left
                wave = replace(request, n=n, max_new_tokens=each, first=first, deadline=self.limits.deadline)
                n_left -= n
                if n and n_left:  # nobody else may take what is left before this request has had it
                    yield await self._write(wave, meter, request.max_new_tokens)
            if not n:
                return
            if not n_left:
                yield await self._write(wave, meter, request.max_new_tokens)

    async def _write(self, wave: SampleRequest, meter: Meter, asked_tokens: int) -> list[Continuation]:
        used = 0
        try:
            written, lost = await self._sample(wave, meter)
            used = sum(c.n_tokens for c in written) + lost
        finally:
            self.limits.settle(wave.n * wave.max_new_tokens, used)
        if wave.max_new_tokens < asked_tokens:  # it was the cap that made them this short
            written = [replace(c, finish="cap") if c.finish == "length" else c for c in written]
        for limit in ("deadline", "cap"):
            if any(c.finish == limit for c in written):
                self.limits.reached = limit
        return written

    async def _sample(self, wave: SampleRequest, meter: Meter) -> tuple[list[Continuation], int]:
        """What was written, and the tokens of what was lost."""
        try:
            with latency_of(self.policy).watch(wave, meter) as watch:
                written = await self.policy.sample(wave, watch)
                watch.came_back(written, self.step_delimiter)
                return written, 0
        except BackendError as error:
            if self.limits.failures is None:
                raise
            self.limits.failures.append(error)
            return list(error.written), error.lost_tokens
