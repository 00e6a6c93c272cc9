"""JSON that every reader reads."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.json_text import to_json, without_nan

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@given(values)
def test_it_is_strict_json_and_exact(value: Any) -> None:
    encoded = to_json(value)
    encoded.encode("ascii")
    assert json.loads(encoded, parse_constant=refuse) == without_nan(value)


@given(st.lists(st.floats()))
def test_only_numbers_that_are_not_finite_become_null(numbers: list[float]) -> None:
    assert without_nan(numbers) == [n if math.isfinite(n) else None for n in numbers]
