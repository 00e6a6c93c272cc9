"""The value of a formula: an exact fraction where it can be, else a number with the digits asked for."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import mpmath
from mpmath import mp

from tts_select.data.grading.formula import FUNCTIONS, Node

Value = Any
"""A Fraction, or mpmath's real or complex number."""

_MAX_BITS = 200_000
"""Of an exact power; a larger one is rounded."""
_MAX_EXACT_FACTORIAL = 5_000
_MAX_MAGNITUDE = 300
"""In binary digits, of what may stand in an exponent."""
_MAX_ANGLE = 4_000
_MAX_TERMS = 5_000


class Uncomputable(Exception):
    """There is no such value (a division by zero), or it is too large to compute."""


class TooLarge(Uncomputable):
    """There is a value, and nothing is known of it."""


def value_of(node: Node, digits: int, at: Mapping[str, Fraction], shift: int = 0) -> Value:
    """Compute a formula at a point; with a `shift` of -1 or 1, rounded decimals are their lower or upper end.

    Raises:
        Uncomputable: there is no value.
    """
    with mp.workdps(digits + 15):
        try:
            return _value(node, at, shift)
        except (ZeroDivisionError, ValueError, OverflowError, TypeError, mpmath.libmp.NoConvergence) as error:
            raise Uncomputable(str(error)) from error


def number(value: Value) -> Any:
    """A value as mpmath has it."""
    return mpmath.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def _value(node: Node, at: Mapping[str, Fraction], shift: int) -> Value:
    kind = node[0]
    if (leaf := _LEAVES.get(kind)) is not None:
        return leaf(node, at, shift)
    if kind == "^" and node[1] == ("constant", "e"):
        return _exp(_value(node[2], at, shift))
    return _OPERATIONS[kind](*(_value(part, at, shift) for part in node[1:]))


def _constant(name: str) -> Value:
    if name == "infinity":
        return mpmath.inf
    return {"pi": lambda: +mp.pi, "e": lambda: +mp.e, "i": lambda: mpmath.mpc(0, 1)}[name]()


def _applied(name: str, arguments: list[Value]) -> Value:
    """An unknown function has some value at each point, and the same at the same."""
    written = ";".join(mpmath.nstr(number(a), 25) for a in arguments)
    digest = hashlib.sha256(f"{name}({written})".encode()).digest()
    return Fraction(int.from_bytes(digest[:6], "big") - 2**47, 2**45)


def _series(node: Node, at: Mapping[str, Fraction], shift: int) -> Value:
    kind, (_, index), *bounds, body = node
    low, high = (_value(bound, at, shift) for bound in bounds)
    if not _is_exact(low, high) or low.denominator != 1 or high.denominator != 1:
        raise Uncomputable("a sum without whole bounds")
    if high - low > _MAX_TERMS:
        raise TooLarge("a sum")
    found = Fraction(kind == "prod")
    for k in range(int(low), int(high) + 1):
        term = _value(body, {**at, index: Fraction(k)}, shift)
        found = _add(found, term) if kind == "sum" else _multiply(found, term)
    return found


_LEAVES: dict[str, Callable[[Node, Mapping[str, Fraction], int], Value]] = {
    "number": lambda node, _, __: node[1],
    "decimal": lambda node, _, shift: node[1] + shift * node[2],
    "symbol": lambda node, at, _: at[node[1]],
    "constant": lambda node, _, __: _constant(node[1]),
    "applied": lambda node, at, shift: _applied(node[1][1], [_value(n, at, shift) for n in node[2:]]),
    "sum": _series,
    "prod": _series,
}


def _is_exact(*values: Value) -> bool:
    return all(isinstance(v, Fraction) for v in values)


def _add(a: Value, b: Value) -> Value:
    return a + b if _is_exact(a, b) else number(a) + number(b)


def _multiply(a: Value, b: Value) -> Value:
    return a * b if _is_exact(a, b) else number(a) * number(b)


def _divide(a: Value, b: Value) -> Value:
    return a / b if _is_exact(a, b) else number(a) / number(b)


def _power(base: Value, exponent: Value) -> Value:
    if _is_exact(base, exponent):
        if base == 0 and exponent <= 0:
            raise Uncomputable("0^0" if exponent == 0 else "1/0")
        if (exact := _exact_power(base, exponent)) is not None:
            return exact
    x, y = number(base), number(exponent)
    if mpmath.mag(y) > _MAX_MAGNITUDE:
        raise TooLarge("an exponent")
    return mpmath.power(x, y)


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    above, below = exponent.numerator, exponent.denominator
    if below != 1:
        root = _exact_root(base, below) if base >= 0 else None
        return None if root is None else _exact_power(root, Fraction(above))
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    return base**above if bits * abs(above) <= _MAX_BITS else None


def _exact_root(base: Fraction, index: int) -> Fraction | None:
    above, below = _integer_root(base.numerator, index), _integer_root(base.denominator, index)
    return None if above is None or below is None else Fraction(above, below)


def _integer_root(value: int, index: int) -> int | None:
    if value.bit_length() > 64 * 16 or index > 64:
        return value if value in (0, 1) else None
    with mp.workprec(value.bit_length() + 20):
        guess = int(mpmath.nint(mpmath.root(value, index)))
    return guess if guess**index == value else None


def _root(radicand: Value, index: Value) -> Value:
    if not _is_exact(index) or index == 0:
        return _power(radicand, _divide(Fraction(1), index))
    is_odd = index.denominator == 1 and index.numerator % 2 == 1
    if is_odd and not isinstance(radicand, mpmath.mpc) and radicand < 0:
        return -_power(-radicand, 1 / index)
    return _power(radicand, 1 / index)


def _factorial(n: Value) -> Value:
    if _is_exact(n) and n.denominator == 1:
        if n < 0:
            raise Uncomputable("a factorial of a negative number")
        if n <= _MAX_EXACT_FACTORIAL:
            return Fraction(int(mpmath.libmp.ifac(n.numerator)))
    if mpmath.mag(number(n)) > _MAX_MAGNITUDE:
        raise TooLarge("a factorial")
    return mpmath.gamma(number(n) + 1)


def _binomial(n: Value, k: Value) -> Value:
    if _is_exact(n, k) and n.denominator == k.denominator == 1 and 0 <= k <= n <= _MAX_EXACT_FACTORIAL:
        return _factorial(n) / _factorial(k) / _factorial(n - k)
    return mpmath.binomial(number(n), number(k))


def _exp(x: Value) -> Value:
    if _is_exact(x) and x == 0:
        return Fraction(1)
    if mpmath.mag(number(x)) > _MAX_MAGNITUDE:
        raise TooLarge("an exponent")
    return mpmath.exp(number(x))


def _rounded(to: Callable[[Any], Any]) -> Callable[[Value], Value]:
    def whole(x: Value) -> Value:
        found = to(number(x))
        return Fraction(int(found)) if mpmath.mag(found) < _MAX_ANGLE else found

    return whole


def _log(x: Value, base: Value | None = None) -> Value:
    """Without a base it is the natural one, as papers and sympy have it."""
    if not number(x):
        raise Uncomputable("log 0")
    if base is None:
        return Fraction(0) if _is_exact(x) and x == 1 else mpmath.log(number(x))
    found = mpmath.log(number(x)) / mpmath.log(number(base))
    if (
        _is_exact(x, base)
        and mpmath.almosteq(found, nearest := mpmath.nint(found))
        and abs(nearest) < _MAX_MAGNITUDE
    ):
        exact = _exact_power(base, Fraction(int(nearest)))
        return Fraction(int(nearest)) if exact == x else found
    return found


def _of_angle(function: Callable[[Any], Any]) -> Callable[..., Value]:
    def computed(x: Value) -> Value:
        if mpmath.mag(number(x)) > _MAX_ANGLE:
            raise TooLarge("an angle")
        return function(number(x))

    return computed


def _of_exact(function: Callable[..., Any]) -> Callable[..., Value]:
    def computed(*values: Value) -> Value:
        if not all(_is_exact(v) and v.denominator == 1 for v in values):
            raise Uncomputable("of integers only")
        return Fraction(function(*(v.numerator for v in values)))

    return computed


def _absolute(x: Value) -> Value:
    return abs(x)


_OPERATIONS: dict[str, Callable[..., Value]] = {
    "+": _add,
    "*": _multiply,
    "/": _divide,
    "^": _power,
    "negative": lambda x: -x,
    "root": _root,
    "factorial": _factorial,
    "binomial": _binomial,
    "abs": _absolute,
    "floor": _rounded(mpmath.floor),
    "ceiling": _rounded(mpmath.ceil),
    "exp": _exp,
    "log": _log,
    "ln": _log,
    "lg": lambda x: _log(x, Fraction(10)),
    "max": lambda *xs: max(xs, key=number),
    "min": lambda *xs: min(xs, key=number),
    "gcd": _of_exact(math.gcd),
    "lcm": _of_exact(math.lcm),
    "Re": lambda x: mpmath.re(number(x)),
    "Im": lambda x: mpmath.im(number(x)),
    "arg": lambda x: mpmath.arg(number(x)),
    **{
        name: _of_angle(getattr(mpmath, name.replace("arc", "a")))
        for name in FUNCTIONS
        if name.removeprefix("arc")[:3] in ("sin", "cos", "tan", "cot", "sec", "csc")
    },
}
