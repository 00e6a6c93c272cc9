"""A crew of workers in this process, which are lost, hang or fail when they are told to."""

from __future__ import annotations

import asyncio
import runpy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tts_select.selector.portfolio import Portfolio
from tts_select.solving.models import Models
from tts_select.solving.remote.calls import WorkerLost
from tts_select.training.log.codec import Record
from tts_select.training.log.records import ModelCard, Pool, SweepLog
from tts_select.training.log.writer import Writer
from tts_select.training.sweep.agenda import Agenda
from tts_select.training.sweep.engines.crew import Crew
from tts_select.training.sweep.engines.events import Event
from tts_select.training.sweep.engines.local import Local
from tts_select.training.sweep.engines.needs import Need, needs_of
from tts_select.training.sweep.engines.shift import work
from tts_select.training.sweep.plan import Sweep, card_of, manifest_of
from tts_select.training.sweep.run import Swept, run_sweep
from tts_select.training.sweep.running import perform
from tts_select.training.sweep.units import Unit

SHARED = runpy.run_path(str(Path(__file__).parents[1] / "conftest.py"))


@dataclass
class Fate:
    """What happens to workers, by chance or at certain calls."""

    chance: Random = field(default_factory=lambda: Random(0))
    lost: float = 0.0
    """Of a call."""
    hangs: float = 0.0
    no_start: float = 0.0
    first_hangs: bool = False
    by_unit: Callable[[Unit], None] = lambda _: None
    """May raise what happens to a unit."""


class InProcess:
    """A worker that is a coroutine."""

    def __init__(self, need: Need, name: str, fate: Fate) -> None:
        self.name, self.need, self.fate = name, need, fate
        self.models = Models(SHARED["FAKES"], one_policy=True)
        self.performed: list[tuple[str, Unit]] = []
        self.at_work: list[str] = []
        self.stage = ""
        self._gone = asyncio.Event()

    async def arrive(self) -> str:
        if self.fate.chance.random() < self.fate.no_start:
            raise WorkerLost("it never came")
        await asyncio.sleep(0)
        return "here"

    async def load(self) -> Mapping[str, ModelCard]:
        found = {}
        if self.need.policy is not None:
            found[self.need.policy] = card_of("policy", self.models.policy(self.need.policy))
        if self.need.prm is not None:
            found[self.need.prm] = card_of("prm", self.models.prm(self.need.prm))
        return found

    async def perform(self, stage: str, unit: Unit, samples: Sequence[Pool]) -> Record:
        assert all(other == stage for other in self.at_work), "one stage at a time"
        self.at_work.append(stage)
        try:
            self.performed.append((stage, unit))
            self.fate.by_unit(unit)
            await asyncio.sleep(self.fate.chance.random() / 1000)
            if self.fate.chance.random() < self.fate.lost:
                self._gone.set()
            first, self.fate.first_hangs = self.fate.first_hangs, False
            if first or self.fate.chance.random() < self.fate.hangs:
                await asyncio.Event().wait()
            if self._gone.is_set():
                raise WorkerLost("killed")
            return await perform(unit, self.models, samples)
        finally:
            self.at_work.remove(stage)

    def end(self) -> None:
        assert not self.at_work
        self.kill()

    def kill(self) -> None:
        self._gone.set()


class Engine:
    """A crew as an engine."""

    def __init__(
        self,
        fate: Fate | None = None,
        *,
        room: Callable[[Sequence[Need], Need], bool] | int = 2,
        concurrency: int = 4,
        lease_s: float = 30.0,
    ) -> None:
        self.fate = fate or Fate()
        self.workers: list[InProcess] = []
        self.events: list[Event] = []
        has = room if callable(room) else lambda hired, _: len(hired) < room
        self.crew = Crew(self._hire, _Room(has), self.events.append, concurrency=concurrency, lease_s=lease_s)

    def _hire(self, need: Need) -> InProcess:
        self.workers.append(InProcess(need, f"{need} {len(self.workers)}", self.fate))
        return self.workers[-1]

    def cards(self, sweep: Sweep, known: Mapping[str, ModelCard]) -> Mapping[str, ModelCard]:
        return asyncio.run(self.crew.cards(needs_of(sweep)))

    async def run(self, agenda: Agenda) -> None:
        await work(self.crew, agenda)

    def close(self) -> None:
        self.crew.dismiss_all()

    @property
    def n_alive(self) -> int:
        return len(self.crew.hands)


@dataclass
class _Room:
    has: Callable[[Sequence[Need], Need], bool]


def untimed(log: SweepLog | None) -> Any:
    """What is in a log, but for seconds."""
    assert log is not None
    runs = {
        key: [replace(run, cost=replace(run.cost, seconds=0.0)) for run in runs]
        for key, runs in log.runs.items()
    }
    return log.manifest, log.problems, log.pools, runs


@dataclass(frozen=True)
class Lab:
    """What the tests of crews are made with."""

    portfolio: Portfolio
    engine: type[Engine] = Engine
    fate: type[Fate] = Fate

    def sweep(self, **changes: Any) -> Sweep:
        """The sweep of a dozen records, with the changes asked for."""
        asked = {"portfolio": self.portfolio, "problems": SHARED["PROBLEMS"], "n_samples": 6, **changes}
        return Sweep(**asked)

    def whole(self, folder: Path, **changes: Any) -> Any:
        """The content of its log, if one process runs it."""
        return untimed(run_sweep(self.sweep(**changes), folder / "one", loaders=SHARED["FAKES"]))

    def start(self, folder: Path) -> None:
        """Begin its log, with nothing in it but its problems."""
        sweep = self.sweep()
        cards = Local(SHARED["FAKES"], concurrency=1).cards(sweep, {})
        with Writer(folder, manifest_of(sweep, cards), sweep.problems):
            pass

    def content(self, swept: Swept) -> Any:
        return untimed(swept.log)


@pytest.fixture
def lab(portfolio: Portfolio) -> Lab:
    return Lab(portfolio)
