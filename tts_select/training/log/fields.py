"""The fields of a JSON object: whether they are there, of their types, and in their ranges."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable
from typing import Any

NUMBER = (int, float)


def take(
    data: Any,
    what: str,
    types: dict[str, tuple[type, ...]],
    *,
    optional: Iterable[str] = (),
    ignored: Iterable[str] = (),
) -> list[Any]:
    """The values of an object with exactly these fields, in their order; those in `ignored` may be there.

    Raises:
        ValueError: it is no object, a field is missing or unknown, or has another type.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{what} is {reprlib.repr(data)}, not an object")  # noqa: TRY004  as all that is malformed
    whole = {**dict.fromkeys(optional), **data}
    for name, allowed in types.items():
        if name not in whole:
            raise ValueError(f"{what} has no field '{name}'")
        if type(whole[name]) not in allowed:
            raise ValueError(f"{what} has {name} = {reprlib.repr(whole[name])}")
    for name in whole:
        if name not in types and name not in ignored:
            raise ValueError(f"{what} has an unknown field '{name}'")
    return [whole[name] for name in types]


def finite(value: float, what: str, name: str = "logprob") -> float:
    """A finite number, the `name` of something.

    Raises:
        ValueError: it is not.
    """
    if not math.isfinite(value):
        raise ValueError(f"{what} has {name} = {value}")
    return float(value)


def share(value: Any, what: str) -> float:
    """A number from 0 to 1.

    Raises:
        ValueError: it is not.
    """
    if type(value) not in NUMBER or not 0 <= value <= 1:  # NaN is not in [0, 1] either
        raise ValueError(f"{what} is {reprlib.repr(value)}, not from 0 to 1")
    return float(value)


def count(value: Any, what: str) -> int:
    """A whole number, 0 or more.

    Raises:
        ValueError: it is not.
    """
    if type(value) is not int or value < 0:
        raise ValueError(f"{what} is {reprlib.repr(value)}, not a count")
    return value
