"""What stands in a field of a log, as the value that is meant; CSV has text for everything.

All of these raise ValueError with what is wrong; None stands for what is not known.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Collection
from typing import Any, get_args

from tts_select.core.candidate import Finish
from tts_select.data.problems.fields import answer_of, level_of

_TRUE, _FALSE = ("true", "1", "1.0", "yes", "correct"), ("false", "0", "0.0", "no", "incorrect")
_FINISHES = {
    **{name: name for name in get_args(Finish)},
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_length": "length",
}


def text(value: Any) -> str | None:
    """As it is; a number as it is written."""
    if value is None or value == "":
        return None
    found = value if isinstance(value, str) else str(value)
    if not found.isascii():
        try:
            found.encode()
        except UnicodeEncodeError as error:  # half of a surrogate pair: no file could hold it
            raise ValueError(f"{reprlib.repr(found)} is no text that can be stored") from error
    return found


def answer(value: Any, nothing: Collection[str] = ()) -> str | None:
    """The final answer, alone or in a worked solution; the texts in `nothing` stand for none."""
    found = text(answer_of(value))
    return None if found in nothing else found


def flag(value: Any) -> bool | None:
    """Whether it is correct; a share of 1 is, and one of 0 is not."""
    if value is None or value == "":
        return None
    found = str(value).strip().lower()
    if found in _TRUE or found in _FALSE:
        return found in _TRUE
    raise ValueError(f"{reprlib.repr(value)} is neither true nor false")


def count(value: Any) -> int | None:
    """A whole number from 0."""
    if value is None or value == "":
        return None
    found = number(value)
    if not found.is_integer() or found < 0:
        raise ValueError(f"{reprlib.repr(value)} is no count")
    return int(found)


def number(value: Any) -> float:
    """A finite number."""
    try:
        found = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{reprlib.repr(value)} is no number")
    return found


def level(value: Any) -> int | None:
    """As a number, or None: what is no number is of no use here."""
    try:
        return level_of(value)
    except ValueError:
        return None


def finish(value: Any) -> str | None:
    """Why a sample ended, where that is known to mean something here."""
    return _FINISHES.get(str(value).lower())


def answers(value: Any, nothing: Collection[str] = ()) -> list[str | None]:
    """A list of answers."""
    return [answer(one, nothing) for one in _list(value)]


def step_scores(value: Any) -> list[float]:
    """One a step; empty where there are none."""
    found = [number(one) for one in (_list(value) if value is not None else [])]
    if not all(0 <= one <= 1 for one in found):
        raise ValueError(f"{reprlib.repr(found)} are no step scores from 0 to 1")
    return found


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"{reprlib.repr(value)} is no list") from error
    if not isinstance(value, list):
        raise ValueError(f"{reprlib.repr(value)} is no list")  # noqa: TRY004  as all that is malformed
    return value
