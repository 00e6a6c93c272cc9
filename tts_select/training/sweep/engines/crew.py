"""Workers, wherever they are: hired as far as there is room, loaded, lost and sent away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from tts_select.core.errors import BackendError
from tts_select.solving.remote.calls import WorkerLost
from tts_select.training.log.records import ModelCard
from tts_select.training.sweep.engines.events import Event, Watch
from tts_select.training.sweep.engines.needs import Need
from tts_select.training.sweep.engines.workers import Hand, Room, Worker

MOST_FAILED_STARTS = 3
"""Of workers with the same models, in a row."""


class Crew:
    """Hires workers for what is wanted, leases units to them and settles what they bring."""

    def __init__(
        self,
        new_worker: Callable[[Need], Worker],
        room: Room,
        watch: Watch,
        *,
        concurrency: int,
        lease_s: float,
    ) -> None:
        """A worker has `concurrency` units at most at a time."""
        self._new_worker, self._room, self.watch = new_worker, room, watch
        self.concurrency, self.lease_s = concurrency, lease_s
        self.hands: list[Hand] = []
        self._n_failed: dict[Need, int] = {}

    async def cards(self, needs: Sequence[Need]) -> dict[str, ModelCard]:
        """Have workers load these, as many at a time as there is room for; those that are there last stay.

        Raises:
            TtsSelectError: a model cannot be loaded, or its worker was lost again and again.
        """
        cards: dict[str, ModelCard] = {}
        left = list(needs)
        while left:
            if not self.fits(left[0]):
                self.dismiss_all()
            hands = []
            while left and (self.fits(left[0]) or not self.hands):
                hands.append(self.hire(left.pop(0)))
            for found in await asyncio.gather(*(self.up(hand) for hand in hands)):
                cards |= found
            left += [hand.need for hand in hands if hand.is_lost]
        return cards

    def dismiss_all(self) -> None:
        """Send everybody away."""
        for hand in list(self.hands):
            self.dismiss(hand)

    def fits(self, need: Need, *, without: Sequence[Hand] = ()) -> bool:
        """Whether there is room for one more with these models, if some are not there."""
        return self._room.has([hand.need for hand in self.hands if hand not in without], need)

    def hire(self, need: Need) -> Hand:
        """Hire one, who is not there yet."""
        hand = Hand(self._new_worker(need), need)
        self.hands.append(hand)
        self.watch(Event("hired", hand.worker.name, str(need)))
        return hand

    def dismiss(self, hand: Hand, *, is_gone: bool = False) -> None:
        """End a worker, and what waits for it."""
        self.hands.remove(hand)
        hand.is_lost = True
        if hand.is_up and not hand.leases and not is_gone:
            hand.worker.end()
        else:
            hand.worker.kill()
        if not is_gone:
            self.watch(Event("ended", hand.worker.name, str(hand.need)))
        for task in hand.tasks:
            if task is not asyncio.current_task():
                task.cancel()

    def lose(self, hand: Hand, why: str) -> None:
        """A worker is gone."""
        if not hand.is_lost:
            self.dismiss(hand, is_gone=True)
            self.watch(Event("lost", hand.worker.name, str(hand.need), why=why))

    async def up(self, hand: Hand) -> Mapping[str, ModelCard]:
        """Wait until a worker has its models; their cards. A worker may be lost.

        Raises:
            TtsSelectError: a model cannot be loaded, or workers of these models were lost again and again.
        """
        try:
            place = await hand.worker.arrive()
            async with asyncio.timeout(self.lease_s):
                cards = await hand.worker.load()
        except (WorkerLost, TimeoutError) as error:
            why = str(error) or f"it did not load its models within {self.lease_s:g} s"
            self.lose(hand, why)
            n = self._n_failed[hand.need] = self._n_failed.get(hand.need, 0) + 1
            if n >= MOST_FAILED_STARTS:
                raise BackendError(f"{n} workers with {hand.need} did not start, the last: {why}") from error
            return {}
        hand.is_up, self._n_failed[hand.need] = True, 0
        self.watch(Event("up", hand.worker.name, str(hand.need), why=place))
        return cards
