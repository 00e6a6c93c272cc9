"""Whether two formulas have the same value: exactly, or with so many digits that what agrees is equal."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import mpmath
from mpmath import mp

from tts_select.data.grading.evaluation import TooLarge, Uncomputable, Value, number, value_of
from tts_select.data.grading.formula import Node, has, symbols
from tts_select.data.grading.numerals import Numeral

Answered = bool | None
"""None: it cannot be told."""
_DIGITS, _MORE_DIGITS = 60, 180
_CONSTANT_DIGITS, _MORE_CONSTANT_DIGITS = 100, 1_500
_ENOUGH_POINTS = 8
_MAX_VARIABLES = 8
_POINTS = 32
_ZERO: Node = ("number", Fraction(0))

P = ParamSpec("P")
T = TypeVar("T")


def _precisely(decide: Callable[P, T]) -> Callable[P, T]:
    """Values are computed with as many digits as are asked for, and compared with as many as any has."""

    @wraps(decide)
    def decided(*args: P.args, **kwargs: P.kwargs) -> T:
        with mp.workdps(_MORE_CONSTANT_DIGITS + 15):
            return decide(*args, **kwargs)

    return decided


@_precisely
def are_equal_formulas(answer: Node, gold: Node) -> Answered:
    """Whether they have the same value wherever both have a real one (complex, where an i is in them)."""
    names = sorted(symbols(answer) | symbols(gold))
    if not names:
        return _are_equal_constants(answer, gold)
    if len(names) > _MAX_VARIABLES or len(symbols(answer) ^ symbols(gold)) > _MAX_VARIABLES:
        return None
    is_complex = has(answer, "i") or _has_i(answer) or _has_i(gold)
    n_agreed = 0
    for point in _points(names):
        same = _are_equal_at(answer, gold, point, is_complex=is_complex)
        if same is False:
            return False
        n_agreed += same is True
        if n_agreed == _ENOUGH_POINTS:
            return True
    return True if n_agreed >= _ENOUGH_POINTS // 2 else False if n_agreed else None


@_precisely
def are_proportional(answer: Node, gold: Node) -> Fraction | bool | None:
    """The sign (1 or -1) of the one factor between two formulas; True if both are 0, None for no factor."""
    names = sorted(symbols(answer) | symbols(gold))
    if not names:
        return (are_equal_formulas(answer, _ZERO) and are_equal_formulas(gold, _ZERO)) or None
    ratio: Value | None = None
    n_agreed = 0
    for point in _points(names):
        found = _ratio(answer, gold, point)
        if found is None:
            continue
        if ratio is not None and not _is_close(found, ratio, _DIGITS // 2):
            return None
        ratio, n_agreed = found, n_agreed + 1
        if n_agreed == _ENOUGH_POINTS:
            break
    if ratio is None or n_agreed < _ENOUGH_POINTS // 2:
        return None
    return Fraction(1 if ratio > 0 else -1)


@_precisely
def rounds(decimal: Numeral, exact: Node) -> bool:
    """Whether a decimal with enough digits is what a constant rounds to."""
    if symbols(exact) or has(exact, "decimal"):
        return False
    try:
        value = value_of(exact, _DIGITS, {})
    except Uncomputable:
        return False
    if not isinstance(value, Fraction):
        if not isinstance(value, mpmath.mpf) or not mpmath.isfinite(value):
            return False
        value = _fraction(value)
    percents = (decimal, Numeral(decimal.value / 100, decimal.decimals and decimal.decimals + 2))
    return any(one.rounds(value) for one in (percents if decimal.is_percent else percents[:1]))


def _fraction(value: Any) -> Fraction:
    man, exp = value.man_exp
    if abs(exp) > 20_000:
        return Fraction(0)
    return Fraction(int(man)) * Fraction(2) ** int(exp)


def _has_i(node: Node) -> bool:
    return node == ("constant", "i") or any(isinstance(part, tuple) and _has_i(part) for part in node[1:])


def _are_equal_constants(answer: Node, gold: Node) -> Answered:
    try:
        a, g = (value_of(node, _CONSTANT_DIGITS, {}) for node in (answer, gold))
        if (exactly := _compared_exactly(a, g)) is not None:
            return exactly
        if _is_rounded_expression(answer, gold, {}, a, g):
            return True
        if abs(number(a) - number(g)) > max(abs(number(a)), abs(number(g)), 1) * mpmath.mpf(10) ** -40:
            return False
        more = [value_of(node, _MORE_CONSTANT_DIGITS, {}) for node in (answer, gold)]
        return _has_vanished(number(a) - number(g), number(more[0]) - number(more[1]), more)
    except TooLarge:
        return None
    except Uncomputable:
        return False


def _compared_exactly(a: Value, g: Value) -> bool | None:
    if isinstance(a, Fraction) and isinstance(g, Fraction):
        return a == g
    if any(not isinstance(v, Fraction) and not mpmath.isfinite(v) for v in (a, g)):
        return bool(number(a) == number(g))
    return None


def _has_vanished(difference: Any, with_more_digits: Any, values: list[Value]) -> bool:
    """Whether a difference is zero but for rounding: with more digits less of it is left."""
    left = abs(with_more_digits)
    if left == 0:
        return True
    largest = max(abs(number(v)) for v in values)
    if left <= largest * mpmath.mpf(10) ** (-_MORE_CONSTANT_DIGITS + 100):
        return True
    return bool(left < abs(difference) * mpmath.mpf(10) ** (-_DIGITS))


def _are_equal_at(answer: Node, gold: Node, point: dict[str, Fraction], *, is_complex: bool) -> Answered:
    try:
        a, g = (value_of(node, _DIGITS, point) for node in (answer, gold))
    except Uncomputable:
        return None
    if (exactly := _compared_exactly(a, g)) is True:
        return True
    a_real, g_real = _real(a), _real(g)
    if not is_complex and (a_real is None or g_real is None):
        return None
    if exactly is None and _is_close(a, g, _DIGITS // 2):
        return True
    if _is_rounded_expression(answer, gold, point, a, g):
        return True
    return False if exactly is False else _vanishes_at(answer, gold, point, number(a) - number(g))


def _vanishes_at(answer: Node, gold: Node, point: dict[str, Fraction], difference: Any) -> bool:
    if abs(difference) > mpmath.mpf(10) ** -20:
        return False
    a, g = (number(value_of(node, _MORE_DIGITS, point)) for node in (answer, gold))
    return bool(abs(a - g) < abs(difference) * mpmath.mpf(10) ** -_DIGITS)


def _is_rounded_expression(answer: Node, gold: Node, point: dict[str, Fraction], a: Value, g: Value) -> bool:
    """Whether rounded decimals in one of them stand for exact numbers in the other."""
    for rounded, exact, value, wanted in ((answer, gold, a, g), (gold, answer, g, a)):
        if has(rounded, "decimal") and not has(exact, "decimal"):
            ends = [number(value_of(rounded, _DIGITS, point, shift)) for shift in (-1, 1)]
            off = max(abs(end - number(value)) for end in ends)
            if abs(number(value) - number(wanted)) <= off * mpmath.mpf("1.001"):
                return not _terminates(wanted)
    return False


def _terminates(value: Value) -> bool:
    if not isinstance(value, Fraction):
        return False
    below = value.denominator
    for prime in (2, 5):
        while below % prime == 0:
            below //= prime
    return below == 1


def _ratio(answer: Node, gold: Node, point: dict[str, Fraction]) -> Value | None:
    try:
        a, g = (value_of(node, _DIGITS, point) for node in (answer, gold))
    except Uncomputable:
        return None
    a, g = _real(a), _real(g)
    if a is None or g is None:
        return None
    if isinstance(a, Fraction) and isinstance(g, Fraction):
        return a / g if a and g else None
    return number(a) / number(g) if number(a) and number(g) else None


def _real(value: Value) -> Value | None:
    if isinstance(value, Fraction):
        return value
    if isinstance(value, mpmath.mpc):
        return None if value.imag else value.real
    return value if mpmath.isfinite(value) else None


def _is_close(a: Value, b: Value, digits: int) -> bool:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    x, y = number(a), number(b)
    return bool(abs(x - y) <= max(abs(x), abs(y)) * mpmath.mpf(10) ** -digits)


def _points(names: list[str]) -> Iterator[dict[str, Fraction]]:
    """Always the same; with all variables below zero, all above, mixed twice, and whole numbers, in turn."""
    dice = random.Random(0)
    for k in range(_POINTS):
        if k >= 12:
            yield {name: Fraction(dice.randint(1, 9)) for name in names}
            continue
        signs = {0: (-1,), 1: (1,)}.get(k % 4, (-1, 1))
        yield {name: Fraction(dice.choice(signs) * dice.randint(1, 400), 97) for name in names}
