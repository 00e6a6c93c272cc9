"""What takes mathematics to tell: runs in a worker process (`workers`), never in the caller's.

`math-verify` parses and compares. Where its simplification does not get there, two expressions that agree at many
points agree, and a decimal stands for the value that it rounds.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy
from math_verify import LatexExtractionConfig, parse, verify

from tts_select.data.grading.comparing import compare
from tts_select.data.grading.numerals import Numeral
from tts_select.data.grading.reading import Reading, read

_PROSE = re.compile(r"[a-zA-Z]{2,}[^\\{}]*\s+\S*[a-zA-Z]{2,}|\\\(|\\\[|\$.*\S.*\$\s*\S|\S\s*\$.*\$")
_LATEX = (LatexExtractionConfig(boxed_match_priority=-1),)
_DIGITS = 30
_POINTS = 24
_ENOUGH_POINTS = 6
_MAX_VARIABLES = 6
_TOLERANCE = Fraction(1, 10**12)


def are_equal(answer: str, gold: str) -> bool:
    """Whether two answers are equivalent, with all the mathematics that it takes."""
    return compare(read(answer), read(gold), _are_equal_expressions) is True


def _are_equal_expressions(answer: Reading, gold: Reading) -> bool:
    a, b = _parsed_in_all_ways(answer, gold), _parsed_in_all_ways(gold, answer)
    if verify(b, a, timeout_seconds=None, allow_set_relation_comp=True):
        return True
    if not a or not b:
        return False
    return _is_rounded(answer.numeral, b[0]) or _is_rounded(gold.numeral, a[0]) or _agree(a[0], b[0])


def _parsed_in_all_ways(reading: Reading, other: Reading) -> list[Any]:
    are_values = reading.kind == other.kind == "value" and not (
        reading.name and other.name and reading.name != other.name
    )
    texts = (reading.value, reading.text) if are_values else (reading.text,)
    found = [x for text in dict.fromkeys(texts) for x in _parsed(text)]
    return [*found, *_parsed_prose(reading.source)] if _PROSE.search(reading.source) else found


@lru_cache(maxsize=1024)
def _parsed(text: str) -> tuple[Any, ...]:
    return tuple(parse(f"${text}$", _LATEX, parsing_timeout=None))


@lru_cache(maxsize=256)
def _parsed_prose(text: str) -> tuple[Any, ...]:
    """What math-verify finds in a sentence."""
    return tuple(x for x in parse(text, parsing_timeout=None) if not isinstance(x, str))


def _is_rounded(numeral: Numeral | None, expression: Any) -> bool:
    if numeral is None or not isinstance(expression, sympy.Expr) or expression.free_symbols:
        return False
    value = _real(expression)
    return value is not None and numeral.rounds(value)


def _agree(a: Any, b: Any) -> bool:
    """Whether two expressions in the same variables have the same value wherever both are real."""
    if not (isinstance(a, sympy.Expr) and isinstance(b, sympy.Expr)):
        return False
    names = {s.name for s in a.free_symbols}
    if names != {s.name for s in b.free_symbols} or not 0 < len(names) <= _MAX_VARIABLES:
        return False
    n_agreed = 0
    for point in _points(sorted(names)):
        x, y = _at(a, point), _at(b, point)
        if x is None or y is None:
            continue
        if abs(x - y) > _TOLERANCE * max(1, abs(x)):
            return False
        n_agreed += 1
    return n_agreed >= _ENOUGH_POINTS


def _points(names: list[str]) -> Iterable[dict[str, sympy.Rational]]:
    """Always the same, of both signs."""
    dice = random.Random(0)
    for _ in range(_POINTS):
        yield {name: sympy.Rational(dice.choice((-1, 1)) * dice.randint(1, 400), 97) for name in names}


def _at(expression: Any, point: dict[str, sympy.Rational]) -> Fraction | None:
    return _real(expression.subs({s: point[s.name] for s in expression.free_symbols}))


def _real(expression: Any) -> Fraction | None:
    value = sympy.N(expression, _DIGITS)
    return Fraction(str(value)) if isinstance(value, sympy.Float | sympy.Integer) else None
