"""Which field of a record is the problem, the answer or the id; and what the answer's field holds."""

from __future__ import annotations

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
"""Tried in this order where no field is named."""
_LEVEL = re.compile(r"\s*(?:level)?\s*(?:(\d+)(?:\.0)?|\??)\s*", re.IGNORECASE)
"""The last of its alternatives is a level that MATH does not know."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The names of the fields; None is whichever of the usual ones is there."""

    problem: str | None = None
    answer: str | None = None
    id: str | None = None

    def or_else(self, other: Fields) -> Fields:
        """The other's names where this one has none."""
        return Fields(self.problem or other.problem, self.answer or other.answer, self.id or other.id)

    def found_in(self, record: Mapping[str, Any], source: str) -> Fields:
        """The fields of this record, named. Those of the answer and the id may be missing.

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


def answer_of(value: Any) -> str | None:
    """The final answer in a field: as it is, or after `####` or in the box of a worked solution.

    None if it is empty. Several are joined, and a whole number that was stored as a float is whole again.
    """
    if isinstance(value, list | tuple):
        found = [part for part in map(answer_of, value) if part]
        return ", ".join(found) or None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else str(value).strip()
    if "####" in text or "boxed" in text:
        return extract_answer(text)
    return text or None


def level_of(value: Any) -> int | None:
    """A level as a number: 3 of 3, "3" and MATH's "Level 3"; None of "Level ?" and of nothing.

    Raises:
        ValueError: it is no level.
    """
    if value is None or (type(value) is int and value >= 0):
        return value
    if found := _LEVEL.fullmatch(str(value).strip()):
        return int(found[1]) if found[1] else None
    raise ValueError(f"level = {value!r}; write 3, or Level 3")


def text_of(value: Any) -> str:
    """An id or a problem as text; "" where there is none."""
    return "" if value is None else str(value)


def _first(names: tuple[str, ...], record: Mapping[str, Any]) -> str | None:
    return next((name for name in names if name in record), None)
