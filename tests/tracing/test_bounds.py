"""Traces stay small, and say where a text was cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.traced import sampled
from tts_select.core.json_text import to_json
from tts_select.core.protocols import SampleRequest
from tts_select.tracing.bounds import bounded, cut


def chatty(_: SampleRequest, index: int) -> str:
    return "x" * 5000 + f"\n\n\\boxed{{{53 + index % 2}}}"


def test_a_small_trace_is_whole() -> None:
    trace = sampled()
    assert trace["shortened_to"] is None
    assert trace["text"] == "so\n\n\\boxed{53}"


def test_long_texts_are_cut_and_marked_until_it_fits() -> None:
    trace = sampled(script=chatty)
    small = bounded(trace, 40_000)
    assert len(to_json(small)) <= 40_000
    assert small["shortened_to"] in (2000, 500, 120)
    assert "characters cut]" in small["pools"][0]["samples"][0]["steps"][0]
    assert small["answer"] == trace["answer"]
    assert small["problem"]["text"] == trace["problem"]["text"]


@given(st.text(), st.integers(0, 20))
def test_a_cut_text_says_how_much_is_missing(text: str, limit: int) -> None:
    found = cut(text, limit)
    assert found == text if len(text) <= limit else found.startswith(text[:limit])
    assert len(text) <= limit or f"[{len(text) - limit:,} characters cut]" in found
