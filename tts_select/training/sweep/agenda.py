"""What a sweep has still to do, and what becomes of it, whichever engine does it.

An engine takes units from here and says what came of each: a record, which is written at once, or an error,
after which nothing new is begun.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tts_select.core.errors import BackendError, InputError, TtsSelectError
from tts_select.training.log.codec import Record
from tts_select.training.log.records import LoggedProblem, Pool
from tts_select.training.log.writer import Writer
from tts_select.training.sweep.ending import Enough, Ledger
from tts_select.training.sweep.stages import Stage, stage_of, stages
from tts_select.training.sweep.standing import standings_of, subject_of
from tts_select.training.sweep.units import SampleUnit, ScoreUnit, Unit

Progress = Callable[[int, int, str], None]
"""Called after each unit with how many are done, of how many, and what was at work."""


class Agenda:
    """The units of a share that its log does not hold yet."""

    def __init__(self, log: Writer, units: Sequence[Unit], enough: Enough, progress: Progress) -> None:
        self.n_units = len(units)
        self.ledger = Ledger(log.manifest, enough)
        self.failures: list[TtsSelectError] = []
        self.ended: dict[str, None] = {}
        """Why units were left out, each reason once."""
        self._log, self._progress = log, progress
        self._todo = [unit for unit in units if unit.key not in log]
        self.n_done = self.n_units - len(self._todo)
        records = log.records.by_key
        self.standings = standings_of(units, records, self.ledger)
        """How far all is, by what it is about."""
        self.ledger.note(records.values())
        progress(self.n_done, self.n_units, "")

    @property
    def stages(self) -> list[Stage]:
        """What is missing, in the order in which it is to be done."""
        return list(stages(self._todo))

    @property
    def is_open(self) -> bool:
        """Whether anything new may be begun: nothing failed, and the purse is not spent."""
        return not self.failures and not self._is_enough(self.ledger.why_spent())

    def is_wanted(self, unit: Unit) -> bool:
        """Whether a unit's stage is to be begun: not if its pool is known well enough."""
        if not isinstance(unit, SampleUnit) or not unit.first:
            return True
        return not self._is_enough(self.ledger.why_known(unit.pool))

    def can_run(self, unit: Unit) -> bool:
        """Whether what the unit needs is there: scores need samples."""
        return not isinstance(unit, ScoreUnit) or all(key in self._log for key in unit.needs)

    def needed_by(self, unit: Unit) -> list[Pool]:
        """The samples that a unit which can be run is to be given."""
        found = [self._log.records.by_key[key] for key in unit.needs] if isinstance(unit, ScoreUnit) else []
        return [record for record in found if isinstance(record, Pool)]

    def settle(self, unit: Unit, record: Record) -> bool:
        """Keep the record of a unit; whether it is one.

        Raises:
            OSError: it cannot be written.
        """
        if unit.key in self._log:
            return True  # somebody else has done it, too
        try:
            self._log.write(record)
        except ValueError as error:
            self.fail(unit, error)
            return False
        self.ledger.note([record])
        self.n_done += 1
        self.standings[subject_of(unit)].add(self.ledger.cost_of(record))
        self._progress(self.n_done, self.n_units, stage_of(unit))
        return True

    def fail(self, unit: Unit, error: TtsSelectError | ValueError) -> None:
        """Note that a model failed on a unit: nothing new is begun."""
        if isinstance(error, TtsSelectError):
            self.failures.append(_about(unit.problem, error))
        else:
            self.failures.append(BackendError(f"a model failed on the problem '{unit.problem.id}': {error}"))

    def check(self) -> None:
        """Raises:
        TtsSelectError: the first failure, if there was one.
        """
        if self.failures:
            raise self.failures[0]

    def _is_enough(self, reason: str | None) -> bool:
        if reason is not None:
            self.ended[reason] = None
        return reason is not None


def _about(problem: LoggedProblem, error: TtsSelectError) -> TtsSelectError:
    if isinstance(error, InputError):
        return InputError(
            f"the problem '{problem.id}': {error}; or take it out of the problems, and sweep anew"
        )
    return BackendError(f"the problem '{problem.id}': {error}")
