"""Text that may be shown: nothing in it acts on a terminal, and nothing printable is changed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.visible_text import visible

any_text = st.text(st.characters(codec=None))
"""Lone surrogates too."""
acting = st.sampled_from(
    [
        *map(chr, (*range(9), *range(11, 32), *range(0x7F, 0xA0))),
        *map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xE0041)),
        *"\u061c\u200e\u200f\u2028\u2029\ufeff\ud800",
    ]
)


@given(any_text)
def test_nothing_that_acts_on_a_terminal_is_left(text: str) -> None:
    shown = visible(text)
    assert {unicodedata.category(c) for c in shown} & {"Cs", "Zl", "Zp"} == set()
    assert all(c in "\n\t\u200c\u200d" for c in shown if unicodedata.category(c) in ("Cc", "Cf"))
    shown.encode()


@given(any_text)
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    printable = "".join(c for c in text if c.isprintable() or c in "\n\t")
    assert visible(printable) == printable
    assert visible(visible(text)) == visible(text)


@given(any_text, acting, any_text)
def test_what_acts_is_escaped_where_it_stands(before: str, character: str, after: str) -> None:
    escape = character.encode("unicode_escape").decode()
    assert visible(before + character + after) == f"{visible(before)}{escape}{visible(after)}"


@pytest.mark.parametrize(
    "text",
    [
        r"\[ 1 + 3 \]",
        "[asy]x[/asy]",
        "√2 ≤ π",
        "שלום",
        "नमस्ते",
        "\U0001f469\u200d\U0001f52c",
        "a\n\tb",
        "\u00a0\u3000",
    ],
)
def test_scripts_mathematics_and_markup_stay(text: str) -> None:
    assert visible(text) == text
