from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import tts_select.commands
from tts_select.core.strict_json import to_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@given(VALUES)
def test_everything_is_json_and_nothing_finite_is_lost(value: Any) -> None:
    read = json.loads(to_json({"value": value}), parse_constant=refuse)["value"]
    if isinstance(value, float):
        assert read == value if math.isfinite(value) else read is None
    elif isinstance(value, str | int | None):
        assert read == value


def test_every_command_writes_its_json_so() -> None:
    """`json.dumps` writes NaN."""
    commands = list(Path(tts_select.commands.__file__).parent.glob("*.py"))
    assert len(commands) > 10
    assert not [file.name for file in commands if "json.dump" in file.read_text()]
