"""An answer taken apart: a number, words, a sequence of answers, or an expression that has to be computed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from tts_select.data.grading.cleaning import cleaned
from tts_select.data.grading.names import assigned
from tts_select.data.grading.notation import FUNCTIONS, rewritten
from tts_select.data.grading.number_words import SCALED, scaled, value_in_words
from tts_select.data.grading.numerals import Numeral, numeral
from tts_select.data.grading.regions import Region, region
from tts_select.data.grading.splitting import depth_of, enclosed, split, split_with
from tts_select.data.grading.units import (
    DOLLARS,
    NO_UNIT,
    UNIT_WORDS,
    Unit,
    compound,
    unit_of,
    without_unit,
)
from tts_select.data.grading.words import word_of

MAX_CHARS = 2_000
"""Of an answer; one that is longer is compared as it is written."""
MAX_DEPTH = 30
"""Of brackets in brackets; what is nested deeper is compared as it is written."""

Kind = Literal["value", "list", "set", "tuple", "interval", "region", "matrix", "prose", "opaque"]

_PLAIN = re.compile(r"[-+]?\d{1,40}(?:,\d{3})*(?:\.\d+)?")
_MATRIX = re.compile(
    r"(?P<factor>[-+]?(?:\\frac\{\d{1,9}\}\{\d{1,9}\}|\d{1,9}(?:/\d{1,9})?(?:\.\d{1,9})?|[a-z])?\*?)[(\[]?\\begin\{(?P<env>[bpvBV]?matrix|smallmatrix|array|cases)\}(?:\{[lcr|]*\})?(?P<rows>.*?)\\end\{(?P=env)\}[)\]]?"
    r"(?P<transposed>\^\{?(?:T|\\top|\\text\{T\})\}?)?",
    re.DOTALL,
)
_ROWS = re.compile(r"[\[(]((?:[\[(][^\[\]()]*[\])],? ?)+)[\])]")
_ROW = re.compile(r"\[([^\[\]()]*)\]")
_CHOICE = re.compile(r"(?:\(([A-J])\)|([A-J])\)|([A-J])[.:])[.:]? ?(.*)|\(([a-e])\) (.+)", re.DOTALL)
_OPTION = re.compile(r"(?:[Oo]ption|[Cc]hoice) ?\(?([A-Ja-e])\)?\.?")
_MATHEMATICS = re.compile(r"[\d$\\=]")
_NOT_PROSE = re.compile(
    r"\\(?:text|math|oper)[a-z]*\s*\{[^{}]*\}|\\(?:begin|end)\{[^{}]*\}|\\[a-zA-Z]+"
    rf"|\b(?:and|or|{FUNCTIONS}|{UNIT_WORDS}|real|numbers?|all|except)\b"
)
_LABEL = re.compile(r"\s*[A-Za-z][a-z]{2,}\s*[:$\s]\s*\S")
_LONG_WORD = re.compile(r"(?<![a-zA-Z])[A-Za-z][a-z']+(?![a-zA-Z])")
_PRICE = re.compile(r"[-*_ ]*(?:\\\$|\$(?=[^$]*$))\s*[\d.]")
_IN_WORDS = re.compile(r"[a-z]+(?:[ -][a-z]+)*", re.IGNORECASE)
_MAX_PHRASE_CHARS = 120
_EQUALITIES = ("=", "\\approx", "\\equiv")


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says, without computing anything."""

    source: str
    """As it was given."""
    text: str
    """Rewritten; two readings of the same text are the same."""
    kind: Kind = "value"
    items: tuple[Reading, ...] = ()
    brackets: str = ""
    """Of a tuple, interval or set; the shape of a matrix."""
    name: str = ""
    """What the value is assigned to."""
    value: str = ""
    """The text without its name and unit."""
    unit: Unit = NO_UNIT
    numeral: Numeral | None = None
    word: str | None = None
    """In lower case, if it is text and nothing to compute."""
    is_surely_word: bool = False
    """Not a product of variables."""
    choice: str | None = None
    """The letter of a choice such as (B); `items` has what is said behind it."""
    region: Region | None = None
    """The real numbers that it is the set of."""
    roundings: tuple[Reading, ...] = ()
    """What is given as about the same: `\\\\sqrt2 \\\\approx 1.414`."""


def read(source: str) -> Reading:
    """Take an answer apart; whatever is too long or nested too deeply is opaque."""
    if len(source) > MAX_CHARS:  # never kept: memory would grow with what policies write
        return Reading(source, " ".join(source.split()), "opaque")
    return _read(source)


@lru_cache(maxsize=16_384)
def _read(source: str) -> Reading:
    bare = source.strip()
    if _PLAIN.fullmatch(bare) and (number := numeral(bare.lstrip("+"))) is not None:
        return Reading(source, bare.lstrip("+"), value=bare.lstrip("+"), numeral=number)
    if depth_of(bare) > MAX_DEPTH:
        return Reading(source, " ".join(bare.split()), "opaque")
    text = rewritten(cleaned(bare))
    found = _taken_apart(source, text)
    if found.numeral is not None and not found.unit and _PRICE.match(bare):
        return replace(found, unit=DOLLARS)
    may_be_said = found.kind in ("value", "list") and not (found.choice or found.name or _are_numbers(found))
    return Reading(source, text, "prose") if may_be_said and is_prose(bare) else found


def _are_numbers(reading: Reading) -> bool:
    return all(r.numeral is not None for r in reading.items or (reading,))


def is_prose(text: str) -> bool:
    """Whether it is a sentence with mathematics in it, rather than mathematics or words alone."""
    if not _MATHEMATICS.search(text):
        return False
    bare = _NOT_PROSE.sub(" ", text)
    return _LABEL.match(bare) is not None or len(_LONG_WORD.findall(bare)) > 1


def _taken_apart(source: str, text: str) -> Reading:
    for attempt in (
        _choice,
        _matrix,
        _number,
        _counted,
        _region,
        _enumeration,
        _chained,
        _bracketed,
        _bare_list,
    ):
        if (found := attempt(source, text)) is not None:
            return found
    return _value(source, text)


def _choice(source: str, text: str) -> Reading | None:
    if option := _OPTION.fullmatch(text):
        return Reading(source, text, value=option[1].upper(), choice=option[1].upper())
    found = _CHOICE.fullmatch(text)
    if found is None:
        return None
    letter = next(part for part in (found[1], found[2], found[3], found[5]) if part)
    rest = (found[4] if found[5] is None else found[6]) or ""
    if found[3] and not rest and text.endswith(":"):
        return None
    items = (_taken_apart(rest, rest.strip()),) if rest.strip() else ()
    return Reading(source, text, value=text, items=items, choice=letter.upper())


def _matrix(source: str, text: str) -> Reading | None:
    name, value = assigned(text)
    found = _MATRIX.fullmatch(value) or _MATRIX.fullmatch(text)
    if found is not None:
        rows = [split(row, ("&",)) for row in found["rows"].split("\\cr") if row.strip()]
        rows = [[_cell(cell, found["factor"]) for cell in row] for row in rows]
        if found["transposed"]:
            rows = [list(column) for column in zip(*rows, strict=False)]
    elif (plain := _ROWS.fullmatch(value)) and len(_ROW.findall(plain[1])) > 1 and value.startswith("["):
        rows = [split(row, (",", ", ")) for row in _ROW.findall(plain[1])]
    else:
        return None
    shape = f"{len(rows)}x{max(map(len, rows), default=0)}"
    cells = tuple(_taken_apart(cell, cell) for row in rows for cell in row)
    return Reading(source, text, "matrix", cells, shape, name, value)


def _cell(cell: str, factor: str) -> str:
    bare = re.sub(r"^\\text\{ ?(?:if|for|when|where|otherwise) ?\} ?|,$", "", cell.strip()).strip()
    factor = factor.strip("*")
    return f"{factor}({bare})" if factor and factor != "+" else bare


def _number(source: str, text: str) -> Reading | None:
    name, value = assigned(text)
    found = numeral(value)
    return None if found is None else Reading(source, text, name=name, value=value, numeral=found)


def _counted(source: str, text: str) -> Reading | None:
    """In words, or in several units, which may have an "and" in them."""
    if len(text) > _MAX_PHRASE_CHARS:
        return None
    name, value = assigned(text)
    bare = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", value)
    bare = " ".join(bare.split())
    if found := compound(bare):
        return Reading(source, text, name=name, value=value, numeral=Numeral(found[0]), unit=found[1])
    if (counted := _in_words(bare)) is None:
        return None
    return Reading(source, text, name=name, value=value, numeral=counted[0], unit=counted[1])


def _region(source: str, text: str) -> Reading | None:
    found = region(text)
    if found is None:
        return None
    return Reading(source, text, "region", name=found.variable, value=text, region=found)


def _enumeration(source: str, text: str) -> Reading | None:
    parts = split(text, (", ", ";", " and ", " or "))
    return Reading(source, text, "list", _items(parts)) if len(parts) > 1 else None


def _chained(source: str, text: str) -> Reading | None:
    """`x=5+6=11\\approx11.0`: the last exact member counts, and what it is about."""
    parts = split_with(text, _EQUALITIES)
    is_chain = len(parts) == 2 and not assigned(f"{parts[0][0]}=0")[0]
    if is_chain and parts[1][1] == "=":
        is_chain = re.search(r"(?<![\\a-zA-Z])[a-zA-Z]", parts[0][0]) is None
    if (len(parts) < 3 and not is_chain) or not all(part for part, _ in parts):
        return None
    if any(len(split(part, (",", ", ", ";"))) > 1 for part, _ in parts):
        return None
    exact = [part for part, sign in parts if sign != "\\approx"]
    about = [part for part, sign in parts if sign == "\\approx"]
    name, _ = assigned(f"{parts[0][0]}=0")
    last = exact[-1] if len(exact) > 1 else exact[0]
    found = _taken_apart(source, last)
    return replace(
        found, text=text, name=name or found.name, roundings=tuple(_taken_apart(p, p) for p in about)
    )


def _bracketed(source: str, text: str) -> Reading | None:
    name, value = assigned(text)
    brackets, inside = enclosed(value)
    parts = split(inside, (", ", ",", ";"))
    if brackets == "\\{\\}" or (brackets and len(parts) > 1):
        items = _items(parts)
        names = split(name[1:-1], (",", ", ")) if name.startswith("(") else []
        if len(names) == len(items):
            items = tuple(replace(i, name=n) for i, n in zip(items, names, strict=True))
        return Reading(source, text, _kind(brackets, len(parts)), items, brackets, name, value)
    if brackets not in ("()", "{}", "[]") or not inside:
        return None
    return _taken_apart(source, f"{name}={inside}" if name else inside)


def _bare_list(source: str, text: str) -> Reading | None:
    """With commas and no spaces, which is not done in words."""
    parts = split(text, (",", ";"))
    if len(parts) < 2 or not all(parts) or numeral(without_unit(text)[0]) is not None:
        return None
    return Reading(source, text, "list", _items(parts))


def _value(source: str, text: str) -> Reading:
    name, value = assigned(text)
    if name and (inner := _named_sequence(source, name, value)) is not None:
        return inner
    if both := _plus_and_minus(value):
        return Reading(source, text, "list", _items(both), name=name, value=value)
    bare, unit = without_unit(value)
    if unit and "," in bare and numeral(bare) is None:
        return _taken_apart(source, bare)
    word, is_sure = word_of(value)
    return Reading(
        source,
        text,
        name=name,
        value=bare,
        unit=unit,
        numeral=numeral(bare),
        word=word,
        is_surely_word=is_sure,
    )


def _named_sequence(source: str, name: str, value: str) -> Reading | None:
    found = _matrix(source, value) or _bracketed(source, value)
    return None if found is None or found.kind == "value" else replace(found, name=name)


def _in_words(text: str) -> tuple[Numeral, Unit] | None:
    """`2 million dollars`, `five apples`, `two thirds`."""
    if (found := SCALED.fullmatch(text)) and (number := numeral(found["value"])) is not None:
        value = scaled(number.value, found["word"])
        while value is not None and (more := SCALED.fullmatch(f"0{found['rest']}")):
            value, found = scaled(value, more["word"]), more
        if value is not None:
            return Numeral(value, is_percent=number.is_percent), unit_of(found["rest"])
    if not _IN_WORDS.fullmatch(text):
        return None
    words = text.split(" ")
    for n in range(len(words), 0, -1):
        value = value_in_words(" ".join(words[:n]))
        if value is not None and (n == len(words) or unit_of(" ".join(words[n:]))):
            rest = " ".join(words[n:])
            is_percent = rest.startswith("percent")
            return Numeral(value, is_percent=is_percent), unit_of(rest.removeprefix("percent"))
    return None


def _items(parts: list[str]) -> tuple[Reading, ...]:
    found = [_taken_apart(part, part) for part in parts if part]
    return tuple(i for item in found for i in (item.items if item.kind == "list" else (item,)))


def _kind(brackets: str, n: int) -> Kind:
    if brackets == "{}":  # LaTeX braces group, and say nothing
        return "list"
    if brackets == "\\{\\}":
        return "set"
    return "interval" if n == 2 and brackets != "()" else "tuple"


def _plus_and_minus(text: str) -> list[str]:
    """`1\\pm x` as its two values; nothing if it is not two."""
    if text.count("\\pm") != 1:
        return []
    return [text.replace("\\pm", "+").removeprefix("+"), text.replace("\\pm", "-")]
