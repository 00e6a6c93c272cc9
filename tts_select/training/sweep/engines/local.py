"""The units of a sweep in this process: stage by stage, with one policy in memory at a time.

Each stage begins with models that have forgotten what they computed before, so a bill never depends on what
ran before, nor on where a sweep was interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tts_select.core.errors import TtsSelectError
from tts_select.executors.registry import Loaders
from tts_select.solving.batch import in_flight
from tts_select.solving.models import FRESH, Models
from tts_select.training.log.records import ModelCard
from tts_select.training.sweep.agenda import Agenda
from tts_select.training.sweep.plan import Sweep, card_of
from tts_select.training.sweep.running import load, perform
from tts_select.training.sweep.units import Unit


class Local:
    """The engine that is this process."""

    def __init__(self, loaders: Loaders = FRESH, *, concurrency: int) -> None:
        self._models = Models(loaders, one_policy=True)
        self._concurrency = concurrency

    def cards(self, sweep: Sweep, known: Mapping[str, ModelCard]) -> dict[str, ModelCard]:
        """See `Engine.cards`."""
        cards, portfolio = dict(known), sweep.portfolio
        # the one that begins is loaded last, and stays
        for name in reversed(portfolio.policies):
            if name not in cards:
                cards[name] = card_of("policy", self._models.policy(name))
        for name in portfolio.prms:
            if name not in cards:
                cards[name] = card_of("prm", self._models.prm(name))
        return cards

    async def run(self, agenda: Agenda) -> None:
        """See `Engine.run`. After a failure what is in flight ends, and is kept."""
        for stage in agenda.stages:
            if ready := _ready(agenda, stage.units):
                load(ready[0], self._models)
                await in_flight(lambda unit: self._one(agenda, unit), ready, self._concurrency)
                agenda.check()
                await self._models.forget()

    def close(self) -> None:
        """See `Engine.close`."""
        self._models.close()

    async def _one(self, agenda: Agenda, unit: Unit) -> None:
        if agenda.is_open:
            try:
                record = await perform(unit, self._models, agenda.needed_by(unit))
            except (TtsSelectError, ValueError) as error:
                agenda.fail(unit, error)
            else:
                agenda.settle(unit, record)


def _ready(agenda: Agenda, units: Sequence[Unit]) -> list[Unit]:
    """Those of a stage's units that are to be run: scores need samples, which may have been left out."""
    return [unit for unit in units if agenda.can_run(unit)] if agenda.is_wanted(units[0]) else []
