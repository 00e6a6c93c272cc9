"""JSON that every reader reads: it has no NaN and no Infinity, so a number that is not finite is null."""

from __future__ import annotations

import json
import math
from typing import Any


def to_json(value: Any) -> str:
    """One line.

    >>> to_json({"score": float("nan"), "tokens": 3})
    '{"score": null, "tokens": 3}'
    """
    return json.dumps(without_nan(value), allow_nan=False)


def without_nan(value: Any) -> Any:
    """The same with None wherever a number is not finite.

    >>> without_nan({"cost": float("inf"), "bins": [0.5, float("nan")]})
    {'cost': None, 'bins': [0.5, None]}
    """
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
