"""`tts-select data ...`: a look at problems before anything is spent on them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tts_select.commands._options import field_options, fields_of
from tts_select.core.strict_json import to_json

if TYPE_CHECKING:
    from tts_select.core.problem import Problem
    from tts_select.data.problems import Fields, Note

_SHOWN_CHARS = 160
_SHOWN_NOTES = 10


@click.group()
def data() -> None:
    """Problems in files and public data sets."""


@data.command(
    epilog="""\b
Examples:
  tts-select data show problems.jsonl
  tts-select data show exam.csv --problem-field text --answer-field key -n 3
  tts-select data show gsm8k:train --json            # over the network

\b
Public data sets:
  gsm8k, math, math-500, aime, aime24, aime25, amc, olympiadbench, minerva"""
)
@click.argument("source")
@field_options
@click.option("-n", "count", type=click.IntRange(0, 10_000), default=5, show_default=True, help="Problems.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(
    source: str,
    *,
    count: int,
    as_json: bool,
    **fields: str | None,
) -> None:
    """Show the first problems of SOURCE: a JSONL, JSON, CSV or parquet file, or a public data set.

    A file is read to its end, so duplicates, missing answers and records that are no problems are all found.
    """
    found = _look(source, fields_of(**fields), count)
    if as_json:
        click.echo(to_json(found.as_dict()))
        return
    Console().print(_table(found))
    for note in found.notes[:_SHOWN_NOTES]:
        click.echo(f"tts-select: {note}", err=True)
    if len(found.notes) > _SHOWN_NOTES:
        click.echo(
            f"tts-select: and {len(found.notes) - _SHOWN_NOTES:,} more such lines (--json has all)", err=True
        )


@dataclass(frozen=True, slots=True)
class _Look:
    source: str
    problems: list[Problem]
    n_problems: int | None
    """In the whole file; None for a data set, which is not read to its end."""
    notes: list[Note]

    def as_dict(self) -> dict[str, Any]:
        notes = [{"place": n.place, "message": n.message, "left_out": n.is_left_out} for n in self.notes]
        shown = [{"id": p.id, "problem": p.text, "answer": p.answer} for p in self.problems]
        return {"source": self.source, "n_problems": self.n_problems, "problems": shown, "notes": notes}


def _look(source: str, fields: Fields, count: int) -> _Look:
    from tts_select.data.problems import load_problems

    notes: list[Note] = []
    problems = load_problems(source, fields, note=notes.append)
    first = list(itertools.islice(problems, count))
    n_problems = len(first) + sum(1 for _ in problems) if Path(source).exists() else None
    return _Look(source, first, n_problems, notes)


def _table(found: _Look) -> Table:
    title = found.source if found.n_problems is None else f"{found.source}: {found.n_problems:,} problems"
    table = Table("id", "problem", "answer", title=escape(title), title_justify="left", box=None)
    for problem in found.problems:
        table.add_row(
            *(escape(_short(text)) for text in (problem.id, problem.text, problem.answer or "none"))
        )
    return table


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else f"{line[:_SHOWN_CHARS]} ..."
