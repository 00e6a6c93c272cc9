"""Runs a sweep: samples once, scores with every PRM, and runs what no pool of samples can show.

The work is cut into units (`units.py`), which come in stages (`stages.py`): of one policy's samples, of one
PRM's scores, or of one seed of one search arm, on all problems. Each stage begins with models that have
forgotten what they computed before, so a bill never depends on what ran before, nor on where a sweep was
interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from tts_select.core.errors import BackendError, InputError, TtsSelectError
from tts_select.executors.registry import Loaders
from tts_select.solving.batch import in_flight
from tts_select.solving.models import FRESH, Models
from tts_select.training.log.gathering import Key, key_of
from tts_select.training.log.records import LoggedProblem, ModelCard, Pool, SweepLog
from tts_select.training.log.writer import Writer
from tts_select.training.sweep.ending import Enough, Ledger
from tts_select.training.sweep.plan import Sweep, manifest_of
from tts_select.training.sweep.reuse import reusable
from tts_select.training.sweep.running import load, perform
from tts_select.training.sweep.stages import stages
from tts_select.training.sweep.units import SampleUnit, ScoreUnit, Shard, Unit, units_of

Progress = Callable[[int, int, str], None]
"""Called after each unit with how many are done, of how many, and what was at work."""


@dataclass(frozen=True, slots=True)
class Share:
    """Which units of a sweep to run; by default all."""

    shard: Shard | None = None
    scores_only: bool = False
    """Run no unit but the scores of samples that are there."""
    enough: Enough = field(default_factory=Enough)
    """What ends the sweep before all of them are run."""
    cards: Mapping[str, ModelCard] = field(default_factory=dict)
    """Models that none of the units asks, and that are not loaded."""

    def has(self, unit: Unit) -> bool:
        """Whether the unit is of this shard, to be run or not."""
        return self.shard is None or unit in self.shard

    def __contains__(self, unit: Unit) -> bool:
        return self.has(unit) and (isinstance(unit, ScoreUnit) or not self.scores_only)


@dataclass(frozen=True, slots=True)
class Swept:
    """How far a sweep, or a shard of one, has come."""

    n_done: int
    n_units: int
    """Of the sweep, or the share of it."""
    ended: tuple[str, ...]
    """Why units were left out."""
    log: SweepLog | None
    """The log, if nothing of the whole sweep is missing."""


def run_sweep(
    sweep: Sweep,
    folder: Path,
    *,
    reuse: Sequence[Path] = (),
    loaders: Loaders = FRESH,
    progress: Progress = lambda *_: None,
) -> SweepLog:
    """Run what the log in `folder` does not hold yet, and complete it; see `run_units`."""
    swept = run_units(sweep, folder, reuse=reuse, loaders=loaders, progress=progress)
    assert swept.log is not None
    return swept.log


def run_units(
    sweep: Sweep,
    folder: Path,
    *,
    share: Share = Share(),
    reuse: Sequence[Path] = (),
    loaders: Loaders = FRESH,
    progress: Progress = lambda *_: None,
) -> Swept:
    """Run the units of a share that the log in `folder` does not hold yet; `reuse` are earlier logs, whose
    records of unchanged problems, models and arms are taken over.

    Raises:
        InputError: the sweep cannot be run, `folder` holds another one, or a model cannot read a problem.
        BackendError: a model failed.
        OSError: a record cannot be written; those written before are whole.
    """
    sweep.check()
    models = Models(loaders, one_policy=True)
    try:
        with Writer(folder, manifest_of(sweep, models, share.cards), sweep.problems) as log:
            share.enough.check(log.manifest)
            own = [unit for unit in units_of(log.manifest, sweep.problems) if share.has(unit)]
            for earlier in reuse:
                _take_over(earlier, sweep, log, {unit.key for unit in own})
            units = [unit for unit in own if unit in share]
            running = _Running(log, models, sweep.concurrency, Ledger(log.manifest, share.enough))
            asyncio.run(running.run(units, progress))
            n_done = sum(unit.key in log for unit in units)
            whole = log.finish() if log.is_whole else None
            return Swept(n_done, len(units), tuple(running.ended), whole)
    finally:
        models.close()


def _take_over(earlier: Path, sweep: Sweep, log: Writer, own: Collection[Key]) -> None:
    for record in reusable(earlier, log.manifest, sweep.problems):
        if (key := key_of(record)) in own and key not in log:
            log.write(record)


class _Running:
    """A sweep at work."""

    def __init__(self, log: Writer, models: Models, concurrency: int, ledger: Ledger) -> None:
        self._log, self._models, self._concurrency, self._ledger = log, models, concurrency, ledger
        self._failures: list[TtsSelectError] = []
        self.ended: dict[str, None] = {}
        """Why units were left out, each reason once."""
        ledger.note(log.records.by_key.values())

    async def run(self, units: Sequence[Unit], progress: Progress) -> None:
        """Run what is missing, stage by stage."""
        todo = [unit for unit in units if unit.key not in self._log]
        done = count(len(units) - len(todo))

        def report(note: str) -> None:
            progress(next(done), len(units), note)

        report("")
        for stage in stages(todo):
            if ready := self._ready(stage.units):
                load(ready[0], self._models)
                await self._run_stage(ready, partial(report, stage.name))
                await self._models.forget()

    def _ready(self, units: Sequence[Unit]) -> list[Unit]:
        """Those of a stage's units that are to be run: scores need samples, which may have been left out."""
        unit = units[0]
        if isinstance(unit, SampleUnit) and unit.first:
            reason = self._ledger.why_known(unit.pool)
            if self._is_enough(reason):
                return []
        return [u for u in units if not isinstance(u, ScoreUnit) or all(key in self._log for key in u.needs)]

    def _is_enough(self, reason: str | None) -> bool:
        if reason is not None:
            self.ended[reason] = None
        return reason is not None

    async def _run_stage(self, units: Sequence[Unit], advance: Callable[[], None]) -> None:
        """Run a stage. After a failure nothing new is begun; what is in flight ends, and is kept."""

        async def one(unit: Unit) -> None:
            if not (self._failures or self._is_enough(self._ledger.why_spent())) and await self._run(unit):
                advance()

        await in_flight(one, units, self._concurrency)
        if self._failures:
            raise self._failures[0]

    async def _run(self, unit: Unit) -> bool:
        """Whether the unit's record is there."""
        records = self._log.records.by_key
        needs = [records[key] for key in unit.needs] if isinstance(unit, ScoreUnit) else []
        try:
            samples = [record for record in needs if isinstance(record, Pool)]
            record = await perform(unit, self._models, samples)
            self._log.write(record)
        except TtsSelectError as error:
            self._failures.append(_about(unit.problem, error))
        except ValueError as error:
            self._failures.append(BackendError(f"a model failed on the problem '{unit.problem.id}': {error}"))
        else:
            self._ledger.note([record])
            return True
        return False


def _about(problem: LoggedProblem, error: TtsSelectError) -> TtsSelectError:
    if isinstance(error, InputError):
        return InputError(
            f"the problem '{problem.id}': {error}; or take it out of the problems, and sweep anew"
        )
    return BackendError(f"the problem '{problem.id}': {error}")
