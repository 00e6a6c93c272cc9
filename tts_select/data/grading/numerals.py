"""Reads what is a number as it stands: integers, decimals, fractions, mixed numbers, powers of ten, percent.

What must be computed (roots, sums, names) is no numeral. Values are exact: `Fraction`, never float.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

MAX_DIGITS = 400
"""Of a numeral; a longer one is compared as text, so that no grading costs more than its length."""
_ENOUGH_DIGITS = 4
_ENOUGH_DECIMALS = 3
_CUT_DIGITS = 6
_FLOAT_DIGITS = 15
_NOISE = Fraction(1, 10**9)

_DECIMAL = r"(?:\d+\.?\d*|\.\d+)"
_GROUPED = rf"(?:\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|{_DECIMAL})"
_REPEATED = r"(?:\\overline\{(\d+)\}|\\dot\{?(\d)\}?(?:(\d*)\\dot\{?(\d)\}?)?|\((\d+)\))"
_FORMS = {
    "decimal": re.compile(rf"({_DECIMAL})(?:[eE]([-+]?\d+))?"),
    "repeating": re.compile(rf"(\d*)\.(\d*){_REPEATED}(?:\.\.\.|\\ldots)?"),
    "repeated": re.compile(r"(\d*)\.(\d*?)(\d+?)\3{2,}(?:\.\.\.|\\ldots)"),
    "grouped": re.compile(r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?: \d{3})+(?:\.\d+)?)"),
    "continental": re.compile(r"(\d{1,3}(?:\.\d{3})+,\d{1,2}|\d{1,3}(?:\.\d{3}){2,})"),
    "slash": re.compile(rf"\(?([-+]?{_GROUPED})\)?/\(?([-+]?{_GROUPED})\)?"),
    "frac": re.compile(rf"\\frac\{{([-+]?{_GROUPED})\}}\{{([-+]?{_GROUPED})\}}"),
    "mixed": re.compile(r"(\d+)(?: ?\\frac\{(\d+)\}\{(\d+)\}| (\d+)/(\d+))"),
    "scientific": re.compile(rf"(?:({_DECIMAL}) ?(?:\\times ?|\*|x|X) ?)?10\^(?:\{{([-+]?\d+)\}}|(-?\d))"),
    "power": re.compile(r"(\d+)\^(?:\{(-?\d+)\}|(\d))"),
}
_COMMA = re.compile(r"([-+]?\d+),(\d+)")
_SIGNED = re.compile(r"([-+]?)(.*?)(%)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number, and what its writing says of its precision."""

    value: Fraction
    decimals: int | None = None
    """Digits after the point, if it is a decimal with enough digits to stand for a rounded value."""
    is_percent: bool = False
    """`value` is what stands before the percent sign."""
    is_float: bool = False
    """With as many digits as a computer's number has, of which the last are noise."""

    def equals(self, other: Numeral) -> bool:
        """The same value, x % being x as well as x/100, or the other's value correctly rounded."""
        if self.is_percent == other.is_percent:
            return self._is(other.value) or other._is(self.value)
        percent, plain = (self, other) if self.is_percent else (other, self)
        return any(Numeral(v, percent.decimals).equals(plain) for v in (percent.value, percent.value / 100))

    def _is(self, exact: Fraction) -> bool:
        if self.value == exact:
            return True
        return (self.is_float or not _terminates(exact)) and self.rounds(exact)

    def rounds(self, exact: Fraction) -> bool:
        """Whether this is what remains of `exact` when it is rounded to the decimals that are written.

        With six digits or more it may also be cut off, and of a computer's number the last ones are noise.
        """
        if self.decimals is None:
            return False
        off = abs(self.value - exact)
        if self.is_float and off <= _NOISE * abs(exact):
            return True
        n_digits = len(str(abs(self.value.numerator * 10**self.decimals // self.value.denominator)))
        return bool(off * (1 if n_digits >= _CUT_DIGITS else 2) * 10**self.decimals <= 1)


def numeral(text: str) -> Numeral | None:
    """The number that a rewritten text is, or None."""
    if len(text) > MAX_DIGITS:
        return None
    signed = _SIGNED.fullmatch(text)
    if signed is None:
        return None
    sign, bare, percent = signed.groups()
    while bare.startswith(("(", "{")) and bare.endswith((")", "}")) and not re.search(r"[(){}]", bare[1:-1]):
        sign, bare = _signs(sign, bare[1:-1])
    for form, pattern in _FORMS.items():
        if found := pattern.fullmatch(bare):
            read = _read(form, found)
            if read is None:
                return None
            value, decimals = read
            is_float = decimals is not None and len(bare.replace(".", "").lstrip("0")) >= _FLOAT_DIGITS
            return Numeral(-value if sign == "-" else value, decimals, percent is not None, is_float)
    return None


def decimal_comma(text: str) -> Numeral | None:
    """`1,22` as the decimal that it may stand for beside two numbers."""
    found = _COMMA.fullmatch(text)
    return numeral(f"{found[1]}.{found[2]}") if found else None


def _signs(sign: str, bare: str) -> tuple[str, str]:
    if bare[:1] in ("-", "+"):
        inner, bare = bare[0], bare[1:]
        sign = "-" if (sign == "-") != (inner == "-") else ""
    return sign, bare


def _read(form: str, found: re.Match[str]) -> tuple[Fraction, int | None] | None:
    parts = found.groups()
    if form == "decimal":
        exponent = int(parts[1] or 0)
        if abs(exponent) > MAX_DIGITS:
            return None
        return Fraction(parts[0]) * Fraction(10) ** exponent, None if exponent else enough_decimals(parts[0])
    if form == "grouped":
        plain = re.sub(r"[, ]", "", parts[0])
        return Fraction(plain), enough_decimals(plain)
    if form == "continental":
        return Fraction(parts[0].replace(".", "").replace(",", ".")), None
    value = _composed(form, parts)
    return None if value is None else (value, None)


def _composed(form: str, parts: tuple[str | None, ...]) -> Fraction | None:
    if form in ("repeating", "repeated"):
        return _endless(parts)
    given = [part.replace(",", "") for part in parts if part is not None]
    if form in ("slash", "frac"):
        return _ratio(given[0], given[1])
    if form == "mixed":
        rest = _ratio(given[1], given[2])
        return None if rest is None else Fraction(given[0]) + rest
    base, exponent = (
        (Fraction(10), int(given[-1])) if form == "scientific" else (Fraction(given[0]), int(given[1]))
    )
    if abs(exponent) * len(str(base)) > MAX_DIGITS or (base == 0 and exponent <= 0):
        return None
    mantissa = Fraction(given[0]) if form == "scientific" and len(given) > 1 else Fraction(1)
    return mantissa * base**exponent


def _endless(parts: tuple[str | None, ...]) -> Fraction:
    """`0.1\\overline{6}`, `0.\\dot{3}`, `0.(3)` and `0.333...`."""
    whole, fixed, *rest = (part or "" for part in parts)
    period = "".join(rest)
    below = 10 ** len(fixed)
    return Fraction(int(whole + fixed or 0), below) + Fraction(int(period), below * (10 ** len(period) - 1))


def _ratio(above: str, below: str) -> Fraction | None:
    return Fraction(above) / Fraction(below) if Fraction(below) else None


def enough_decimals(text: str) -> int | None:
    """As many as are written, where they are enough for the text to stand for a rounded value."""
    whole, _, decimals = text.partition(".")
    digits = (whole + decimals).lstrip("0")
    return len(decimals) if len(decimals) >= _ENOUGH_DECIMALS and len(digits) >= _ENOUGH_DIGITS else None


def _terminates(value: Fraction) -> bool:
    """Whether it is a finite decimal."""
    below = value.denominator
    for prime in (2, 5):
        while below % prime == 0:
            below //= prime
    return below == 1
