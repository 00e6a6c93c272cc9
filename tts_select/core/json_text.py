"""JSON as its standard has it, for programs to read: no NaN, no infinity, nothing outside ASCII."""

from __future__ import annotations

import json
import math
from typing import Any


def to_json(value: Any) -> str:
    """Encode a value; a number that is not finite becomes null.

    >>> to_json({"auc": float("nan"), "text": "√2"})
    '{"auc": null, "text": "\\\\u221a2"}'
    """
    return json.dumps(without_nan(value), allow_nan=False)


def without_nan(value: Any) -> Any:
    """Return the same value with None wherever a number is not finite.

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
