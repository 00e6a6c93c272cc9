"""Reads a field of a log as the value that is meant; CSV has text for everything.

All of these raise ValueError with what is wrong; None stands for what is not known, as in an empty cell.
"""

from __future__ import annotations

import ast
import json
import math
import reprlib
import warnings
from collections.abc import Collection
from typing import Any, get_args

from tts_select.core.candidate import Finish
from tts_select.data.problems.fields import answer_of, is_storable, is_unknown, level_of, plain_text

_TRUE = ("true", "t", "yes", "y", "correct", "c", "right", "pass", "passed")
_FALSE = ("false", "f", "no", "n", "incorrect", "i", "wrong", "fail", "failed")
"""The letters are Inspect's too: C, I, and N for no answer. Its P, partly, is neither."""
_MOST = 2**53
"""A count beyond this is none, nor a number that JSON and doubles hold exactly."""
_NULLS = ("null", "none")
_FINISHES = {
    **{name: name for name in get_args(Finish)},
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_length": "length",
}


def text(value: Any) -> str | None:
    """Return a text as it is, and a number as it is written."""
    return None if is_unknown(value) else _storable(plain_text(value))


def response(value: Any) -> str | None:
    """Return what a model wrote, which may be nothing at all."""
    return None if not isinstance(value, str) and is_unknown(value) else _storable(str(value))


def answer(value: Any, nothing: Collection[str] = ()) -> str | None:
    """Return the final answer, alone or in a worked solution; the texts in `nothing` stand for none."""
    found = answer_of(value)
    return None if found is None or found in nothing else _storable(found)


def flag(value: Any) -> bool | None:
    """Return whether the value means correct; a share of 1 does, and one of 0 does not."""
    found = str(value).strip().lower()
    if is_unknown(value) or found in _NULLS:
        return None
    if found in _TRUE or found in _FALSE:
        return found in _TRUE
    try:
        return {1.0: True, 0.0: False}[float(found)]
    except (ValueError, KeyError):
        raise ValueError(f"{reprlib.repr(value)} is neither true nor false") from None


def count(value: Any) -> int | None:
    """Return a whole number from 0."""
    if is_unknown(value):
        return None
    found = number(value)
    if not found.is_integer() or not 0 <= found <= _MOST:
        raise ValueError(f"{reprlib.repr(value)} is no count")
    return int(found)


def real(value: Any) -> float | None:
    """Return a finite number, as a log-probability is."""
    is_blank = is_unknown(value) and value != "nan"  # written out, it is arithmetic that went wrong
    return None if is_blank else number(value)


def number(value: Any) -> float:
    """Return a finite number."""
    try:
        found = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{reprlib.repr(value)} is no number")
    return found


def level(value: Any) -> int | None:
    """Return the level as a number; None if it is not one."""
    try:
        return level_of(value)
    except ValueError:
        return None


def finish(value: Any) -> str | None:
    """Return why a sample ended, where that is known to mean something here."""
    return _FINISHES.get(str(value).strip().lower())


def step_scores(value: Any) -> list[float]:
    """Return one score for each step; empty where there are none."""
    if is_unknown(value) or str(value).strip().lower() in _NULLS:
        return []
    found = [number(one) for one in _list(value)]
    if not all(0 <= one <= 1 for one in found):
        raise ValueError(f"{reprlib.repr(found)} are no step scores from 0 to 1")
    return found


def _storable(found: str) -> str:
    if not is_storable(found):
        raise ValueError(f"{reprlib.repr(found)} is no text that can be stored")
    return found


def list_of(value: Any) -> list[Any] | None:
    """A list, or one in a cell: as JSON, or as Python and pandas write lists. None if it is no list."""
    if isinstance(value, str) and value[:1] == "[":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = _literal(value)
    return list(value) if isinstance(value, list | tuple) else None


def _list(value: Any) -> list[Any]:
    found = list_of(value)
    if found is None:
        raise ValueError(f"{reprlib.repr(value)} is no list")
    return found


def _literal(value: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # an escape that Python does not have
            return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
