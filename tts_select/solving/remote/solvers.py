"""Problems solved on a Ray cluster: each worker has all models of a search, and many problems at work.

A problem whose worker was lost is solved by another one. What a problem comes to depends on its seed, so it
does not matter which.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tts_select import __version__
from tts_select.core.cost import Bill
from tts_select.core.errors import BackendError, InputError, NoAnswer, TtsSelectError
from tts_select.core.problem import Problem
from tts_select.core.solution import Solution
from tts_select.solving.api import Solver, solver_for
from tts_select.solving.remote.calls import WorkerLost, answer, check_same
from tts_select.solving.remote.cluster import Cluster

MOST_LOSSES = 5
"""A problem whose workers are lost so often is what they are lost by."""
MOST_FAILED_STARTS = 3
_KINDS = {kind.exit_code: kind for kind in (InputError, NoAnswer, BackendError)}


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a problem: a solution, or an error as plain values: exceptions do not travel well."""

    solution: Solution | None = None
    error: str = ""
    exit_code: int = BackendError.exit_code
    bill: Bill | None = None

    @classmethod
    def of(cls, error: TtsSelectError) -> Answered:
        """An error, for its way."""
        return cls(error=str(error), exit_code=error.exit_code, bill=error.bill)

    def check(self) -> None:
        """Raises:
        TtsSelectError: it is an error.
        """
        if self.error:
            found = _KINDS.get(self.exit_code, BackendError)(self.error)
            found.bill = self.bill
            raise found


class RemoteSolver:
    """The actor."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._solver: Solver | None = None

    async def load(self, version: str) -> Answered:
        """Load the models that are named."""
        try:
            check_same("tts-select", there=__version__, host=socket.gethostname(), here=version)
            self._solver = solver_for(self._options)
        except TtsSelectError as error:
            return Answered.of(error)
        return Answered()

    async def solve(self, problem: Problem) -> Answered:
        """Solve a problem."""
        assert self._solver is not None
        try:
            return Answered(await self._solver(problem))
        except TtsSelectError as error:
            return Answered.of(error)


@dataclass(frozen=True, slots=True)
class Terms:
    """How many workers there are, and what each takes and has at work."""

    n_workers: int
    n_gpus: int
    concurrency: int
    lease_s: float


@dataclass(eq=False, slots=True)
class _Hand:
    """A worker."""

    actor: Any
    is_up: bool = False
    n_at_work: int = 0


class Solvers:
    """Workers that solve problems; a problem goes to the one that has fewest."""

    def __init__(self, cluster: Cluster, options: Mapping[str, Any], terms: Terms) -> None:
        self._cluster, self._options, self._terms = cluster, options, terms
        self._hands: list[_Hand] = []
        self._starting: set[asyncio.Task[None]] = set()
        self._n_failed = 0
        self._failure: TtsSelectError | None = None
        self._changed = asyncio.Condition()

    async def start(self) -> None:
        """Hire workers, and wait for the first one.

        Raises:
            TtsSelectError: the models cannot be loaded.
        """
        for _ in range(self._terms.n_workers):
            self._hire()
        await self._free()

    async def solve(self, problem: Problem) -> Solution:
        """Solve a problem on a worker.

        Raises:
            TtsSelectError: the search failed, or its workers were lost again and again.
        """
        why = ""
        for _ in range(MOST_LOSSES):
            hand = await self._free()
            hand.n_at_work += 1
            try:
                async with asyncio.timeout(self._terms.lease_s):
                    found: Answered = await answer(hand.actor.solve.remote(problem))
            except (WorkerLost, TimeoutError) as error:
                why = str(error) or f"no answer within {self._terms.lease_s:g} s"
                self._lose(hand)
            else:
                found.check()
                assert found.solution is not None
                return found.solution
            finally:
                hand.n_at_work -= 1
                await self._tell()
        raise BackendError(f"{MOST_LOSSES} workers were lost at work on it, the last: {why}")

    def close(self) -> None:
        """End the workers."""
        for task in self._starting:
            task.cancel()
        for hand in list(self._hands):
            self._kill(hand)

    async def _free(self) -> _Hand:
        """A worker that can have another problem."""

        def free() -> list[_Hand]:
            return [hand for hand in self._hands if hand.is_up and hand.n_at_work < self._terms.concurrency]

        async with self._changed:
            await self._changed.wait_for(lambda: self._failure is not None or free())
            if self._failure is not None:
                raise self._failure
            return min(free(), key=lambda hand: hand.n_at_work)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _hire(self) -> None:
        terms = self._terms
        hand = _Hand(
            self._cluster.start(
                RemoteSolver, self._options, n_gpus=terms.n_gpus, concurrency=terms.concurrency
            )
        )
        self._hands.append(hand)
        task = asyncio.ensure_future(self._load(hand))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _load(self, hand: _Hand) -> None:
        try:
            found: Answered = await answer(hand.actor.load.remote(__version__))
            found.check()
        except WorkerLost as error:
            self._n_failed += 1
            if self._n_failed >= MOST_FAILED_STARTS:
                self._failure = BackendError(f"{self._n_failed} workers did not start, the last: {error}")
            self._lose(hand)
        except TtsSelectError as error:
            self._failure = error
        else:
            hand.is_up, self._n_failed = True, 0
        await self._tell()

    def _lose(self, hand: _Hand) -> None:
        """A worker is gone: another one takes its place."""
        if hand in self._hands:
            self._kill(hand)
            if self._failure is None:
                self._hire()

    def _kill(self, hand: _Hand) -> None:
        self._hands.remove(hand)
        self._cluster.kill(hand.actor)
