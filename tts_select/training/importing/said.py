"""Finds the answer in what a harness took for one: alone, in a line, or in all that the model wrote."""

from __future__ import annotations

import re

from tts_select.data.grading import extract_answer

_ANSWER_CHARS = 200
_LINE = re.compile(r"(?i)\banswer\s*:\s*(.+)")
"""The line that Inspect's own prompts ask for."""
_MARK = re.compile(r"(?i)<\||</?think|\[/?think\]|◁")
"""Marks that stand around thoughts and turns, and in no answer."""


def answer_in(text: str) -> str | None:
    """Return what `extract_answer` finds, else what follows `ANSWER:`, else the text where it is short.

    A text with thoughts in it is never an answer as a whole.
    """
    if found := extract_answer(text):
        return found
    if _MARK.search(text):
        return None
    said = _LINE.findall(text)
    alone: str = said[-1] if said else text
    return alone if len(alone) <= _ANSWER_CHARS else None
