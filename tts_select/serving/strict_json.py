"""JSON that strangers wrote, read so that it means one thing and breaks nothing behind.

No key is there twice (a proxy in front might read the other one), every number is finite, every text can be
written as UTF-8, and neither its depth nor its parts are without end.
"""

from __future__ import annotations

import json
import math
from typing import Any

_MOST_PARTS, _MOST_LEVELS = 1_000_000, 100
_CHARACTERS = (b",", b"[", b"{")
"""There is one of these for each part; in texts there are some too."""


def parse(content: bytes) -> Any:
    """Read a value.

    Raises:
        ValueError: it is no such JSON.
    """
    if sum(map(content.count, _CHARACTERS)) > _MOST_PARTS:
        raise ValueError(f"it has more than {_MOST_PARTS:,} parts")
    try:
        value = json.loads(
            content.decode("utf-8-sig"),
            object_pairs_hook=_object,
            parse_float=_finite,
            parse_constant=_no_number,
        )
    except RecursionError as error:
        raise ValueError(f"it has more than {_MOST_LEVELS} levels") from error
    _check(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for k, (name, _) in enumerate(pairs) if any(name == n for n, _ in pairs[:k]))
        raise ValueError(f"it has the key {twice[:80]!r} twice")
    return found


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text[:80]} is no number of JSON")


def _check(value: Any) -> None:
    """Check depth and texts, without recursion."""
    level = [value]
    for _ in range(_MOST_LEVELS):
        inner: list[Any] = []
        for found in level:
            if isinstance(found, str):
                _check_text(found)
            elif isinstance(found, dict):
                inner.extend(found)
                inner.extend(found.values())
            elif isinstance(found, list):
                inner.extend(found)
        if not inner:
            return
        level = inner
    raise ValueError(f"it has more than {_MOST_LEVELS} levels")


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text in it has half of a surrogate pair, which is no character") from error
