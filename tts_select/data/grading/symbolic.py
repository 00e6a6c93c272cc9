"""What takes mathematics to tell: runs in a worker process (`workers`), never in the caller's.

`math-verify` parses and compares. Before that, two expressions that have the same values at many points are
equal, and others are not; after it, a decimal stands for the value that it rounds.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy
from math_verify import LatexExtractionConfig, parse, verify
from sympy.core.function import AppliedUndef

from tts_select.data.grading.comparing import compare
from tts_select.data.grading.numerals import Numeral
from tts_select.data.grading.reading import Reading, is_prose, read

_DELIMITED = re.compile(r"\$|\\[(\[]|boxed")
_LATEX = (LatexExtractionConfig(boxed_match_priority=-1),)
_DIGITS = 30
_POINTS = 24
_ENOUGH_POINTS = 8
_DEAR = (sympy.Sum, sympy.Product, sympy.Integral, sympy.Limit, sympy.Derivative, AppliedUndef)
_MAX_VARIABLES = 6
_TOLERANCE = Fraction(1, 10**12)


def are_equal(answer: str, gold: str) -> bool:
    """Whether two answers are equivalent, with all the mathematics that it takes."""
    return compare(read(answer), read(gold), _are_equal_expressions) is True


def _are_equal_expressions(answer: Reading, gold: Reading) -> bool:
    a, b = _parsed_in_all_ways(answer, gold), _parsed_in_all_ways(gold, answer)
    if any(_are_equal_parsed(x, y) for x, y in itertools.product(_distinct(a), _distinct(b))):
        return True
    return bool(a and b) and (_is_rounded(answer.numeral, b[0]) or _is_rounded(gold.numeral, a[0]))


def _distinct(parsed: list[Any]) -> list[Any]:
    """Matrices cannot be hashed."""
    return [x for k, x in enumerate(parsed) if x not in parsed[:k]]


def _are_equal_parsed(answer: Any, gold: Any) -> bool:
    agree = _agree(answer, gold)
    if agree is not None:
        return agree
    return bool(verify(gold, answer, timeout_seconds=None, allow_set_relation_comp=True))


def _parsed_in_all_ways(reading: Reading, other: Reading) -> list[Any]:
    are_values = reading.kind == other.kind == "value" and not (
        reading.name and other.name and reading.name != other.name
    )
    texts = (reading.value, reading.text) if are_values else (reading.text,)
    found = [] if reading.kind == "prose" else [x for text in dict.fromkeys(texts) for x in _parsed(text)]
    return [*found, *_parsed_as_given(reading.source)]


@lru_cache(maxsize=1024)
def _parsed(text: str) -> tuple[Any, ...]:
    return tuple(parse(f"${text}$", _LATEX, parsing_timeout=None))


@lru_cache(maxsize=1024)
def _parsed_as_given(text: str) -> tuple[Any, ...]:
    """What math-verify finds in the answer as it was written, or in a sentence."""
    if not is_prose(text) and not _DELIMITED.search(text):
        text = f"${text}$"
    return tuple(x for x in parse(text, parsing_timeout=None) if not isinstance(x, str))


def _is_rounded(numeral: Numeral | None, expression: Any) -> bool:
    if numeral is None or not isinstance(expression, sympy.Expr) or expression.free_symbols:
        return False
    value = _real(expression)
    return value is not None and numeral.rounds(value)


def _agree(a: Any, b: Any) -> bool | None:
    """Whether two expressions with variables have the same value wherever both are real.

    This takes milliseconds where a simplification may take seconds. None: too few points tell, or it may be a
    word that was read as a product of variables.
    """
    if any(not isinstance(x, sympy.Expr) or x.has(*_DEAR) or _may_be_a_word(x) for x in (a, b)):
        return None
    names = {s.name for s in a.free_symbols | b.free_symbols}
    if not 0 < len(names) <= _MAX_VARIABLES:
        return None
    n_agreed = 0
    for point in _points(sorted(names)):
        x, y = _at(a, point), _at(b, point)
        if x is None or y is None:
            continue
        if abs(x - y) > _TOLERANCE * max(Fraction(1), abs(x)):
            return False
        n_agreed += 1
        if n_agreed == _ENOUGH_POINTS:
            return True
    return None


def _may_be_a_word(expression: Any) -> bool:
    return all(part.is_Symbol or part == sympy.E for part in sympy.Mul.make_args(expression))


def _points(names: list[str]) -> Iterable[dict[str, sympy.Rational]]:
    """Always the same; with all variables below zero, all above, and mixed twice, in turn."""
    dice = random.Random(0)
    for k in range(_POINTS):
        signs = {0: (-1,), 1: (1,)}.get(k % 4, (-1, 1))
        yield {name: sympy.Rational(dice.choice(signs) * dice.randint(1, 400), 97) for name in names}


def _at(expression: Any, point: dict[str, sympy.Rational]) -> Fraction | None:
    try:
        return _real(expression.subs({s: point[s.name] for s in expression.free_symbols}))
    except Exception:  # noqa: BLE001  sympy raises whatever it likes where a value does not exist
        return None


def _real(expression: Any) -> Fraction | None:
    value = sympy.N(expression, _DIGITS)
    return Fraction(str(value)) if isinstance(value, sympy.Float | sympy.Integer) else None
