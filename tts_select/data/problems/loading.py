"""Problems with what stands beside them, from any source, one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tts_select.core.errors import InputError
from tts_select.core.problem import Problem
from tts_select.data.problems import hub
from tts_select.data.problems.fields import Fields, answer_of, id_of, is_storable, plain_text
from tts_select.data.problems.files import Record, read_records


@dataclass(frozen=True, slots=True)
class Note:
    """A remark about one record of a source."""

    source: str
    place: str
    """The place of the record, such as `line 7`."""
    message: str
    is_left_out: bool
    """The record is no problem, or its id was there before."""

    def __str__(self) -> str:
        return f"{self.source}, {self.place}: {self.message}"


class Row(NamedTuple):
    """`data` is the whole record, with the fields that a problem has no place for."""

    problem: Problem
    data: Mapping[str, Any]


def load_problems(
    source: str | Path, fields: Fields | None = None, *, note: Callable[[Note], None] | None = None
) -> Iterator[Problem]:
    """The problems of a file (JSONL, JSON, CSV, parquet) or of a public data set (`gsm8k`, `math-500:test`).

    A problem without an id has one made of its text, the same wherever it comes from. `note` is told of each
    record that is left out, and of problems without an answer or with the text of another one.

    Raises:
        InputError: the source cannot be read, or has no field for problems.
        BackendError: a public data set cannot be reached.
    """
    return (row.problem for row in read_rows(source, fields, note=note))


def read_rows(
    source: str | Path, fields: Fields | None = None, *, note: Callable[[Note], None] | None = None
) -> Iterator[Row]:
    """`load_problems`, with the whole record of each."""
    wanted, records = _opened(str(source), fields or Fields())
    reading = _Reading(str(source), note or (lambda _: None))
    found: Fields | None = None
    for record in records:
        if record.data is None:
            reading.leave_out(record, record.complaint)
            continue
        found = found or wanted.found_in(record.data, str(source))
        if (row := reading.row(record, record.data, found)) is not None:
            yield row


def _opened(source: str, fields: Fields) -> tuple[Fields, Iterator[Record]]:
    if not Path(source).exists() and (known := hub.find(source)) is not None:
        return fields.or_else(known[0].fields), hub.read_hub(source, *known)
    if not Path(source).exists() and not Path(source).suffix:
        raise InputError(
            f"there is no file '{source}', and no data set of this name: known are {', '.join(hub.HUB)}"
        )
    return fields, read_records(Path(source))


class _Reading:
    """The ids and notes of what has been read of a source so far."""

    def __init__(self, source: str, note: Callable[[Note], None]) -> None:
        self._source, self._note = source, note
        self._ids: set[str] = set()
        self._texts: set[bytes] = set()

    def leave_out(self, record: Record, message: str) -> None:
        self._note(Note(self._source, record.place, message, is_left_out=True))

    def row(self, record: Record, data: Mapping[str, Any], fields: Fields) -> Row | None:
        text = data.get(fields.problem or "")
        if not isinstance(text, str) or not text.strip():
            self.leave_out(record, f'no text in the field "{fields.problem}"')
            return None
        text, id_ = plain_text(text), id_of(data.get(fields.id or ""))
        answer = answer_of(data.get(fields.answer or ""))
        if not all(map(is_storable, (text, id_, answer or ""))):
            self.leave_out(record, "half of a surrogate pair, which is no text that can be stored")
            return None
        problem = Problem(text, id_, answer)
        if problem.id in self._ids:
            self.leave_out(record, f"the id '{problem.id}' was there before")
            return None
        self._ids.add(problem.id)
        digest = hashlib.sha256(text.encode()).digest()
        if digest in self._texts:
            self._note(
                Note(self._source, record.place, "the same problem was there before", is_left_out=False)
            )
        if problem.answer is None:
            self._note(Note(self._source, record.place, "no answer", is_left_out=False))
        self._texts.add(digest)
        return Row(problem, data)
