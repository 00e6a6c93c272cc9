"""Finds the answer in a solution and compares it with another one.

Only exact and numeric equality is decided here: that is all the embedded world needs.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

_BOXED = "\\boxed{"
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
    start = len(text)
    while (start := text.rfind(_BOXED, 0, start)) >= 0:
        depth = 0
        for place in range(start + len(_BOXED) - 1, len(text)):
            depth += {"{": 1, "}": -1}.get(text[place], 0)
            if depth == 0:
                return text[start + len(_BOXED) : place].strip() or None
    return None


def _normal(answer: str) -> str:
    bare = answer.strip().strip("$").strip().rstrip(".")
    return re.sub(r"(?<=\d),(?=\d{3})", "", re.sub(r"\s+", " ", bare))


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
