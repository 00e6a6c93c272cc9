"""Caps and deadlines: sampling that never passes them.

Each sample reserves the most it may write before it starts and gives back what it did not use; under a cap
that is too tight for all samples at once they run in waves, so that whole solutions come out of it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Literal

from tts_select.core.protocols import Continuation, Meter, Policy, SampleRequest

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
    freed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def free(self) -> int:
        """Tokens that are neither used nor reserved."""
        allowed = sys.maxsize if self.max_tokens is None else self.max_tokens
        return allowed - self.used - self.reserved

    async def reserve(self, n: int, each: int) -> tuple[int, int]:
        """How many samples may start now, and how many tokens each; waits while others hold all of it.

        (0, 0) when a limit has been reached.
        """
        while self.reached is None:
            free = self.free
            if self.deadline is not None and time.monotonic() >= self.deadline:
                self.reached = "deadline"
            elif free >= each or (free >= 1 and self.reserved == 0):
                n, each = min(n, max(1, free // each)), min(each, free)
                self.reserved += n * each
                return n, each
            elif self.reserved == 0:
                self.reached = "cap"
            else:
                self.freed.clear()
                await self.freed.wait()
        return 0, 0

    def settle(self, reserved: int, used: int) -> None:
        """Give a reservation back and book what was used of it."""
        self.reserved -= reserved
        self.used += used
        self.freed.set()


@dataclass(frozen=True, slots=True)
class LimitedPolicy:
    """A policy under the limits of one search."""

    policy: Policy
    limits: Limits

    @property
    def step_delimiter(self) -> str:
        """The policy's."""
        return self.policy.step_delimiter

    async def sample(self, request: SampleRequest, meter: Meter) -> AsyncIterator[list[Continuation]]:
        """The continuations of `request`, in waves if a cap asks for it, and fewer if a limit is met."""
        limits, left = self.limits, request.n
        while left:
            n, each = await limits.reserve(left, request.max_new_tokens)
            if n == 0:
                return
            wave = replace(
                request,
                n=n,
                max_new_tokens=each,
                first=request.first + request.n - left,
                deadline=limits.deadline,
            )
            used = 0
            try:
                written = await self.policy.sample(wave, meter)
                used = sum(c.n_tokens for c in written)
            finally:
                limits.settle(n * each, used)
            left -= n
            if any(c.finish == "deadline" for c in written):
                limits.reached = "deadline"
            if each < request.max_new_tokens:  # it was the cap that made them this short
                written = [replace(c, finish="cap") if c.finish == "length" else c for c in written]
            yield written
