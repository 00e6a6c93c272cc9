"""Keeps a trace small: long texts are cut, and marked where they are."""

from __future__ import annotations

from typing import Any

from tts_select.core.json_text import to_json

MOST_BYTES = 4_000_000
"""The size of a trace unless another is asked for."""
_LIMITS = (8_000, 2_000, 500, 120, 30)
"""Lengths that texts are cut to, one after the other, until a trace is small enough."""
_LONG = {"text", "steps", "reason"}
"""The fields with the texts that models write."""


def bounded(trace: dict[str, Any], most_bytes: int) -> dict[str, Any]:
    """The trace with its texts cut at the first limit by which it is no larger than that, or at the last one;
    `shortened_to` says which, null if nothing was cut."""
    for limit in (None, *_LIMITS):
        found = {**(trace if limit is None else shortened(trace, limit)), "shortened_to": limit}
        if len(to_json(found)) <= most_bytes:
            break
    return found


def shortened(value: Any, limit: int, name: str = "") -> Any:
    """The same value, its long texts cut to so many characters; the problem's own text is kept to 8,000."""
    if isinstance(value, dict):
        return {
            key: shortened(inner, max(limit, _LIMITS[0]) if key == "problem" else limit, key)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [shortened(inner, limit, name) for inner in value]
    return cut(value, limit) if isinstance(value, str) and name in _LONG else value


def cut(text: str, limit: int) -> str:
    """The text, or its beginning with how much is missing.

    >>> cut("abcdef", 4)
    'abcd [2 characters cut]'
    """
    return text if len(text) <= limit else f"{text[:limit]} [{len(text) - limit:,} characters cut]"
