"""Runs a sweep: samples once, scores with every PRM, and runs what no pool of samples can show.

The work is cut into units (`units.py`), which come in stages (`stages.py`): of one policy's samples, of one
PRM's scores, or of one seed of one search arm, on all problems. An engine (`engines/`) performs them, and the
log is written here.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tts_select.executors.registry import Loaders
from tts_select.solving.models import FRESH
from tts_select.training.log.gathering import Key, key_of
from tts_select.training.log.reading import each_record
from tts_select.training.log.records import ModelCard, SweepLog
from tts_select.training.log.writer import Writer
from tts_select.training.sweep.agenda import Agenda, Progress
from tts_select.training.sweep.ending import Enough
from tts_select.training.sweep.engines.local import Local
from tts_select.training.sweep.engines.protocol import Engine
from tts_select.training.sweep.plan import Sweep, manifest_of
from tts_select.training.sweep.reuse import reusable
from tts_select.training.sweep.units import ScoreUnit, Shard, Unit, units_of

WORKERS = "workers"
"""The folder in a log's own that workers have shards of their own in."""


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
    engine: Engine | None = None,
    progress: Progress = lambda *_: None,
    begun: Callable[[Agenda], None] = lambda _: None,
) -> Swept:
    """Run the units of a share that the log in `folder` does not hold yet; `reuse` are earlier logs, whose
    records of unchanged problems, models and arms are taken over. Without an engine this process runs them,
    with the models of `loaders`. `begun` is called with what there is to do, before anything is done.

    Raises:
        InputError: the sweep cannot be run, `folder` holds another one, or a model cannot read a problem.
        BackendError: a model failed.
        OSError: a record cannot be written; those written before are whole.
    """
    engine = Local(loaders, concurrency=sweep.concurrency) if engine is None else engine
    try:
        sweep.check()
        with Writer(folder, manifest_of(sweep, engine.cards(sweep, share.cards)), sweep.problems) as log:
            share.enough.check(log.manifest)
            own = [unit for unit in units_of(log.manifest, sweep.problems) if share.has(unit)]
            keys = {unit.key for unit in own}
            _recover(log, keys)
            for earlier in reuse:
                _take_over(earlier, sweep, log, keys)
            agenda = Agenda(log, [unit for unit in own if unit in share], share.enough, progress)
            begun(agenda)
            asyncio.run(engine.run(agenda))
            whole = log.finish() if log.is_whole else None
            if whole is not None:
                shutil.rmtree(folder / WORKERS, ignore_errors=True)
            return Swept(agenda.n_done, agenda.n_units, tuple(agenda.ended), whole)
    finally:
        engine.close()


def _recover(log: Writer, own: Collection[Key]) -> None:
    """Take over what workers have kept in shards of their own, and an earlier run did not hear of any
    more."""
    folder = log.folder / WORKERS
    for _, record in each_record(folder, log.manifest) if folder.exists() else ():
        if (key := key_of(record)) in own and key not in log:
            log.write(record)


def _take_over(earlier: Path, sweep: Sweep, log: Writer, own: Collection[Key]) -> None:
    for record in reusable(earlier, log.manifest, sweep.problems):
        if (key := key_of(record)) in own and key not in log:
            log.write(record)
