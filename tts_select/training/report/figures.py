"""Numbers of a report in words: intervals, shares, costs, and what is infinite or was not measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MISSING = "not measured"
NEVER = "never"
"""Stands for an infinite cost: the router never is as accurate."""

Found = Mapping[str, Any]
"""A part of the report as JSON has it: None for what has no number, `infinite` naming what is not finite."""


def share(value: float | None) -> str:
    """`78.4 %`."""
    return MISSING if value is None else f"{100 * value:.1f} %"


def number(value: float | None) -> str:
    """`0.0312`."""
    return MISSING if value is None else f"{value:.3g}"


def count(value: int | None) -> str:
    """`1,024`."""
    return MISSING if value is None else f"{value:,}"


def milliseconds(value: float | None) -> str:
    """`1.20 ms`."""
    return MISSING if value is None else f"{value:.2f} ms"


def text(value: str | None) -> str:
    """The text, if there is one."""
    return value or MISSING


def interval(found: Found, key: str = "value") -> str:
    """`78.4 % (75.0 to 81.6)`."""
    return _interval(found, key, share(found.get(key)), ".1f", 100)


def points(found: Found) -> str:
    """`+1.2 points (-0.3 to +2.5)`: a difference of two accuracies."""
    value = found.get("value")
    return _interval(found, "value", MISSING if value is None else f"{100 * value:+.1f} points", "+.1f", 100)


def plain_interval(found: Found) -> str:
    """`0.25 (0.2 to 0.5)`."""
    return _interval(found, "value", number(found.get("value")), ".3g", 1)


def part(ratio: Found) -> str:
    """`0.25 of it (0.2 to never)`: a cost beside another."""
    if is_infinite(ratio, "value"):
        return "never as accurate"
    value = ratio.get("value")
    return _interval(ratio, "value", MISSING if value is None else f"{value:.3g} of it", ".3g", 1)


def reached(row: Found, unit: str = "FLOPs") -> str:
    """`: at most 71.0 % for 3 GFLOPs`, beside a cost ratio that is infinite."""
    if not (most := row.get("reached")):
        return ""
    return f": at most {share(most.get('accuracy'))} for {cost(most.get('cost'), most.get('unit', unit))}"


def is_infinite(found: Found, key: str) -> bool:
    """Whether there is no number since it is infinite."""
    return key in (found.get("infinite") or ())


def cost(value: float | None, unit: str) -> str:
    """`2.13 GFLOPs`, `$0.0012`, or a plain number of what else is counted."""
    if value is None:
        return MISSING
    if unit == "dollars":
        return f"${value:.3g}"
    return flops(value) if unit == "FLOPs" else f"{value:,.0f} {unit}"


def flops(value: float) -> str:
    """`2.13 GFLOPs`."""
    value = float(f"{value:.3g}")  # before the prefix is chosen: 999.9 million is 1 GFLOPs
    power = min(max(int(math.log10(value)) // 3, 0), 6) if value > 0 else 0
    return f"{value / 1000**power:.3g} {' kMGTPE'[power].strip()}FLOPs"


def _interval(found: Found, key: str, said: str, form: str, scale: int) -> str:
    if found.get(key) is None or not {"low", "high"} & found.keys():
        return said
    low, high = (_end(found, end, form, scale) for end in ("low", "high"))
    return f"{said} ({low} to {high})"


def _end(found: Found, end: str, form: str, scale: int) -> str:
    if is_infinite(found, end):
        return NEVER
    return MISSING if found.get(end) is None else f"{scale * found[end]:{form}}"
