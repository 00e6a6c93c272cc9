"""What may stand around a value without being part of it: a unit, an ordinal's ending, a name."""

from __future__ import annotations

import re
from typing import NamedTuple

_SYNONYMS = """
mm: millimeter millimeters
cm: centimeter centimeters
m: meter meters metre metres
km: kilometer kilometers
in: inch inches
ft: foot feet
yd: yard yards
mi: mile miles
mg: milligram milligrams
g: gram grams
kg: kilogram kilograms
oz: ounce ounces
lb: lbs pound pounds
s: sec secs second seconds
min: mins minute minutes
h: hr hrs hour hours
day: days
week: weeks
month: months
year: years
ml: milliliter milliliters
l: liter liters litre litres
dollar: dollars usd
cent: cents
mph:
kph: kmh
"""
_QUALIFIERS = "square sq cubic per of the degree degrees rad radian radians unit units"

_SCALE_OF = {
    word: scale
    for line in _SYNONYMS.split("\n")
    if line
    for scale, _, others in [line.partition(":")]
    for word in (scale, *others.split())
}
UNIT_WORDS = "|".join(sorted((*_SCALE_OF, *_QUALIFIERS.split()), key=len, reverse=True))
"""A regular expression's alternatives."""

_POWER = r"(?:\^(?:\d|\{-?\d\}))?"
_ADJACENT = "|".join(word for word in UNIT_WORDS.split("|") if len(word) > 1)  # 5m may be five times m
_UNIT = "|".join(
    (
        r"[ *./-]?\\text\{[^{}]*\}",
        rf"[ ./-](?:{UNIT_WORDS})(?![a-zA-Z])",
        rf"(?<=[\d}}])(?:{_ADJACENT})(?![a-zA-Z])",
        r" [a-zA-Z]{3,}",  # whatever is counted: apples
        r"\\degree(?: ?[CFK](?![a-zA-Z]))?",
    )
)
_ORDINAL = r"(?:\^?\{?(?:\\text\{ ?)?(?:st|nd|rd|th)\}?\}?)"
_WITH_UNIT = re.compile(
    rf"(?P<value>.*?[\w}})%.])(?:{_ORDINAL}$|{_ORDINAL}?(?P<unit>(?:(?:{_UNIT}){_POWER})+))", re.DOTALL
)
_NAMES = (
    r"\\?[a-zA-Z]+(?:_\w|_\{[^{}]*\})?'*(?:\([a-zA-Z,]+\))?",  # x, x_1, f(x), \theta
    r"\|[A-Z]+\|",
    r"\\(?:angle|overline) ?\{?[A-Z]+\}?",
)
_ASSIGNED = re.compile(rf"(?P<name>{'|'.join(_NAMES)})(?:=|\\approx ?|\\in ?|:)(?P<value>[^=<>]+)", re.DOTALL)


class Assigned(NamedTuple):
    """`value` of `name`, which is empty where none is given."""

    name: str
    value: str


def assigned(text: str) -> Assigned:
    """`x=5` in two parts; anything else is a value without a name."""
    found = _ASSIGNED.fullmatch(text)
    return Assigned(found["name"], found["value"].strip()) if found else Assigned("", text)


def without_unit(text: str) -> tuple[str, str]:
    """(value, unit) of `5\\text{ cm}^2`, `12^{th}` or `90\\degree`; the unit is empty where there is none."""
    found = _WITH_UNIT.fullmatch(text)
    return (found["value"].strip(), found["unit"] or "") if found else (text, "")


def are_different_scales(unit: str, other: str) -> bool:
    """Whether both are known units, and not the same one: cm and m."""
    a, b = _scale(unit), _scale(other)
    return a is not None and b is not None and a != b


def _scale(unit: str) -> str | None:
    return _SCALE_OF.get(re.sub(r"\\text|[{}\s.]|\^.*", "", unit).lower())
