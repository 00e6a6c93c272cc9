"""Caps and deadlines: sampling that never passes them.

Each sample reserves the most it may write before it starts and gives back what it did not use; under a cap
that is too tight for all samples at once they run in waves, so that whole solutions come out of it. A cap in
dollars reserves what the tokens may cost to write; what policies and PRMs read is known once it is billed.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from tts_select.core.errors import BackendError
from tts_select.core.pricing import TokenPrice, price_of_tokens
from tts_select.core.protocols import Continuation, Meter, Policy, SampleRequest
from tts_select.executors.latency import latency_of

Limit = Literal["deadline", "cap"]
_ROUNDING = 1e-9
"""What floating point may lose of a share."""


@dataclass(slots=True)
class DollarCap:
    """A cap in dollars, that all parts of a search share."""

    most: float
    spent: Callable[[], float]
    """What the bill comes to by now."""
    reserved: float = 0.0
    n_reserved: int = 0

    def tokens(self, price: TokenPrice) -> int:
        """How many tokens at this price can be paid with what is neither spent nor reserved."""
        left, each = self.most - self.spent() - self.reserved, price.of(written=1)
        if not left > 0:
            return 0
        return int(min(left / each * (1 + _ROUNDING), sys.maxsize)) if each else sys.maxsize

    def reserve(self, dollars: float) -> None:
        """Set so much aside."""
        self.reserved, self.n_reserved = self.reserved + dollars, self.n_reserved + 1

    def release(self, dollars: float) -> None:
        """Give it back: what it came to is on the bill."""
        self.n_reserved -= 1
        self.reserved = self.reserved - dollars if self.n_reserved else 0.0


@dataclass(slots=True)
class Limits:
    """`max_tokens` bounds the tokens that the policy generates; `deadline` is on `time.monotonic()`."""

    max_tokens: int | None = None
    deadline: float | None = None
    dollars: DollarCap | None = None
    """A cap on what policies and PRMs cost; the policies have prices then."""
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
        """The same deadline, the same dollars and an equal share of the tokens for each of `n` parts of a
        search."""
        shares: list[int | None] = [None] * n
        if self.max_tokens is not None:
            share, extra = divmod(self.free, n)
            shares = [share + (k < extra) for k in range(n)]
        return [
            Limits(most, self.deadline, self.dollars, failures=self.failures, settled=self.settled)
            for most in shares
        ]

    def join(self, parts: Sequence[Limits]) -> None:
        """Book what the parts of a split used, and the limit that one of them met."""
        self.used += sum(part.used for part in parts)
        self.reached = next((part.reached for part in parts if part.reached), self.reached)

    async def reserve(self, n: int, each: int, price: TokenPrice | None = None) -> tuple[int, int]:
        """How many samples may start now, and how many tokens each; (0, 0) when a limit has been reached.
        `price` is the policy's.

        What does not fit at once waits until all that was reserved is settled: how much it gets then depends
        on what was asked for before, and not on which request was answered first.
        """
        if self._free_at(price) < n * each:
            await self._wait_for_all()
        free = self._free_at(price)
        if self.reached is None and self.deadline is not None and time.monotonic() >= self.deadline:
            self.reached = "deadline"
        elif self.reached is None and free < 1:
            self.reached = "cap"
        if self.reached is not None:
            return 0, 0
        n, each = min(n, max(1, free // each)), min(each, free)
        self.reserved += n * each
        if self.dollars and price:
            self.dollars.reserve(price.of(written=n * each))
        return n, each

    def settle(self, reserved: int, used: int, price: TokenPrice | None = None) -> None:
        """Give a reservation back and book what was used of it."""
        self.reserved -= reserved
        self.used += used
        if self.dollars and price:
            self.dollars.release(price.of(written=reserved))
        self.settled.set()

    def _free_at(self, price: TokenPrice | None) -> int:
        """Tokens that a policy of this price may write."""
        return min(self.free, self.dollars.tokens(price)) if self.dollars and price else self.free

    async def _wait_for_all(self) -> None:
        while self.reserved or (self.dollars and self.dollars.n_reserved):
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

    @property
    def _price(self) -> TokenPrice | None:
        return price_of_tokens(self.policy)

    async def sample(self, request: SampleRequest, meter: Meter) -> AsyncIterator[list[Continuation]]:
        """The continuations of `request`, in waves if a cap asks for it, and fewer if a limit is met or the
        policy fails."""
        n_left = request.n
        while n_left:
            async with self.limits.turn:
                n, each = await self.limits.reserve(n_left, request.max_new_tokens, self._price)
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
            self.limits.settle(wave.n * wave.max_new_tokens, used, self._price)
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
