"""Progress bars for long work, on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from tts_select.solving.batch import Summary


@contextmanager
def bar(description: str, total: int) -> Iterator[Callable[..., None]]:
    """A bar; call what it gives with how many are done, a note, and the total if it was not known before."""
    with _bars() as bars:
        task = bars.add_task(description, total=total, note="")
        yield lambda n_done, note, n=total: bars.update(task, completed=n_done, note=note, total=n)


@contextmanager
def counter(description: str) -> Iterator[Callable[[int, str], None]]:
    """Of work whose end is not known; call what it gives with how much is done, and a note."""
    with _bars() as bars:
        task = bars.add_task(description, total=None, note="")
        yield lambda n_done, note: bars.update(task, completed=n_done, note=note)


@contextmanager
def batch_progress(total: int) -> Iterator[Callable[[Summary], None]]:
    """A bar over problems, with the accuracy so far where answers are known."""

    def note(summary: Summary) -> str:
        accuracy = summary.accuracy()
        return f"accuracy {accuracy[0]:.3f}" if accuracy else ""

    with bar("solving", total) as advance:
        yield lambda summary: advance(summary.n_done, note(summary))


@contextmanager
def training_progress() -> Iterator[Callable[[Any, Any], None]]:
    """A bar a stage, over its steps, with the loss and the speed."""
    with _bars() as bars:
        tasks: dict[str, Any] = {}

        def report(stage: Any, progress: Any) -> None:
            if stage.name not in tasks:
                tasks[stage.name] = bars.add_task(stage.name, total=stage.n_steps, note="")
            speed = progress.n_tokens / max(progress.seconds, 1e-9)
            note = f"loss {progress.loss:.4f}, {speed:,.0f} tokens/s"
            bars.update(tasks[stage.name], completed=progress.n_steps, note=note)

        yield report


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
