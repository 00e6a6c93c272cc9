"""The units of an agenda that nobody has at work: who may have which next.

A stage is in the queue as a line. A worker takes from one line at a time, small budgets first; scores wait
for their samples, and what a lost worker had at work is first in its line again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from tts_select.training.log.gathering import Key
from tts_select.training.sweep.agenda import Agenda
from tts_select.training.sweep.engines.needs import Need, need_of
from tts_select.training.sweep.stages import Stage
from tts_select.training.sweep.units import SampleUnit, ScoreUnit, Unit


@dataclass(slots=True)
class Line:
    """A stage, as far as it is not done."""

    name: str
    need: Need
    pool: str | None
    """The pool that its units are samples of."""
    ready: deque[Unit]
    n_waiting: int = 0
    """The units that wait for samples."""
    n_leased: int = 0
    is_open: bool = False

    @property
    def n_left(self) -> int:
        """How many of its units can be had, or are at work."""
        return len(self.ready) + self.n_leased


@dataclass(slots=True)
class Queue:
    """The lines, in their order."""

    agenda: Agenda
    lines: list[Line] = field(default_factory=list)
    n_losses: dict[Key, int] = field(default_factory=dict)
    """How often the worker of a unit was lost, by the unit's key."""
    _waiting: dict[Key, list[tuple[Line, ScoreUnit]]] = field(default_factory=dict)
    """What waits for the samples of this key."""

    def __post_init__(self) -> None:
        self.lines = [self._line(stage) for stage in self.agenda.stages]

    def take(self, has: Need, only: Line | None = None) -> tuple[Line, Unit] | None:
        """The next unit for a worker with these models, out of one line or of any; None if there is none."""
        for line in self.lines if only is None else (only,):
            if line.ready and has.covers(line.need) and self._opens(line):
                line.n_leased += 1
                return line, line.ready.popleft()
        return None

    def settle(self, line: Line, unit: Unit) -> bool:
        """The unit is done; whether others can be run now that waited for it."""
        line.n_leased -= 1
        woken = False
        for waiting_line, waiting in self._waiting.pop(unit.key, ()):
            if self.agenda.can_run(waiting):
                waiting_line.n_waiting -= 1
                waiting_line.ready.append(waiting)
                woken = True
        if not (line.n_left or line.n_waiting):
            self.lines.remove(line)
            woken = True  # a further chunk may begin
        return woken

    def give_back(self, line: Line, unit: Unit) -> int:
        """The unit is to be done by somebody else; how often that happened to it."""
        line.n_leased -= 1
        line.ready.appendleft(unit)
        self.n_losses[unit.key] = self.n_losses.get(unit.key, 0) + 1
        return self.n_losses[unit.key]

    def wanted(self) -> dict[Need, int]:
        """What somebody should have loaded, and how many units can be had or are at work with that."""
        found: dict[Need, int] = {}
        for line in list(self.lines):
            if line.ready and self._opens(line):
                found[line.need] = found.get(line.need, 0) + line.n_left
        return found

    def may_want(self, has: Need) -> bool:
        """Whether there may be something for a worker with these models, now or later."""
        return any(has.covers(line.need) for line in self.lines)

    def _line(self, stage: Stage) -> Line:
        first = stage.units[0]
        pool = first.pool if isinstance(first, SampleUnit) else None
        line = Line(stage.name, need_of(first), pool, deque())
        for unit in stage.units:
            if isinstance(unit, ScoreUnit) and not self.agenda.can_run(unit):
                line.n_waiting += 1
                for key in unit.needs:
                    self._waiting.setdefault(key, []).append((line, unit))
            else:
                line.ready.append(unit)
        return line

    def _opens(self, line: Line) -> bool:
        """Whether a line is begun. Whether a pool is known well enough is asked when all that comes before in
        it is there, so that it does not depend on who was quicker."""
        if line.is_open or line.pool is None or not self.agenda.ledger.enough.precision:
            return True
        if any(before.pool == line.pool and before.n_left for before in self._before(line)):
            return False
        line.is_open = self.agenda.is_wanted(line.ready[0])
        if not line.is_open:
            line.ready.clear()
        return line.is_open

    def _before(self, line: Line) -> Iterator[Line]:
        for other in self.lines:
            if other is line:
                return
            yield other
