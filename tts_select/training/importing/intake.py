"""Holds what has been read so far: samples in the spool, their problems, and what is common to all of
them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tts_select.training.importing.entries import Entry, Row
from tts_select.training.importing.problems import Problems
from tts_select.training.importing.report import Tally
from tts_select.training.importing.spool import Spool
from tts_select.training.log.records import Unit

SCHEME = "log"
"""The scheme in the specs of policies and PRMs that cannot be run."""


@dataclass(slots=True)
class Intake:
    """The samples, problems and models that have been read so far."""

    spool: Spool
    problems: Problems
    tally: Tally
    prms: dict[str, dict[str, None]] = field(default_factory=dict)
    """The PRMs that have scored each policy's samples, in the order in which they were met."""
    models: dict[str, str] = field(default_factory=dict)
    """The names in the log, by spec."""
    failures: list[tuple[Path, Row]] = field(default_factory=list)
    """Samples that failed, until it is known whether another attempt went well."""
    log_has_graded: bool = False

    def add(self, path: Path, row: Row) -> None:
        """Take a row of a file; one that cannot be used is counted.

        Raises:
            InputError: no bad row is to be skipped.
        """
        self.tally.n_rows += 1
        if row.attempt is not None:
            self.failures.append((path, row))
        elif row.entry is None:
            self.tally.reject(path, row.place, row.complaint)
        else:
            try:
                self._take(row.entry)
            except ValueError as error:
                self.tally.reject(path, row.place, str(error))

    def close(self) -> Unit:
        """Return the unit of the log, when the last row was read; the samples that are not known in it go.

        Raises:
            InputError: too many rows are bad, or the problems are not those of the reference.
        """
        for path, row in self.failures:
            if row.attempt is not None and self.spool.has(row.attempt):
                self.tally.n_duplicates += 1
            else:
                self.tally.reject(path, row.place, row.complaint)
        unit = self._unit()
        if unit != "samples" and (n := self.spool.drop_without(unit)):
            self.tally.drop(n, f"samples without a number of {unit}, which the others have: {n:,}")
        self.tally.check()
        self.problems.check()
        self.spool.close_intake()
        return unit

    def _unit(self) -> Unit:
        """Return the finest unit that samples are known in, except for as few as may be bad."""
        units: tuple[Unit, ...] = ("tokens", "characters")
        for unit in units:
            n_without, total = self.spool.known(unit)
            if total and n_without <= self.tally.n_spare:
                return unit
        return "samples"

    def _take(self, entry: Entry) -> None:
        problem = self.problems.meet(entry)
        if entry.correct is None and problem.answer is None:
            raise ValueError("nothing says whether it is correct: no gold answer, and no correct")
        policy = spec_of(entry.model, entry.prompt)
        named = {policy: entry.model, **{spec_of(prm): prm for prm in entry.scores}}
        for spec, name in named.items():
            if self.models.setdefault(spec, name) != name:
                raise ValueError(f"'{name}' and '{self.models[spec]}' would both be {spec}")
        if not self.spool.add(policy, entry):
            self.tally.n_duplicates += 1
            return
        self.prms.setdefault(policy, {}).update(dict.fromkeys(map(spec_of, entry.scores)))
        self.log_has_graded |= entry.correct is not None


def spec_of(model: str, prompt: str | None = None) -> str:
    """The spec of a policy or PRM of a log: `log:MODEL`, `log:MODEL#PROMPT`; a space would end it in an
    arm's name."""
    name = model if prompt is None else f"{model}#{prompt}"
    return f"{SCHEME}:{'_'.join(name.split())}"
