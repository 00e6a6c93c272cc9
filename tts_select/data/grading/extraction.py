"""From text to answer: thoughts cut off, candidates in order of trust, the answer cleaned (docs/grading.md).

The same function serves solving, import and grading.
"""

from __future__ import annotations

from tts_select.data.grading.candidates import Found, candidates
from tts_select.data.grading.thoughts import without_thoughts


def extract_answer(text: str) -> str | None:
    """Find the final answer in what a policy wrote; None if it gives none.

    >>> extract_answer("The roots are \\\\boxed{3} and \\\\boxed{5}.")
    '3, 5'
    >>> extract_answer("**Answer:** (B)")
    '(B)'
    """
    found = find_answer(text)
    return found.answer if found else None


def find_answer(text: str) -> Found | None:
    """As `extract_answer`, with the rule by which it was found."""
    return next((found for found in candidates(without_thoughts(text)) if found.answer), None)


def extract_answers(text: str) -> list[str]:
    """As `extract_answer`, with the contents of boxes that stand together one by one."""
    found = find_answer(text)
    return [] if found is None else [*(found.parts or (found.answer,))]
