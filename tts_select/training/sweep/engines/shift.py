"""A crew at work on an agenda: units are leased to its workers, and what they bring is settled.

A worker takes units of one stage until there are no more, and is sent away when nothing is left for what it
has loaded. What a worker had when it was lost goes back to the queue; one that does not answer within the
time of a lease is lost. Time is the driver's own monotonic clock, and no other machine's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from math import ceil
from typing import Any

from tts_select.core.errors import BackendError, TtsSelectError
from tts_select.solving.remote.calls import WorkerLost
from tts_select.training.sweep.agenda import Agenda
from tts_select.training.sweep.engines.crew import Crew
from tts_select.training.sweep.engines.events import Event, Kind
from tts_select.training.sweep.engines.needs import Need
from tts_select.training.sweep.engines.queue import Queue
from tts_select.training.sweep.engines.workers import Hand, Lease

MOST_LOSSES = 5
"""A unit whose workers are lost so often is what they are lost by."""
_PAUSE = 0.01
"""The least seconds between two looks at the whole crew."""


async def work(crew: Crew, agenda: Agenda) -> None:
    """Have a crew do what is on the agenda, and send it away.

    Raises:
        TtsSelectError: a model failed, or workers were lost again and again.
        OSError: a record cannot be written.
    """
    try:
        async with asyncio.TaskGroup() as group:
            await _Shift(crew, agenda, group).work()
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    finally:
        crew.dismiss_all()
    agenda.check()


class _Shift:
    """A crew at work on an agenda."""

    def __init__(self, crew: Crew, agenda: Agenda, group: asyncio.TaskGroup) -> None:
        self._crew, self._agenda, self._group = crew, agenda, group
        self._queue = Queue(agenda)
        self._changed = asyncio.Event()
        self._hands = crew.hands

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
        wanted = self._queue.wanted() if self._agenda.is_open else {}
        self._hire(wanted)  # those who come have their share kept for them
        for hand in list(self._hands):
            if hand.is_up:
                self._fill(hand)
        wanted = self._queue.wanted() if self._agenda.is_open else {}
        for hand in list(self._hands):
            if self._is_useless(hand, wanted):
                self._crew.dismiss(hand)
        self._hire(wanted)
        while (idle := self._idle()) and self._is_short(wanted, idle):
            self._crew.dismiss(idle[0])
            self._hire(wanted)

    def _idle(self) -> list[Hand]:
        """Those who wait for what others do."""
        return [hand for hand in self._hands if hand.is_up and not hand.leases]

    def _is_useless(self, hand: Hand, wanted: Mapping[Need, int]) -> bool:
        """Whether a worker has nothing to do, and will have nothing."""
        if hand.is_up:
            return not (hand.leases or (self._agenda.is_open and self._queue.may_want(hand.need)))
        return not any(hand.need.covers(need) for need in wanted)

    def _is_short(self, wanted: Mapping[Need, int], idle: Sequence[Hand]) -> bool:
        """Whether something is wanted that nobody has loaded, or enough of it for one more worker, and there
        is room for that without those who are idle."""
        full = self._crew.concurrency
        return any(
            n >= full * self._n_with(need) and self._crew.fits(need, without=idle)
            for need, n in wanted.items()
        )

    def _n_with(self, need: Need) -> int:
        return sum(hand.need.covers(need) for hand in self._hands)

    def _hire(self, wanted: Mapping[Need, int]) -> None:
        """One for each of what is wanted, in turn, as long as there is room and work."""
        is_hiring = True
        while is_hiring:
            is_hiring = False
            for need, n_units in wanted.items():
                is_room = self._crew.fits(need) or not self._hands
                if is_room and self._n_with(need) < n_units:
                    hand = self._crew.hire(need)
                    self._begin(hand, self._start(hand))
                    is_hiring = True

    def _begin(self, hand: Hand, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(work)
        hand.tasks.add(task)
        task.add_done_callback(hand.tasks.discard)

    async def _start(self, hand: Hand) -> None:
        try:
            await self._crew.up(hand)
        except TtsSelectError as error:
            self._agenda.failures.append(error)
            self._crew.lose(hand, str(error))
        else:
            if hand.is_up:
                self._fill(hand)
        finally:
            self._changed.set()

    def _fill(self, hand: Hand) -> None:
        """Lease to a worker what it has room for: its share of the stage, so that nobody is idle at its
        end."""
        leases = hand.leases
        while self._agenda.is_open and (not leases or len(leases) < self._share(hand)):
            found = self._queue.take(hand.need, hand.line if leases else None)
            if found is None:
                return
            hand.line, unit = found
            lease = leases[unit.key] = Lease(hand.line, unit, time.monotonic())
            self._begin(hand, self._perform(hand, lease))

    def _share(self, hand: Hand) -> int:
        assert hand.line is not None
        return min(self._crew.concurrency, ceil(hand.line.n_left / self._n_with(hand.line.need)))

    async def _perform(self, hand: Hand, lease: Lease) -> None:
        line, unit, _ = lease
        try:
            async with asyncio.timeout(self._crew.lease_s):
                record = await hand.worker.perform(line.name, unit, self._agenda.needed_by(unit))
        except (WorkerLost, TimeoutError) as error:
            self._lose(hand, str(error) or f"no answer within {self._crew.lease_s:g} s")
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

    def _lose(self, hand: Hand, why: str) -> None:
        """A worker is gone: what it had at work goes back, and nothing waits for it any more."""
        leases = list(hand.leases.values())
        self._crew.lose(hand, why)
        for lease in leases:
            self._end(hand, lease, "lost", why)
            n = self._queue.give_back(lease.line, lease.unit)
            if n >= MOST_LOSSES:
                error = BackendError(f"{n} workers were lost at work on it, the last: {why}")
                self._agenda.fail(lease.unit, error)
        self._changed.set()

    def _end(self, hand: Hand, lease: Lease, kind: Kind, why: str = "") -> None:
        del hand.leases[lease.unit.key]
        seconds = time.monotonic() - lease.began
        self._crew.watch(Event(kind, hand.worker.name, lease.line.name, lease.unit, why, seconds))
