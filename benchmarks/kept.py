"""What pages are made of is kept beside them, so that they can be made again, and compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

DIGITS = 6
"""The significant digits of a figure that is kept."""


class Place(NamedTuple):
    """Where a script's lines stand in a text that is otherwise written by hand."""

    begin: str
    end: str

    def filled(self, text: str, lines: Sequence[str]) -> str:
        """The text with these lines there.

        Raises:
            ValueError: there is not one such place.
        """
        if text.count(self.begin) != 1 or text.count(self.end) != 1:
            raise ValueError(f"put the results between one '{self.begin}' and one '{self.end}'")
        new = "\n".join([self.begin, *lines, self.end])
        return re.sub(f"{re.escape(self.begin)}.*{re.escape(self.end)}", lambda _: new, text, flags=re.DOTALL)


def keep(report: Path, kept: Path, keys: Sequence[str] = ()) -> None:
    """Copy a report, rounded: whole, or these of its keys."""
    found = json.loads(report.read_text(encoding="utf-8"))
    some = {key: found[key] for key in keys} if keys else found
    record = json.dumps(rounded(some), ensure_ascii=False, separators=(",", ":"))
    kept.write_text(record + "\n", encoding="utf-8")


def rounded(value: Any) -> Any:
    """The same with every number to six digits."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def as_text(lines: Iterator[str]) -> str:
    """Lines as a file."""
    return "\n".join(lines) + "\n"
