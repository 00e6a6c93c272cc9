"""JSON of strangers: the same value as it says, or one line that says what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.serving.strict_json import parse

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values, st.booleans())
def test_whatever_json_can_say_is_read(value: Any, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting"),
        (b"NaN", "NaN is no number"),
        (b'{"a": [-Infinity]}', "-Infinity is no number"),
        (b'{"a": 1e999}', "1e999 is no number"),
        (b'{"seed": ' + b"1" * 5000 + b"}", "integer string conversion"),
        (b'{"model": "a", "x": {"model": 1}, "model": "b"}', "the key 'model' twice"),
        (b'["\\ud800"]', "half of a surrogate pair"),
        (b'{"\\udc00x": 1}', "half of a surrogate pair"),
        (b'"\xed\xa0\x80"', "decode"),
        (b'"\xff"', "decode"),
        ('"1"'.encode("utf-16"), "decode"),
        (b"[" * 101 + b"]" * 101, "more than 100 levels"),
        (b"[" * 500_000, "more than 100 levels"),
        (b"[" + b"0," * 1_000_000 + b"0]", "more than 1,000,000 parts"),
    ],
)
def test_what_would_mean_two_things_or_break_something_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(content)


def test_depth_has_its_limit_and_a_whole_pair_of_surrogates_is_a_character() -> None:
    deep: Any = parse(b"[" * 99 + b'"\\ud83d\\ude00"' + b"]" * 99)
    for _ in range(99):
        (deep,) = deep
    assert deep == "\N{GRINNING FACE}"
