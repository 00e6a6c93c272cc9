"""How far a sweep is: what is done, what that has cost, and what all of it will."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from tts_select.core.cost import Cost
from tts_select.training.log.codec import Record
from tts_select.training.log.gathering import Key
from tts_select.training.log.reading import read_manifest, read_records
from tts_select.training.sweep.ending import Enough, Ledger
from tts_select.training.sweep.units import SampleUnit, ScoreUnit, Unit, units_of

_REAL = ("flops", "seconds", "dollars")
"""What of a cost is no count."""


@dataclass(slots=True)
class Standing:
    """How far all samples of a pool are, all scores of it by a PRM, or all runs of a search arm."""

    n: int = 0
    """The units."""
    n_done: int = 0
    cost: Cost = field(default_factory=Cost)
    """Of what is done."""

    @property
    def expected(self) -> Cost | None:
        """What all units will have cost, if the others cost what these did; None if nothing is known."""
        if not self.n_done:
            return None
        share = self.n / self.n_done
        counts = {f.name: getattr(self.cost, f.name) * share for f in fields(Cost)}
        return Cost(**{name: n if name in _REAL else round(n) for name, n in counts.items()})

    def add(self, cost: Cost) -> None:
        """Another unit is done."""
        self.n_done += 1
        self.cost += cost


Standings = dict[str, Standing]
"""By what they are about."""


def subject_of(unit: Unit) -> str:
    """What a unit is about, whichever chunk or seed it is."""
    if isinstance(unit, SampleUnit):
        return f"samples of {unit.pool}"
    if isinstance(unit, ScoreUnit):
        return f"scores of {unit.samples.pool} by {unit.prm}"
    return unit.arm.name


def standings_of(units: Iterable[Unit], records: Mapping[Key, Record], ledger: Ledger) -> Standings:
    """Return how far these units are, by the records that are there."""
    found: Standings = {}
    for unit in units:
        standing = found.setdefault(subject_of(unit), Standing())
        standing.n += 1
        if (record := records.get(unit.key)) is not None:
            standing.add(ledger.cost_of(record))
    return found


def expected_of(standings: Standings) -> Cost | None:
    """What all of it will have cost; None as long as nothing is known of a part."""
    every = [standing.expected for standing in standings.values()]
    known = [cost for cost in every if cost is not None]
    return sum(known, Cost()) if len(known) == len(every) else None


def standings_in(folder: Path) -> Standings:
    """Return how far the sweep is whose log is in the folder.

    Raises:
        InputError: there is no log, or it is malformed.
    """
    manifest, _ = read_manifest(folder)
    found = read_records(folder, manifest)
    units = units_of(manifest, list(found.problems().values()))
    return standings_of(units, found.by_key, Ledger(manifest, Enough()))
