"""`tts-select data ...`: a look at problems before anything is spent on them."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from tts_select.commands._options import field_options, fields_of
from tts_select.commands._terminal import show, show_json, text, warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tts_select.core.problem import Problem
    from tts_select.data.grading.explaining import Explanation
    from tts_select.data.problems import Fields, Note

_SHOWN_CHARS = 160
_SHOWN_NOTES = 10
_PREDICTIONS = ("prediction", "response", "completion", "output", "generation", "model_answer", "text")
_GRADED_AT_ONCE = 512


@click.group(
    epilog="""\b
Examples:
  tts-select data show problems.jsonl
  tts-select data show gsm8k:train"""
)
def data() -> None:
    """Problems in files and public data sets."""


@data.command(
    "show",
    epilog="""\b
Examples:
  tts-select data show problems.jsonl
  tts-select data show exam.csv --problem-field text --answer-field key -n 3
  tts-select data show gsm8k:train --json            # over the network

\b
Public data sets:
  gsm8k, math, math-500, aime, aime24, aime25, amc, olympiadbench, minerva""",
)
@click.argument("source")
@field_options
@click.option(
    "-n", "count", type=click.IntRange(0, 10_000), default=5, show_default=True, help="Number of problems."
)
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
def show_(
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
        show_json(found.as_dict())
        return
    show(_table(found))
    for note in found.notes[:_SHOWN_NOTES]:
        warn(str(note))
    if len(found.notes) > _SHOWN_NOTES:
        warn(f"and {len(found.notes) - _SHOWN_NOTES:,} more such lines (--json has all)")


@dataclass(frozen=True, slots=True)
class _Look:
    source: str
    problems: list[Problem]
    n_problems: int | None
    """The number of problems in the whole file; None for a data set, which is not read to its end."""
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
    table = Table("id", "problem", "answer", title=title, title_justify="left", box=None)
    for problem in found.problems:
        table.add_row(*map(_short, (problem.id, problem.text, problem.answer or "none")))
    return table


def _short(text: str) -> str:
    line = " ".join(re.split(r"[ \n\t]+", text)).strip()
    return line if len(line) <= _SHOWN_CHARS else f"{line[:_SHOWN_CHARS]} ..."


@data.command(
    epilog="""\b
Examples:
  tts-select data grade log.jsonl
  tts-select data grade log.csv --prediction-field output --answer-field key --only different
  tts-select data grade log.parquet --strict --json

\b
A row has a gold answer (answer, gold, ...) and what a model said (prediction, response, ...);
docs/grading.md says how an answer is read and what is the same."""
)
@click.argument("file", type=click.Path(path_type=Path))
@field_options
@click.option(
    "--prediction-field",
    metavar="FIELD",
    default=None,
    help="The field with what a model said.",
    show_default="prediction, response, ...",
)
@click.option(
    "--only",
    type=click.Choice(["equivalent", "different", "cannot be graded"]),
    help="Show only these rows.",
)
@click.option("--strict", is_flag=True, help="Answers have to be written as the gold answer is.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows and their counts as JSON.")
def grade(
    file: Path,
    *,
    prediction_field: str | None,
    only: str | None,
    strict: bool,
    as_json: bool,
    **fields: str | None,
) -> None:
    """Grade the rows of FILE, and show what was read of each, from where, and why it is right or not.

    FILE is JSONL, JSON, CSV or parquet, as for `data show`.
    """
    counts = dict.fromkeys(("equivalent", "different", "cannot be graded", "no answer", "left out"), 0)
    rows: list[dict[str, Any]] = []
    for row in _graded(file, fields_of(**fields), prediction_field, strict=strict):
        counts[row["verdict"]] += 1
        counts["no answer"] += row["verdict"] == "different" and row["read"] is None
        if only not in (None, row["verdict"]):
            continue
        rows += [row] if as_json else []
        if not as_json:
            show(_as_text(row), wrap=False)
    if as_json:
        show_json({"rows": rows, "summary": counts})
    else:
        show(", ".join(f"{n:,} {what}" for what, n in counts.items() if n) or "no rows", wrap=False)


def _graded(file: Path, fields: Fields, prediction: str | None, *, strict: bool) -> Iterator[dict[str, Any]]:
    from tts_select.data.grading.explaining import explain
    from tts_select.data.problems.files import read_records

    records = iter(read_records(file))
    while batch := list(itertools.islice(records, _GRADED_AT_ONCE)):
        asked = [_pair(r.data, file, fields, prediction) if r.data else None for r in batch]
        found = iter(explain([(said, gold) for _, said, gold in filter(None, asked)], strict=strict))
        for record, pair in zip(batch, asked, strict=True):
            if pair:
                yield _as_dict(pair[0] or record.place, next(found))
            else:
                yield {"id": record.place, "verdict": "left out", "read": None, "why": record.complaint}


def _pair(
    row: Mapping[str, Any], file: Path, fields: Fields, prediction: str | None
) -> tuple[str, str | None, str | None]:
    """Return the id, what was said, and the gold answer."""
    from tts_select.core.errors import InputError
    from tts_select.data.problems.fields import ANSWER_NAMES, ID_NAMES, answer_of

    there = ", ".join(map(str, row)) or "none"
    for option, name in (("prediction", prediction), ("answer", fields.answer), ("id", fields.id)):
        if name is not None and name not in row:
            raise InputError(f"'{file}' has no field '{name}' for --{option}-field; its fields are {there}")
    said = prediction or next((name for name in _PREDICTIONS if name in row), None)
    gold = fields.answer or next((name for name in ANSWER_NAMES if name in row and name != said), None)
    if said is None or gold is None:
        missing = "what a model said" if said is None else "the gold answer"
        option = "prediction" if said is None else "answer"
        raise InputError(
            f"no field of '{file}' is known to hold {missing}; its fields are {there}: "
            f"name one with --{option}-field"
        )
    id_ = fields.id or next((name for name in ID_NAMES if name in row), None)
    text = row[said] if isinstance(row[said], str) else answer_of(row[said])
    return ("" if id_ is None else str(row[id_])), text, answer_of(row[gold])


def _as_dict(id_: str, found: Explanation) -> dict[str, Any]:
    return {
        "id": id_,
        "verdict": found.verdict,
        "read": found.answer,
        "from": found.rule,
        "gold": found.gold,
        "why": found.why,
    }


def _as_text(row: Mapping[str, Any]) -> Text:
    """Return the row as one line."""
    colour = {"equivalent": "green", "different": "red"}.get(row["verdict"], "yellow")
    about = f" {_short(str(row['id']))}: "
    if row["verdict"] == "left out":
        about += _short(row["why"])
    else:
        said, gold = ("none" if row[name] is None else _short(row[name]) for name in ("read", "gold"))
        about += f"{said} ({row['from']}) for {gold}: {_short(row['why'])}"
    return Text.assemble((f"{row['verdict']:<16}", colour), text(about))
