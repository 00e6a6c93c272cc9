"""Workers, wherever they are, and the units that are leased to them.

A worker takes units of one stage until there are no more, and is sent away when nothing is left for what it has
loaded. What a worker had when it was lost goes back to the queue; one that does not answer within the time of a
lease is lost. Time is the driver's own monotonic clock, and no other machine's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, NamedTuple, Protocol

from tts_select.core.errors import BackendError, InputError, TtsSelectError
from tts_select.training.log.codec import Record
from tts_select.training.log.gathering import Key
from tts_select.training.log.records import ModelCard, Pool
from tts_select.training.sweep.agenda import Agenda
from tts_select.training.sweep.engines.events import Event, Kind, Watch
from tts_select.training.sweep.engines.needs import Need
from tts_select.training.sweep.engines.queue import Line, Queue
from tts_select.training.sweep.units import Unit

MOST_LOSSES = 5
"""A unit whose workers are lost so often is what they are lost by."""
MOST_FAILED_STARTS = 3
"""Of workers with the same models, in a row."""
_PAUSE = 0.01
"""The least seconds between two looks at the whole crew."""


class WorkerLost(Exception):
    """A worker is gone, or does not answer; the message says why."""


class Worker(Protocol):
    """A worker as the crew sees it."""

    name: str

    async def arrive(self) -> str:
        """Wait until there is room for it, and it is there; where that is.

        Raises:
            WorkerLost: it was lost.
            InputError: it cannot work here.
        """
        ...

    async def load(self) -> Mapping[str, ModelCard]:
        """Load its models; their cards by their names.

        Raises:
            WorkerLost: it was lost.
            TtsSelectError: a model cannot be loaded.
        """
        ...

    async def perform(self, stage: str, unit: Unit, samples: Sequence[Pool]) -> Record:
        """Do a unit; a stage begins with models that have forgotten what they computed.

        Raises:
            WorkerLost: it was lost.
            TtsSelectError: a model failed.
        """
        ...

    def kill(self) -> None:
        """End it at once, whatever it does."""
        ...


class Room(Protocol):
    """How many workers there is room for."""

    def has(self, hired: Sequence[Need], need: Need) -> bool:
        """Whether one more with these models fits beside the others."""
        ...


class Lease(NamedTuple):
    """A unit that a worker has at work."""

    line: Line
    unit: Unit
    began: float
    """By the driver's monotonic clock."""


@dataclass(eq=False, slots=True)
class _Hand:
    """A worker that was hired."""

    worker: Worker
    need: Need
    is_up: bool = False
    is_lost: bool = False
    line: Line | None = None
    """What it takes units from."""
    leases: dict[Key, Lease] = field(default_factory=dict)
    """What it has at work, by the units' keys."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """What waits for it."""


class Crew:
    """Hires workers for what is wanted, leases units to them and settles what they bring."""

    def __init__(
        self, hire: Callable[[Need], Worker], room: Room, watch: Watch, *, concurrency: int, lease_s: float
    ) -> None:
        """A worker has `concurrency` units at most at a time."""
        self._hire, self._room, self._watch = hire, room, watch
        self._concurrency, self._lease_s = concurrency, lease_s
        self._hands: list[_Hand] = []
        self._n_failed: dict[Need, int] = {}
        self._changed = asyncio.Event()

    async def cards(self, needs: Sequence[Need]) -> dict[str, ModelCard]:
        """Have workers load these, as many at a time as there is room for; those that are there last stay.

        Raises:
            TtsSelectError: a model cannot be loaded, or its worker was lost again and again.
        """
        cards: dict[str, ModelCard] = {}
        left = list(needs)
        while left:
            if not self._fits(left[0]):
                self.dismiss_all()
            hands = []
            while left and (self._fits(left[0]) or not self._hands):
                hands.append(self._new_hand(left.pop(0)))
            for found in await asyncio.gather(*(self._up(hand) for hand in hands)):
                cards |= found
            left += [hand.need for hand in hands if hand.is_lost]
        return cards

    async def run(self, agenda: Agenda) -> None:
        """Have the agenda done.

        Raises:
            TtsSelectError: a model failed, or workers were lost again and again.
            OSError: a record cannot be written.
        """
        self._changed = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                await _Shift(self, agenda, group).work()
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            self.dismiss_all()
        agenda.check()

    def dismiss_all(self) -> None:
        """Send everybody away."""
        for hand in list(self._hands):
            self._dismiss(hand)

    def _fits(self, need: Need) -> bool:
        return self._room.has([hand.need for hand in self._hands], need)

    def _new_hand(self, need: Need) -> _Hand:
        hand = _Hand(self._hire(need), need)
        self._hands.append(hand)
        self._watch(Event("hired", hand.worker.name, str(need)))
        return hand

    def _dismiss(self, hand: _Hand) -> None:
        """End a worker, and what waits for it."""
        self._hands.remove(hand)
        hand.is_lost = True
        hand.worker.kill()
        for task in hand.tasks:
            if task is not asyncio.current_task():
                task.cancel()

    def _lose(self, hand: _Hand, why: str) -> None:
        if not hand.is_lost:
            self._dismiss(hand)
            self._watch(Event("lost", hand.worker.name, str(hand.need), why=why))

    async def _up(self, hand: _Hand) -> Mapping[str, ModelCard]:
        """Wait until a worker has its models; their cards. A worker may be lost.

        Raises:
            TtsSelectError: a model cannot be loaded, or workers of these models were lost again and again.
        """
        try:
            place = await hand.worker.arrive()
            async with asyncio.timeout(self._lease_s):
                cards = await hand.worker.load()
        except (WorkerLost, TimeoutError) as error:
            why = str(error) or f"it did not load its models within {self._lease_s:g} s"
            self._lose(hand, why)
            n = self._n_failed[hand.need] = self._n_failed.get(hand.need, 0) + 1
            if n >= MOST_FAILED_STARTS:
                raise BackendError(f"{n} workers with {hand.need} did not start, the last: {why}") from error
            return {}
        hand.is_up, self._n_failed[hand.need] = True, 0
        self._watch(Event("up", hand.worker.name, str(hand.need), why=place))
        return cards


class _Shift:
    """A crew at work on an agenda."""

    def __init__(self, crew: Crew, agenda: Agenda, group: asyncio.TaskGroup) -> None:
        self._crew, self._agenda, self._group = crew, agenda, group
        self._queue = Queue(agenda)
        self._changed = crew._changed
        self._hands = crew._hands

    async def work(self) -> None:
        """Until nothing is at work, and nothing is left or may be begun."""
        while True:
            self._changed.clear()
            self._staff()
            if not any(hand.leases or not hand.is_up for hand in self._hands):
                return
            await self._changed.wait()
            await asyncio.sleep(_PAUSE)  # much of what happens comes together

    def _staff(self) -> None:
        """Look at everybody: who can have more, who is not needed, and who is to be hired."""
        for hand in list(self._hands):
            if hand.is_up:
                self._fill(hand)
        wanted = self._queue.wanted() if self._agenda.is_open else {}
        for hand in list(self._hands):
            if self._is_useless(hand, wanted):
                self._crew._dismiss(hand)
        self._hire(wanted)
        while idle := [hand for hand in self._hands if hand.is_up and not hand.leases]:
            if not self._is_short(wanted):
                return
            self._crew._dismiss(idle[0])
            self._hire(wanted)

    def _is_useless(self, hand: _Hand, wanted: Mapping[Need, int]) -> bool:
        """Whether a worker has nothing to do, and will have nothing."""
        if hand.is_up:
            return not (hand.leases or (self._agenda.is_open and self._queue.may_want(hand.need)))
        return not any(hand.need.covers(need) for need in wanted)

    def _is_short(self, wanted: Mapping[Need, int]) -> bool:
        """Whether something is wanted that nobody has loaded, or enough of it for one more worker."""
        full = self._crew._concurrency
        return any(n >= full * self._n_with(need) for need, n in wanted.items())

    def _n_with(self, need: Need) -> int:
        return sum(hand.need.covers(need) for hand in self._hands)

    def _hire(self, wanted: Mapping[Need, int]) -> None:
        """One for each of what is wanted, in turn, as long as there is room and work."""
        is_hiring = True
        while is_hiring:
            is_hiring = False
            for need, n_units in wanted.items():
                is_room = self._crew._fits(need) or not self._hands
                if is_room and self._n_with(need) < n_units:
                    hand = self._crew._new_hand(need)
                    self._begin(hand, self._start(hand))
                    is_hiring = True

    def _begin(self, hand: _Hand, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(work)
        hand.tasks.add(task)
        task.add_done_callback(hand.tasks.discard)

    async def _start(self, hand: _Hand) -> None:
        try:
            await self._crew._up(hand)
        except TtsSelectError as error:
            self._agenda.failures.append(error)
            self._crew._lose(hand, str(error))
        finally:
            self._changed.set()

    def _fill(self, hand: _Hand) -> None:
        """Lease to a worker what it has room for: its share of the stage, so that nobody is idle at its end."""
        leases = hand.leases
        while self._agenda.is_open and (not leases or len(leases) < self._share(hand)):
            found = self._queue.take(hand.need, hand.line if leases else None)
            if found is None:
                return
            hand.line, unit = found
            lease = leases[unit.key] = Lease(hand.line, unit, time.monotonic())
            self._begin(hand, self._perform(hand, lease))

    def _share(self, hand: _Hand) -> int:
        assert hand.line is not None
        return min(self._crew._concurrency, ceil(hand.line.n_left / self._n_with(hand.line.need)))

    async def _perform(self, hand: _Hand, lease: Lease) -> None:
        line, unit, _ = lease
        try:
            async with asyncio.timeout(self._crew._lease_s):
                record = await hand.worker.perform(line.name, unit, self._agenda.needed_by(unit))
        except (WorkerLost, TimeoutError) as error:
            self._lose(hand, str(error) or f"no answer within {self._crew._lease_s:g} s")
            return
        except (TtsSelectError, ValueError) as error:
            self._agenda.fail(unit, error)
            self._end(hand, lease, "failed", str(error))
        else:
            is_kept = self._agenda.settle(unit, record)
            self._end(hand, lease, "done" if is_kept else "failed")
            if is_kept and self._queue.settle(line, unit):
                self._changed.set()
        self._fill(hand)
        if not hand.leases:
            self._changed.set()

    def _lose(self, hand: _Hand, why: str) -> None:
        """A worker is gone: what it had at work goes back, and nothing waits for it any more."""
        leases = list(hand.leases.values())
        self._crew._lose(hand, why)
        for lease in leases:
            self._end(hand, lease, "lost", why)
            n = self._queue.give_back(lease.line, lease.unit)
            if n >= MOST_LOSSES:
                error = BackendError(f"{n} workers were lost at work on it, the last: {why}")
                self._agenda.fail(lease.unit, error)
        self._changed.set()

    def _end(self, hand: _Hand, lease: Lease, kind: Kind, why: str = "") -> None:
        del hand.leases[lease.unit.key]
        seconds = time.monotonic() - lease.began
        self._crew._watch(Event(kind, hand.worker.name, lease.line.name, lease.unit, why, seconds))
