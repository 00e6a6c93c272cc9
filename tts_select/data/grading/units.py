"""What may stand behind a value without being part of it: a unit, which has a size, or words.

Units are converted (1 m is 100 cm) or differ (5 m is not 5 s); words such as apples say what a value is of.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from fractions import Fraction

_BASES = """
m metre metres meter meters
g gram grams gramme grammes
s sec secs second seconds
A ampere amperes amp amps
K kelvin kelvins
mol mole moles
deg degree degrees
rad radian radians
dollar dollars usd buck bucks
euro euros eur
pound_sterling gbp
yuan rmb
rupee rupees
yen
bit bits
month months
person
"""
_DERIVED = """
min 60 s: mins minute minutes
h 3600 s: hr hrs hour hours
day 86400 s: days
week 604800 s: weeks wk wks
year 12 month: years yr yrs
decade 120 month: decades
century 1200 month: centuries
in 0.0254 m: inch inches
ft 0.3048 m: foot feet
yd 0.9144 m: yard yards yds
mi 1609.344 m: mile miles
L 0.001 m3: l liter liters litre litres
gallon 0.003785411784 m3: gallons gal
quart 0.000946352946 m3: quarts qt
pint 0.000473176473 m3: pints
cc 0.000001 m3:
acre 4046.8564224 m2: acres
hectare 10000 m2: hectares ha
oz 28.349523125 g: ounce ounces
lb 453.59237 g: lbs pound pounds
ton 1000000 g: tons tonne tonnes
N 1000 g m s-2: newton newtons
J 1000 g m2 s-2: joule joules
W 1000 g m2 s-3: watt watts
Pa 1000 g m-1 s-2: pascal pascals
atm 101325000 g m-1 s-2:
bar 100000000 g m-1 s-2: bars
Hz 1 s-1: hertz
C 1 s A: coulomb coulombs
V 1000 g m2 s-3 A-1: volt volts
ohm 1000 g m2 s-3 A-2: ohms Ω Omega
F 0.001 g-1 m-2 s4 A2: farad farads
T 1000 g s-2 A-1: tesla
Wb 1000 g m2 s-2 A-1: weber
H 1000 g m2 s-2 A-2: henry
eV 0.0000000000000001602176634 g m2 s-2:
cal 4184 g m2 s-2: calorie calories
mph 0.44704 m s-1:
kph 5/18 m s-1: kmh kmph
cent 0.01 dollar: cents penny pennies
nickel 0.05 dollar: nickels
dime 0.1 dollar: dimes
byte 8 bit: bytes
rpm 1/60 s-1:
"""
_PREFIXES = {
    "k": 3,
    "c": -2,
    "m": -3,
    "M": 6,
    "G": 9,
    "T": 12,
    "d": -1,
    "u": -6,
    "\\mu": -6,
    "n": -9,
    "p": -12,
    "f": -15,
    "kilo": 3,
    "centi": -2,
    "milli": -3,
    "mega": 6,
    "giga": 9,
    "deci": -1,
    "micro": -6,
    "nano": -9,
    "pico": -12,
}
_PREFIXED = """
m g s A K mol L l N J W Pa Hz C V ohm F T eV cal bit byte meter meters metre metres gram grams second seconds
liter liters litre litres newton newtons joule joules watt watts pascal pascals volt volts hertz
"""
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3, "squared": 2, "cubed": 3}
_FILLERS = """
of the a an in per unit units total altogether each every and is are
"""

_SYMBOL_CHARS = 3
"""Of the longest symbol that takes a prefix; words of units are longer."""

Dimensions = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A known unit by its size in base units, or words."""

    factor: Fraction = Fraction(1)
    dimensions: Dimensions = ()
    words: frozenset[str] = frozenset()
    """In the singular: what a value is of, where it is no known unit."""

    @property
    def is_known(self) -> bool:
        """Whether it measures something."""
        return bool(self.dimensions)

    def measures_other(self, other: Unit) -> bool:
        """Whether the two cannot be said of the same value: metres and seconds, north and south."""
        if self.is_known and other.is_known and self.dimensions != other.dimensions:
            return True
        if self.is_known != other.is_known and bool(self.words) != bool(other.words) and self and other:
            return True
        return bool(
            self.words and other.words and not (self.words <= other.words or other.words <= self.words)
        )

    def __bool__(self) -> bool:
        return bool(self.dimensions or self.words)


NO_UNIT = Unit()
DOLLARS = Unit(dimensions=(("dollar", 1),))


Sized = tuple[Fraction, dict[str, int]]


def _known() -> dict[str, Sized]:
    found = {
        name: (Fraction(1), {line.split()[0]: 1}) for line in _BASES.split("\n") for name in line.split()
    }
    for line in filter(None, _DERIVED.split("\n")):
        head, _, others = line.partition(":")
        name, size, *parts = head.split()
        found |= dict.fromkeys((name, *others.split()), (Fraction(size), dict(map(_dimension, parts))))
    return found | _with_prefixes(found)


def _dimension(text: str) -> tuple[str, int]:
    """`s-2` is seconds to the power of minus two."""
    name = text.rstrip("-0123456789")
    return name, int(text[len(name) :] or 1)


def _with_prefixes(known: dict[str, Sized]) -> dict[str, Sized]:
    """Short prefixes before symbols, long ones before words; no other unit is hidden by them."""
    found = {
        prefix + name: (known[name][0] * Fraction(10) ** exponent, known[name][1])
        for prefix, exponent in _PREFIXES.items()
        for name in _PREFIXED.split()
        if (len(prefix) > 1 and prefix != "\\mu") == (len(name) > _SYMBOL_CHARS)
    }
    return {name: sized for name, sized in found.items() if name not in known}


_KNOWN = _known()
UNIT_WORDS = "|".join(
    re.escape(name) for name in sorted((*_KNOWN, *_POWERS, *_FILLERS.split()), key=len, reverse=True)
)
"""A regular expression's alternatives."""
_ADJACENT = "|".join(
    re.escape(n) for n in sorted(_KNOWN, key=len, reverse=True) if len(n) > 1 and n not in ("in", "min")
)
_SHORT_NOUNS = """
men man cup egg car bag box can cat dog pen pie pig cow hen bus toy jar kid son way win set tie hat nut bar
row pot bee ant fly act ad low up am pm AM PM BC AD BCE CE net new old red big one all her his is are to at for on
by from with has have was be it as that left west east
"""
_NOUN = rf"(?=[a-zA-Z]*[aeiouAEIOU])[a-zA-Z]{{4,}}|(?:{'|'.join(_SHORT_NOUNS.split())})s?"
"""What may be counted; three letters alone may be a product of variables."""
_POWER = r"(?:\^(?:-?\d|\{-?\d\})|\*\*-?\d)?"
_PART = "|".join(
    (
        r"[ *./-]*\\text\{[^{}]*\}",
        rf"(?:[ /*.-]|\\cdot ?)+(?:{UNIT_WORDS})(?![a-zA-Z])",
        rf"(?<=[\d}}])(?:{_ADJACENT})(?![a-zA-Z])",
        rf"(?:[ -]|(?<=\}}))(?:{_NOUN})(?![a-zA-Z=(])[.']?",
        r" ?[ap]\.m\.?",
        r" ?(?:[kM]|\\mu)?\\Omega",
        r"\\degree ?(?:[CFK](?![a-zA-Z]))?",
    )
)
_ORDINAL = r"(?:\^?\{?(?:\\text\{ ?)?(?:st|nd|rd|th)\}?\}?)"
_VALUE_ENDS = re.compile(r"[\d})\]%.!]|[a-zA-Z](?=\\text|\\degree)|\\pi|\\infty")
_SUFFIX = re.compile(rf"{_ORDINAL}|{_ORDINAL}?(?P<unit>(?:(?:{_PART}){_POWER})+)", re.DOTALL)
_MAX_UNIT_CHARS = 120
_UNIT_TOKEN = re.compile(
    r"(?P<slash>/|per(?![a-zA-Z]))|\\degree ?(?P<degree>[CFK]?)"
    r"|(?P<name>\\mu ?[a-zA-Z]+|[a-zA-Z]+(?:\.m\.?)?)(?:(?:\^|\*\*)\{?(?P<power>-?\d)\}?)?"
)


def without_unit(text: str) -> tuple[str, Unit]:
    """Take `5\\text{ cm}^2`, `12^{th}`, `3 km north` or `90\\degree` apart: the value, and its unit."""
    if text[-1:].isdigit() and " " not in text and "\\text" not in text:
        return text, NO_UNIT
    for end in _VALUE_ENDS.finditer(text, max(0, len(text) - _MAX_UNIT_CHARS)):
        suffix = _SUFFIX.fullmatch(text, end.end())
        if suffix and re.search(r"[\d\\]", text[: end.end()]):
            return text[: end.end()].strip(), unit_of(suffix["unit"] or "")
    return text, NO_UNIT


_COMPOUND = re.compile(
    rf"(?<![\d.])(\d{{1,15}}(?:\.\d{{1,15}})?) ?({UNIT_WORDS})(?![a-zA-Z])(?:,? (?:and )?|$)"
)


def compound(text: str) -> tuple[Fraction, Unit] | None:
    """`2 hours and 30 minutes`, `5 ft 3 in`, in the first of the units."""
    parts = _COMPOUND.findall(text)
    if len(parts) < 2 or _COMPOUND.sub("", text).strip():
        return None
    units = [unit_of(unit) for _, unit in parts]
    if len({unit.dimensions for unit in units}) > 1 or not units[0].is_known:
        return None
    if any(a.factor <= b.factor for a, b in itertools.pairwise(units)):
        return None
    total = sum(Fraction(n) * unit.factor for (n, _), unit in zip(parts, units, strict=True))
    return total / units[0].factor, units[0]


def unit_of(text: str) -> Unit:
    """The unit that a text says."""
    found = _Product()
    for token in _UNIT_TOKEN.finditer(_bare(text)):
        if token["slash"]:
            found.sign = -1
        elif token["degree"] is not None:
            found.multiply(Fraction(1), {f"deg{token['degree'].replace('K', '')}": 1}, 1)
        else:
            found.take(token["name"], int(token["power"] or 1))
    return found.unit()


def _bare(text: str) -> str:
    """Without \\text{} around its words."""
    found = re.sub(r"\\text\{|\}", " ", text.replace("\\Omega", "ohm"))
    return re.sub(r" +\^", "^", found)


@dataclass(slots=True)
class _Product:
    """A unit while its parts are read."""

    factor: Fraction = Fraction(1)
    dimensions: dict[str, int] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    sign: int = 1
    """-1 behind a stroke."""
    power: int = 1
    """Of the next part: `square` comes before it."""

    def take(self, name: str, power: int) -> None:
        bare = name.replace(" ", "")
        known = _KNOWN.get(bare) or _KNOWN.get(bare.lower())
        if name in ("squared", "cubed"):
            self.dimensions = {base: n * _POWERS[name] for base, n in self.dimensions.items()}
            self.factor **= _POWERS[name]
        elif name in _POWERS:
            self.power = _POWERS[name]
        elif known is not None:
            self.multiply(*known, power * self.power)
        elif name.lower() not in _FILLERS.split():
            self.words.add(_singular(name.lower().replace(".", "")))

    def multiply(self, factor: Fraction, dimensions: dict[str, int], power: int) -> None:
        self.factor *= factor ** (power * self.sign)
        for base, n in dimensions.items():
            self.dimensions[base] = self.dimensions.get(base, 0) + n * power * self.sign
        self.power = 1

    def unit(self) -> Unit:
        kept = tuple(sorted((base, n) for base, n in self.dimensions.items() if n and base != "person"))
        return Unit(self.factor, kept, frozenset(self.words))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
