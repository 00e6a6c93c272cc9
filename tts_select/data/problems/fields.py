"""Finds which field of a record is the problem, the answer or the id, and what the answer's field holds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tts_select.core.errors import InputError
from tts_select.data.grading import extract_answer

PROBLEM_NAMES = ("problem", "question", "Problem", "Question", "prompt")
ANSWER_NAMES = (
    "answer",
    "final_answer",
    "Answer",
    "expected_answer",
    "gold",
    "target",
    "solution",
    "Solution",
)
ID_NAMES = ("id", "unique_id", "problem_id", "ID", "uuid")
"""The names that are tried in this order where no field is named."""
_UNKNOWN = ("", "nan", "<na>")
"""The texts in a cell without a value, as tables are written; in lower case."""
_WORKED = ("####", "boxed", "think>")
"""The marks that tell a worked solution from an answer alone."""
_LEVEL = re.compile(r"\s*(?:level)?\s*(?:(\d+)(?:\.0)?|\??)\s*", re.IGNORECASE)
"""The last of its alternatives is a level that MATH does not know."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The names of the fields; None is whichever of the usual ones is there."""

    problem: str | None = None
    answer: str | None = None
    id: str | None = None

    def or_else(self, other: Fields) -> Fields:
        """Return the fields with the other's names where this one has none."""
        return Fields(self.problem or other.problem, self.answer or other.answer, self.id or other.id)

    def found_in(self, record: Mapping[str, Any], source: str) -> Fields:
        """Return the fields of this record, named. Those of the answer and the id may be missing.

        Raises:
            InputError: a named field, or any for the problem, is not there; the message lists what is.
        """
        there = ", ".join(map(str, record)) or "none"
        for option, name in (("problem", self.problem), ("answer", self.answer), ("id", self.id)):
            if name is not None and name not in record:
                raise InputError(
                    f"'{source}' has no field '{name}' for --{option}-field; its fields are {there}"
                )
        problem = self.problem or _first(PROBLEM_NAMES, record)
        if problem is None:
            raise InputError(
                f"no field of '{source}' is known to hold problems; its fields are {there}: "
                "name one with --problem-field"
            )
        return Fields(
            problem, self.answer or _first(ANSWER_NAMES, record), self.id or _first(ID_NAMES, record)
        )


def is_unknown(value: Any) -> bool:
    """Return whether a field has no value: null, blank, or the NaN that tables have in empty cells."""
    if isinstance(value, str):
        return value.strip().lower() in _UNKNOWN
    return value is None or (isinstance(value, float) and math.isnan(value))


def plain_text(value: Any) -> str:
    """Return a value as text: a whole number without `.0`, however it was stored, and lines that end
    alike."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).replace("\r\n", "\n").replace("\r", "\n")


def is_storable(text: str) -> bool:
    """Return whether a file can hold the text; half of a surrogate pair cannot be encoded."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def answer_of(value: Any) -> str | None:
    """Return the final answer in a field: as it is, or what a worked solution says at its end.

    None if it is empty. Several are joined, and a whole number that was stored as a float is whole again.
    """
    if isinstance(value, list | tuple):
        found = [part for part in map(answer_of, value) if part]
        return ", ".join(found) or None
    if is_unknown(value):
        return None
    text = plain_text(value).strip()
    return extract_answer(text) if any(mark in text for mark in _WORKED) else text


def level_of(value: Any) -> int | None:
    """Return a level as a number: 3 of 3, "3" and MATH's "Level 3"; None of "Level ?" and of nothing.

    Raises:
        ValueError: it is no level.
    """
    if is_unknown(value):
        return None
    if type(value) is int and value >= 0:
        return value
    if found := _LEVEL.fullmatch(str(value).strip()):
        return int(found[1]) if found[1] else None
    raise ValueError(f"level = {value!r}; write 3, or Level 3")


def id_of(value: Any) -> str:
    """Return an id as text; "" where there is none."""
    return "" if is_unknown(value) else plain_text(value)


def _first(names: tuple[str, ...], record: Mapping[str, Any]) -> str | None:
    return next((name for name in names if name in record), None)
