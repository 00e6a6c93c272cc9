"""Finds the answer in a solution and compares it with another one.

Only exact and numeric equality is decided here: that is all the embedded world needs.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

GRADER = "exact-and-numeric@1"
"""Names this grading in artifacts: a router is valid for the grading that it was trained with."""

_BRACES = re.compile(r"\\boxed\{|\{|\}")
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_HASHES = re.compile(r"####\s*(.+)")
_PHRASE = re.compile(r"[Tt]he (?:final )?answer is:?\s*(.+?)\.?\s*$", re.MULTILINE)
_MAX_EXPONENT = 400


def extract_answer(text: str) -> str | None:
    """The last complete `\\boxed{}`; else what follows the last `####`, or the last "the answer is"."""
    if (boxed := _last_boxed(text)) is not None:
        return boxed
    for pattern in (_HASHES, _PHRASE):
        if found := pattern.findall(text):
            return str(found[-1]).strip() or None
    return None


def is_equivalent(answer: str, gold: str) -> bool:
    """The same text but for spaces, `$` and thousands separators, or the same number."""
    a, b = _normal(answer), _normal(gold)
    if a == b:
        return True
    x, y = _number(a), _number(b)
    return x is not None and x == y


def _last_boxed(text: str) -> str | None:
    """What the last complete box holds, in one pass: text that never closes its boxes costs no more."""
    found, found_at = None, -1
    opened: list[tuple[bool, int]] = []
    for brace in _BRACES.finditer(text):
        if brace[0] != "}":
            opened.append((brace[0] != "{", brace.end()))
        elif opened:
            is_box, start = opened.pop()
            if is_box and start > found_at:
                found, found_at = text[start : brace.start()], start
    return (found or "").strip() or None


def _normal(answer: str) -> str:
    bare = answer.strip().strip("$").strip().rstrip(".")
    return bare.replace(",", "") if _GROUPED.fullmatch(bare) else re.sub(r"\s+", " ", bare)


def _number(text: str) -> Fraction | None:
    numerator, slash, denominator = text.partition("/")
    try:
        top = _decimal(numerator)
        bottom = _decimal(denominator) if slash else Fraction(1)
    except (InvalidOperation, ValueError):
        return None
    return top / bottom if bottom else None


def _decimal(text: str) -> Fraction:
    number = Decimal(text.strip())
    if not number.is_finite() or abs(number.adjusted()) > _MAX_EXPONENT:
        raise ValueError("not a number of reasonable size")
    return Fraction(number)
