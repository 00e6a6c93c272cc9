"""Progress of long work, on standard error: bars in a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from tts_select.commands import _terminal
from tts_select.core.visible_text import visible
from tts_select.solving.batch import Summary

LINE_SECONDS = 10.0
"""The least time between two lines."""
SILENT_SECONDS = 60.0
"""The most time between two lines, as long as there is news."""
N_PARTS = 10
"""The parts of the work: a line is due when another is done, if the last line is old enough."""


@contextmanager
def bar(description: str, total: int) -> Iterator[Callable[..., None]]:
    """Show a bar; call what it gives with how many are done, a note, and the total if it was not known
    before."""
    if not _is_terminal():
        lines = Lines(description)
        yield lambda n_done, note, n=total: lines.report(n_done, note, n)
        return
    with _bars() as bars:
        task = bars.add_task(description, total=total, note="")
        yield lambda n_done, note, n=total: bars.update(task, completed=n_done, note=visible(note), total=n)


@contextmanager
def counter(description: str) -> Iterator[Callable[[int, str], None]]:
    """Count work whose end is not known; call what it gives with how much is done, and a note."""
    if not _is_terminal():
        yield Lines(description).report
        return
    with _bars() as bars:
        task = bars.add_task(description, total=None, note="")
        yield lambda n_done, note: bars.update(task, completed=n_done, note=visible(note))


@contextmanager
def status(description: str) -> Iterator[Callable[[str], None]]:
    """Show work without a count; call what it gives with what is being done."""
    if not _is_terminal():
        yield Lines(description).say
        return
    with _terminal.Terminal(stderr=True).status(_terminal.text(description)) as shown:
        yield lambda note: shown.update(_terminal.text(note))


@contextmanager
def batch_progress(total: int) -> Iterator[Callable[[Summary], None]]:
    """Show a bar over problems, with the accuracy so far where answers are known."""

    def note(summary: Summary) -> str:
        accuracy = summary.accuracy()
        return f"accuracy {accuracy[0]:.3f}" if accuracy else ""

    with bar("solving", total) as advance:
        yield lambda summary: advance(summary.n_done, note(summary))


@contextmanager
def training_progress() -> Iterator[Callable[[Any, Any], None]]:
    """Show a bar for each stage, over its steps, with the loss and the speed."""
    stages: dict[str, Callable[[int, str, int], None]] = {}
    bars = _bars(disable=not _is_terminal())

    def begin(name: str) -> Callable[[int, str, int], None]:
        if bars.disable:
            return Lines(name).report
        task = bars.add_task(name, total=None, note="")
        return lambda n_done, note, n: bars.update(task, completed=n_done, note=note, total=n)

    def report(stage: Any, progress: Any) -> None:
        if stage.name not in stages:
            stages[stage.name] = begin(stage.name)
        speed = progress.n_tokens / max(progress.seconds, 1e-9)
        stages[stage.name](
            progress.n_steps, f"loss {progress.loss:.4f}, {speed:,.0f} tokens/s", stage.n_steps
        )

    with bars:
        yield report


class Lines:
    """Progress as lines, few enough for a log: at most one in ten seconds, where a tenth more is done."""

    def __init__(self, description: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._description, self._clock = description, clock
        self._began = self._printed = clock()
        self._n_before: int | None = None
        self._n_last = self._part = 0

    def report(self, n_done: int, note: str, n: int | None = None) -> None:
        """Print how much is done, how fast and how long it will take, if it is time for a line."""
        now = self._clock()
        if self._n_before is None:  # what an earlier run did says nothing about the speed of this one
            self._n_before, self._began = (n_done, now) if n_done > 1 else (0, self._began)
        part = N_PARTS * n_done // n if n else n_done
        if n_done != self._n_last and self._is_due(now, part, is_last=n_done == n):
            self._printed, self._part, self._n_last = now, part, n_done
            parts = (self._count(n_done, n), *self._speed(n_done, n, now), note)
            _terminal.say(f"{self._description}: {', '.join(filter(None, parts))}")

    def say(self, note: str) -> None:
        """Print what is being done, if it is time for a line."""
        now = self._clock()
        if now - self._printed >= LINE_SECONDS:
            self._printed = now
            _terminal.say(f"{self._description}: {note}")

    def _is_due(self, now: float, part: int, *, is_last: bool) -> bool:
        waited = now - self._printed
        return is_last or waited >= SILENT_SECONDS or (waited >= LINE_SECONDS and part > self._part)

    def _count(self, n_done: int, n: int | None) -> str:
        return f"{n_done:,} of {n:,} ({n_done / n:.0%})" if n else f"{n_done:,}"

    def _speed(self, n_done: int, n: int | None, now: float) -> Iterator[str]:
        done, seconds = n_done - (self._n_before or 0), now - self._began
        if done <= 0 or seconds <= 0:
            return
        rate = done / seconds
        yield f"{rate:.1f} a second" if rate >= 1 else f"{60 * rate:.1f} a minute"
        if n and n_done < n:
            yield f"{_duration((n - n_done) / rate)} left"
        else:
            yield f"{_duration(seconds)} so far"


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _is_terminal() -> bool:
    return _terminal.Terminal(stderr=True).is_terminal


def _bars(*, disable: bool = False) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
        console=_terminal.Terminal(stderr=True),
        disable=disable,
    )
