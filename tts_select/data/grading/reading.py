"""An answer taken apart: a number, words, a sequence of answers, or an expression that has to be computed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from tts_select.data.grading.notation import FUNCTIONS, rewritten
from tts_select.data.grading.numerals import Numeral, numeral
from tts_select.data.grading.units import UNIT_WORDS, assigned, without_unit

MAX_CHARS = 2_000
"""Of an answer; one that is longer is compared as it is written."""
MAX_DEPTH = 30
"""Of brackets in brackets; what is nested deeper is compared as it is written."""

Kind = Literal["value", "list", "set", "tuple", "interval", "union", "matrix", "prose", "opaque"]

_OPENING, _CLOSING = ("(", "[", "{", "\\{"), (")", "]", "}", "\\}")
_TOKEN = re.compile(
    r"\\begin\{[^{}]*\}|\\end\{[^{}]*\}|\\[a-zA-Z]+|\\.|[()\[\]{}]|, | and | or |.", re.DOTALL
)
_PLAIN = re.compile(r"[-+]?\d{1,40}(?:,\d{3})*(?:\.\d+)?")
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_WORDS = re.compile(r"[a-zA-Z][a-zA-Z' -]*")
_MATRIX = re.compile(r"\(?\\begin\{([bpvBV]?matrix|array)\}(?:\{[lcr|]*\})?(.*?)\\end\{\1\}\)?", re.DOTALL)
_CHOICE = re.compile(r"\(?([A-J])(?:\)[.:]?|[.:])(?: ?(.+))?", re.DOTALL)
_MATHEMATICS = re.compile(r"[\d$\\=]")
_NOT_PROSE = re.compile(
    rf"\\(?:text|math|oper)[a-z]*\s*\{{[^{{}}]*\}}|\\(?:begin|end)\{{[^{{}}]*\}}|\\[a-zA-Z]+|\b(?:and|or|{FUNCTIONS}|{UNIT_WORDS})\b"
)
_LABEL = re.compile(r"\s*[A-Za-z][a-z]{2,}\s*[:$\s]\s*\S")
_LONG_WORD = re.compile(r"(?<![a-zA-Z])[A-Za-z][a-z']+(?![a-zA-Z])")
_CONSTANTS = frozenset({"e", "i", "I", "E", "pi"})
_SHORT = 3
"""Letters of which a product of variables may be made; longer words are words."""
_SHORT_WORDS = frozenset({"yes", "no", "odd"})


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
    unit: str = ""
    numeral: Numeral | None = None
    word: str | None = None
    """In lower case, if it is text and nothing to compute."""
    is_surely_word: bool = False
    """Not a product of variables."""
    choice: str | None = None
    """The letter of a choice such as (B)."""


def read(source: str) -> Reading:
    """Take an answer apart; whatever is too long or nested too deeply is opaque."""
    if len(source) > MAX_CHARS:  # never kept: memory would grow with what policies write
        return Reading(source, " ".join(source.split()), "opaque")
    return _read(source)


@lru_cache(maxsize=16_384)
def _read(source: str) -> Reading:
    bare = source.strip()
    if _PLAIN.fullmatch(bare) and (found := numeral(bare.lstrip("+"))) is not None:
        return Reading(source, bare.lstrip("+"), value=bare.lstrip("+"), numeral=found)
    if _depth(bare) > MAX_DEPTH:
        return Reading(source, " ".join(bare.split()), "opaque")
    text = rewritten(bare)
    return Reading(source, text, "prose") if is_prose(bare) else _taken_apart(source, text)


def is_prose(text: str) -> bool:
    """Whether it is a sentence with mathematics in it, rather than mathematics or words alone."""
    if not _MATHEMATICS.search(text):
        return False
    bare = _NOT_PROSE.sub(" ", text)
    return _LABEL.match(bare) is not None or len(_LONG_WORD.findall(bare)) > 1


def _taken_apart(source: str, text: str) -> Reading:
    for attempt in (_matrix, _number, _union, _enumeration, _bracketed, _bare_list):
        if (found := attempt(source, text)) is not None:
            return found
    return _value(source, text)


def _matrix(source: str, text: str) -> Reading | None:
    found = _MATRIX.fullmatch(text)
    if found is None:
        return None
    rows = [_split(row, ("&",)) for row in found[2].split("\\cr") if row.strip()]
    shape = f"{len(rows)}x{max(map(len, rows), default=0)}"
    return Reading(source, text, "matrix", _items([cell for row in rows for cell in row]), shape, value=text)


def _number(source: str, text: str) -> Reading | None:
    name, value = assigned(text)
    found = numeral(value)
    return None if found is None else Reading(source, text, name=name, value=value, numeral=found)


def _union(source: str, text: str) -> Reading | None:
    name, value = assigned(text)
    parts = _split(value, ("\\cup",))
    return Reading(source, text, "union", _items(parts), name=name, value=value) if len(parts) > 1 else None


def _enumeration(source: str, text: str) -> Reading | None:
    parts = _split(text, (", ", ";", " and ", " or "))
    return Reading(source, text, "list", _items(parts)) if len(parts) > 1 else None


def _bracketed(source: str, text: str) -> Reading | None:
    name, value = assigned(text)
    brackets, inside = _enclosed(value)
    parts = _split(inside, (", ", ",", ";"))
    if brackets == "\\{\\}" or (brackets and len(parts) > 1):
        return Reading(source, text, _kind(brackets, len(parts)), _items(parts), brackets, name, value)
    if brackets not in ("()", "{}") or not inside or _CHOICE.fullmatch(value):
        return None
    return _taken_apart(source, f"{name}={inside}" if name else inside)


def _bare_list(source: str, text: str) -> Reading | None:
    """With commas and no spaces, which is not done in words."""
    parts = _split(text, (",", ";"))
    return Reading(source, text, "list", _items(parts)) if len(parts) > 1 else None


def _value(source: str, text: str) -> Reading:
    name, value = assigned(text)
    if both := _plus_and_minus(value):
        return Reading(source, text, "list", _items(both), name=name, value=value)
    bare, unit = without_unit(value)
    if unit and "," in bare:
        return _taken_apart(source, bare)
    word, is_sure = _word(value)
    choice = _CHOICE.fullmatch(value)
    return Reading(
        source,
        text,
        name=name,
        value=bare,
        unit=unit,
        numeral=numeral(bare),
        word=word,
        is_surely_word=is_sure,
        choice=choice[1] if choice else None,
    )


def _items(parts: list[str]) -> tuple[Reading, ...]:
    found = [_taken_apart(part, part) for part in parts if part]
    return tuple(i for item in found for i in (item.items if item.kind == "list" else (item,)))


def _kind(brackets: str, n: int) -> Kind:
    if brackets == "{}":  # LaTeX braces group, and say nothing
        return "list"
    if brackets == "\\{\\}":
        return "set"
    return "interval" if n == 2 and brackets != "()" else "tuple"


def _word(text: str) -> tuple[str | None, bool]:
    bare = _TEXT.sub(r"\1", text)
    if not _WORDS.fullmatch(bare) or bare in _CONSTANTS:
        return None, False
    word = bare.lower().strip()
    return word, "\\text" in text or len(word) > _SHORT or word in _SHORT_WORDS


def _plus_and_minus(text: str) -> list[str]:
    """`1\\pm x` as its two values; nothing if it is not two."""
    if text.count("\\pm") != 1:
        return []
    before, after = (part.strip() for part in text.split("\\pm"))
    return [f"{before}+{after}".removeprefix("+"), f"{before}-{after}"]


def _enclosed(text: str) -> tuple[str, str]:
    """(brackets, inside) if the first bracket is closed by the last, else two empty texts."""
    tokens = _TOKEN.findall(text)
    if len(tokens) < 2 or tokens[0] not in _OPENING or tokens[-1] not in _CLOSING:
        return "", ""
    depth = 0
    for k, token in enumerate(tokens):
        depth += _step(token)
        if depth == 0 and k < len(tokens) - 1:
            return "", ""
    return (tokens[0] + tokens[-1], "".join(tokens[1:-1]).strip()) if depth == 0 else ("", "")


def _split(text: str, separators: tuple[str, ...]) -> list[str]:
    """The parts between separators that are in no brackets."""
    parts, depth = [""], 0
    for token in _TOKEN.findall(text):
        depth += _step(token)
        if depth == 0 and token in separators:
            parts.append("")
        else:
            parts[-1] += token
    return [part.strip() for part in parts]


def _step(token: str) -> int:
    if token in _OPENING or token.startswith("\\begin{"):
        return 1
    return -1 if token in _CLOSING or token.startswith("\\end{") else 0


def _depth(text: str) -> int:
    deepest = depth = 0
    for token in _TOKEN.findall(text):
        depth += _step(token)
        deepest = max(deepest, depth)
    return deepest
