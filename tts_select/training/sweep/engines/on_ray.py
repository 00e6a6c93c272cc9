"""The units of a sweep on a Ray cluster: an actor of Ray Core for each set of models that are loaded
together.

Ray finds the machines, starts the actors, and says when one is gone. Which unit is whose is the crew's to
say.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_select import __version__
from tts_select.core.errors import BackendError, InputError
from tts_select.data.grading import GRADER
from tts_select.solving.remote.calls import answer, check_same
from tts_select.solving.remote.cluster import Cluster
from tts_select.training.log.codec import Record
from tts_select.training.log.records import ModelCard, Pool
from tts_select.training.sweep.agenda import Agenda
from tts_select.training.sweep.engines import shift
from tts_select.training.sweep.engines.crew import Crew
from tts_select.training.sweep.engines.events import Event, Watch
from tts_select.training.sweep.engines.needs import Need, needs_of
from tts_select.training.sweep.engines.room import room_of
from tts_select.training.sweep.engines.worker import Job, LoadersOf, Place, RemoteWorker, Told
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.units import Unit


@dataclass(frozen=True, slots=True)
class Terms:
    """How work is given to workers."""

    concurrency: int
    """The most units of a worker at a time."""
    n_workers: int | None = None
    """The most workers at a time; None: as many as the cluster has room for."""
    lease_s: float = 3600.0
    """The most that a unit, or loading models, may take."""


class OnRay:
    """The engine that is a Ray cluster."""

    def __init__(
        self,
        cluster: Cluster,
        loaders_of: LoadersOf,
        terms: Terms,
        *,
        gpus_of: Mapping[Need, int],
        folder: Path,
        known: Mapping[str, ModelCard],
        watch: Watch,
    ) -> None:
        """`folder` is that of workers in the log's own; `known` are the cards of a log that is there;
        `gpus_of` is what a worker takes, if it takes any."""
        self._cluster, self._loaders_of, self._terms, self._gpus_of = cluster, loaders_of, terms, gpus_of
        self._folder, self._cards, self._watch = folder, dict(known), watch
        room = room_of(cluster, gpus_of, terms.n_workers)
        self._crew = Crew(self._hire, room, watch, concurrency=terms.concurrency, lease_s=terms.lease_s)

    def cards(self, sweep: Sweep, known: Mapping[str, ModelCard]) -> dict[str, ModelCard]:
        """See `Engine.cards`. The models are loaded by workers, which stay."""
        self._cards |= known
        names, needs = set(self._cards), []
        for need in needs_of(sweep):
            if not names.issuperset(need.names):
                needs.append(need)
                names |= set(need.names)
        self._cards |= asyncio.run(self._cluster.guard(self._crew.cards(needs)))
        return self._cards

    async def run(self, agenda: Agenda) -> None:
        """See `Engine.run`."""
        self._folder.mkdir(exist_ok=True)
        await self._cluster.guard(shift.work(self._crew, agenda))

    def close(self) -> None:
        """See `Engine.close`."""
        self._crew.dismiss_all()
        self._cluster.close()

    def _hire(self, need: Need) -> _Hired:
        name = f"{'-'.join(need.names)}-{secrets.token_hex(4)}".replace("/", "_").replace(":", "_")
        job = Job(name, need, self._loaders_of, self._cards, self._folder)
        n_gpus, concurrency = self._gpus_of.get(need, 0), self._terms.concurrency
        actor = self._cluster.start(RemoteWorker, job, n_gpus=n_gpus, concurrency=concurrency)
        return _Hired(name, actor, self._cluster, self._watch)


class _Hired:
    """An actor, as the crew sees it."""

    def __init__(self, name: str, actor: Any, cluster: Cluster, watch: Watch) -> None:
        self.name, self._actor, self._cluster, self._watch = name, actor, cluster, watch

    async def arrive(self) -> str:
        place: Place = await answer(self._actor.place.remote())
        check_same("tts-select", there=place.version, host=place.host, here=__version__)
        check_same("the grading", there=place.grader, host=place.host, here=GRADER)
        return f"on {place.host}, process {place.pid}"

    async def load(self) -> Mapping[str, ModelCard]:
        return _unless_refused(await answer(self._actor.load.remote())).cards

    async def perform(self, stage: str, unit: Unit, samples: Sequence[Pool]) -> Record:
        told = _unless_refused(await answer(self._actor.perform.remote(stage, unit, samples)))
        if told.warning:
            self._watch(Event("warned", self.name, stage, why=told.warning))
        assert told.record is not None
        return told.record

    def end(self) -> None:
        self._actor.__ray_terminate__.remote()
        self._actor = None  # a handle that outlives its cluster would end an actor of the next one

    def kill(self) -> None:
        self._cluster.kill(self._actor)
        self._actor = None


def _unless_refused(told: Told) -> Told:
    if told.error:
        raise InputError(told.error) if told.is_input else BackendError(told.error)
    return told
