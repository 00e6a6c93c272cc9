"""How a sweep stands: by policy, scores and arm, what is spent and expected, and the workers.

In a terminal it is a table that is drawn again and again, elsewhere a line now and then, and one for each
worker that is lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table

from tts_select.commands._progress import Lines
from tts_select.commands._terminal import Terminal, dollars, figure, say, text

if TYPE_CHECKING:
    from tts_select.core.cost import Cost
    from tts_select.training.sweep.agenda import Agenda
    from tts_select.training.sweep.engines.events import Event

_DRAWN_PER_SECOND = 2
_TOTAL = "all"


class Board:
    """What is known of a sweep; it is told of events, and when its agenda is there."""

    def __init__(self) -> None:
        self._agenda: Agenda | None = None
        self._lines = Lines("sweeping")
        self._workers: dict[str, str] = {}
        """The state of each worker that is not lost, `coming` or `up`."""
        self._n_lost = 0
        self._n_given_back = 0
        self._last = ""
        self.is_drawn = False

    def begin(self, agenda: Agenda) -> None:
        """The sweep begins."""
        self._agenda = agenda

    def progress(self, n_done: int, n_units: int, note: str) -> None:
        """Another unit is done."""
        if not self.is_drawn:
            self._lines.report(n_done, note, n_units)

    def watch(self, event: Event) -> None:
        """Something happened to a worker or a lease."""
        if event.kind in ("hired", "up"):
            self._workers[event.worker] = "up" if event.kind == "up" else "coming"
        elif event.kind == "ended":
            self._workers.pop(event.worker, None)
        elif event.kind == "warned" or (event.kind == "lost" and event.unit is None):
            self._complain(event)
        elif event.kind == "lost":
            self._n_given_back += 1

    def _complain(self, event: Event) -> None:
        if event.kind == "lost":
            self._n_lost += 1
            self._workers.pop(event.worker, None)
        self._last = f"worker {event.worker}{' is lost' if event.kind == 'lost' else ''}: {event.why}"
        if not self.is_drawn:
            say(self._last)

    def view(self) -> RenderableType:
        """The table, and a line on workers if there are some."""
        from tts_select.training.sweep.standing import expected_of

        if self._agenda is None:
            return text("loading models" if not self._workers else f"loading models: {self._of_workers()}")
        table = Table(box=None)
        for column in ("sweeping", "done", "of", "tokens", "expected", "FLOPs", "expected", "dollars"):
            table.add_column(column, justify="left" if column == "sweeping" else "right")
        standings = self._agenda.standings
        for name, standing in standings.items():
            table.add_row(*_row(name, standing.n_done, standing.n, standing.cost, standing.expected))
        agenda = self._agenda
        total = agenda.n_done, agenda.n_units, agenda.ledger.spent, expected_of(standings)
        table.add_row(*_row(_TOTAL, *total))
        workers = [text(self._of_workers())] if self._workers or self._n_lost else []
        last = [text(self._last)] if self._last else []
        return Group(table, *workers, *last)

    def _of_workers(self) -> str:
        states = list(self._workers.values())
        said = f"workers: {states.count('up'):,} up, {states.count('coming'):,} coming"
        if self._n_lost:
            said += f", {self._n_lost:,} lost with {self._n_given_back:,} units, which others do"
        return said


def _row(name: str, n_done: int, n: int, cost: Cost, expected: Cost | None) -> list[str]:
    paid = cost.dollars
    return [
        name,
        f"{n_done:,}",
        f"{n:,}",
        f"{_tokens(cost):,}",
        "-" if expected is None else f"{_tokens(expected):,}",
        figure(cost.flops, ".3g"),
        figure(None if expected is None else expected.flops, ".3g"),
        dollars(paid) if paid > 0 and math.isfinite(paid) else "-",
    ]


def _tokens(cost: Cost) -> int:
    return cost.policy_generated_tokens + cost.prm_tokens


@contextmanager
def board() -> Iterator[Board]:
    """Show a board until the sweep ends."""
    shown, terminal = Board(), Terminal(stderr=True)
    if not terminal.is_terminal:
        yield shown
        return
    shown.is_drawn = True
    with Live(get_renderable=shown.view, console=terminal, refresh_per_second=_DRAWN_PER_SECOND):
        yield shown
