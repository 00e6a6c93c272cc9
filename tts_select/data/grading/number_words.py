"""Numbers in words, and words that scale the number before them: `twenty-five`, `2 million`, `two thirds`."""

from __future__ import annotations

import re
from fractions import Fraction

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: n for n, word in enumerate(_ONES)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
_SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
    "score": 20,
    "mil": 10**6,
    "mn": 10**6,
    "bn": 10**9,
}
_PARTS = {
    "half": 2,
    "halve": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "hundredth": 100,
    "thousandth": 1000,
}
_POSTFIXES = ("halves", "squared", "cubed", "factorial")
SCALED = re.compile(
    rf"(?P<value>.+?)[ -](?P<word>{'|'.join((*_SCALES, *_PARTS, *_POSTFIXES))})s?(?![a-zA-Z])"
    r"(?P<rest>(?: (?:of )?.*)?)",
    re.DOTALL,
)
_MAX_FACTORIAL = 100


def value_in_words(text: str) -> Fraction | None:
    """The value of a number that is written in words, or None.

    >>> value_in_words("two hundred and five"), value_in_words("two thirds"), value_in_words("too")
    (Fraction(205, 1), Fraction(2, 3), None)
    """
    lowered = text.lower().strip()
    if signed := re.fullmatch(r"(?:minus|negative) (.+)", lowered):
        value = value_in_words(signed[1])
        return None if value is None else -value
    mixed = re.fullmatch(r"(.+?) and (?:an? )?(.+)", lowered)
    if mixed and (found := _mixed(mixed[1], mixed[2])) is not None:
        return found
    words = [word for word in re.split(r"[\s-]+", lowered) if word not in ("and", "a", "an")]
    return _value(words) if words and all(word.isalpha() for word in words) else None


def _mixed(whole: str, part: str) -> Fraction | None:
    """`one and a half`."""
    a, b = value_in_words(whole), value_in_words(part)
    return a + b if a is not None and b is not None and b < 1 and a.denominator == 1 else None


def _value(words: list[str]) -> Fraction | None:
    scale = _SCALES.get(words[-1])
    if scale and len(words) > 1 and (part := _part_of(words[-2])):  # half a million
        above = _integer(words[:-2] or ["one"])
        return None if above is None else Fraction(above * scale, part)
    below = _part_of(words[-1])
    if below and (above := _integer(words[:-1] or ["one"])) is not None:
        return Fraction(above, below)
    number = _integer(words)
    return None if number is None else Fraction(number)


def scaled(value: Fraction, word: str) -> Fraction | None:
    """`2` `million`, `3` `squared`, `2` `thirds`; None where that is no number."""
    if (scale := _SCALES.get(word)) is not None:
        return value * scale
    if word in ("squared", "cubed"):
        return value ** (2 if word == "squared" else 3)
    if word == "factorial":
        if value.denominator != 1 or not 0 <= value <= _MAX_FACTORIAL:
            return None
        found = Fraction(1)
        for k in range(2, int(value) + 1):
            found *= k
        return found
    below = _part_of(word)
    return value / below if below else None


def _part_of(word: str) -> int | None:
    return _PARTS.get(word) or _PARTS.get(word.removesuffix("s")) or (2 if word == "halves" else None)


def _integer(words: list[str]) -> int | None:
    total = current = 0
    seen = False
    for word in words:
        if (value := _VALUES.get(word)) is not None:
            if seen and current % 10 and value:
                return None
            current += value
        elif (scale := _SCALES.get(word.removesuffix("s"))) is not None:
            current = (current or 1) * scale
            if scale > 100:
                total, current = total + current, 0
        else:
            return None
        seen = True
    return total + current if seen else None
