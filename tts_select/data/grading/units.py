"""What may stand around a value without being part of it: units, ordinals, the name that it is assigned to."""

from __future__ import annotations

import re
from typing import NamedTuple

_WORDS = """
mm cm dm m km in inch inches ft foot feet yd yard yards mi mile miles meter meters metre metres centimeter centimeters
kilometer kilometers millimeter millimeters
mg g kg gram grams kilogram kilograms lb lbs pound pounds oz ounce ounces ton tons
s sec secs second seconds min mins minute minutes h hr hrs hour hours day days week weeks month months year years
ml l liter liters litre litres gallon gallons cup cups quart quarts pint pints
mph kmh kph m/s km/h miles/hour
dollar dollars cent cents usd euro euros rupees rs
degree degrees radian radians rad
unit units square sq cubic per of the
person people student students child children boy boys girl girls man men woman women
way ways time times item items piece pieces step steps point points coin coins apple apples book books mark marks
hz j n w v kw kj pa ev
"""
_CANONICAL = {
    "inch": "in", "inches": "in", "foot": "ft", "feet": "ft", "yard": "yd", "mile": "mi", "meter": "m", "metre": "m",
    "centimeter": "cm", "kilometer": "km", "millimeter": "mm", "gram": "g", "kilogram": "kg", "pound": "lb",
    "ounce": "oz", "second": "s", "sec": "s", "minute": "min", "hour": "h", "hr": "h", "liter": "l", "litre": "l",
    "day": "day", "week": "week", "month": "month", "year": "year", "ton": "ton", "gallon": "gallon", "dollar": "$",
    "cent": "cent",
}  # fmt: skip
_SCALES = frozenset({*_CANONICAL.values(), "mm", "cm", "dm", "m", "km", "mg", "g", "kg", "ml"})

UNIT_WORDS = "|".join(sorted(map(re.escape, _WORDS.split()), key=len, reverse=True))
_POWER = r"(?:\^(?:\d|\{-?\d\}))?"
_UNIT = rf"(?:\\text\{{[^{{}}]*\}}{_POWER}|(?<![a-zA-Z\\])(?:{UNIT_WORDS})(?![a-zA-Z]){_POWER}|\\degree(?: ?[CFK](?![a-zA-Z]))?)"
_AROUND = re.compile(
    rf"(?P<value>.*?[\w}})%|.])(?:\^(?:\{{?(?:\\text\{{ ?)?(?:st|nd|rd|th)\}}?\}}?))?(?P<unit>(?:[ *./-]?{_UNIT})+)",
    re.DOTALL,
)
_ORDINAL = re.compile(r"(\d+)(?:\^?\{?(?:\\text\{ ?)?(?:st|nd|rd|th)\}{0,2})")
_NAME = (
    r"(?:\\?[a-zA-Z]+(?:_\w|_\{[^{}]*\})?'*(?:\([a-zA-Z,]+\))?|\|[A-Z]+\||\\(?:angle|overline) ?\{?[A-Z]+\}?)"
)
_ASSIGNED = re.compile(rf"(?P<name>{_NAME})(?:=|\\approx ?|\\in ?|:)(?P<value>[^=<>]+)", re.DOTALL)


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
    if found := _ORDINAL.fullmatch(text):
        return found[1], ""
    found = _AROUND.fullmatch(text)
    return (found["value"].strip(), found["unit"]) if found else (text, "")


def are_different_scales(unit: str, other: str) -> bool:
    """Whether both are known units, and not the same one: cm and m."""
    a, b = _scale(unit), _scale(other)
    return a is not None and b is not None and a != b


def _scale(unit: str) -> str | None:
    word = re.sub(r"\\text|[{}\s.]|\^.*", "", unit).lower()
    singular = word.removesuffix("s") if len(word) > 2 else word  # noqa: PLR2004  "ms" is no plural
    name = _CANONICAL.get(word) or _CANONICAL.get(singular) or word
    return name if name in _SCALES else None
