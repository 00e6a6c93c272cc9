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
_MAX_ITEMS = 200

Kind = Literal["value", "list", "set", "tuple", "interval", "union", "matrix", "prose", "opaque"]

_OPENING, _CLOSING = ("(", "[", "{", "\\{", "\\begin"), (")", "]", "}", "\\}", "\\end")
_TOKEN = re.compile(
    r"\\begin\{[^{}]*\}|\\end\{[^{}]*\}|\\[a-zA-Z]+|\\.|[()\[\]{}]|, | and | or |.", re.DOTALL
)
_PLAIN = re.compile(r"[-+]?\d{1,40}")
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


@lru_cache(maxsize=16_384)
def read(source: str) -> Reading:
    """Take an answer apart; whatever is too long or nested too deeply is opaque."""
    bare = source.strip()
    if _PLAIN.fullmatch(bare):
        return _plain(source, bare)
    if len(bare) > MAX_CHARS or _depth(bare) > MAX_DEPTH:
        return Reading(source, " ".join(bare.split()), "opaque")
    text = rewritten(bare)
    return Reading(source, text, "prose") if is_prose(bare) else _taken_apart(source, text)


def is_prose(text: str) -> bool:
    """Whether it is a sentence with mathematics in it, rather than mathematics or words alone."""
    if not _MATHEMATICS.search(text):
        return False
    bare = _NOT_PROSE.sub(" ", text)
    return _LABEL.match(bare) is not None or len(_LONG_WORD.findall(bare)) > 1


def _plain(source: str, bare: str) -> Reading:
    return Reading(source, bare.removeprefix("+"), value=bare, numeral=numeral(bare))


def _taken_apart(source: str, text: str) -> Reading:
    if (matrix := _MATRIX.fullmatch(text)) is not None:
        return _matrix(source, text, matrix[2])
    name, value = assigned(text)
    if (found := numeral(value)) is not None:
        return Reading(source, text, name=name, value=value, numeral=found)
    if (union := _split(value, ("\\cup",))) and len(union) > 1:
        return Reading(source, text, "union", _items(union), name=name, value=value)
    if (parts := _split(text, (", ", ";", " and ", " or "))) and len(parts) > 1:
        return Reading(source, text, "list", _items(parts))
    enclosed = _enclosed(value)
    if enclosed is not None:
        brackets, inside = enclosed
        parts = _split(inside, (", ", ",", ";"))
        if len(parts) > 1 or brackets in ("\\{\\}", "{}"):
            return Reading(source, text, _kind(brackets, len(parts)), _items(parts), brackets, name, value)
        if brackets in ("()", "{}") and inside and not _CHOICE.fullmatch(value):
            return _taken_apart(source, f"{name}={inside}" if name else inside)
    parts = _split(text, (",", ";"))
    if 1 < len(parts) <= _MAX_ITEMS:
        return Reading(source, text, "list", _items(parts))
    return _value(source, text, name, value)


def _value(source: str, text: str, name: str, value: str) -> Reading:
    if (both := _plus_and_minus(value)) is not None:
        return Reading(source, text, "list", _items(both), name=name, value=value)
    bare, unit = without_unit(value)
    if unit and (inner := _enclosed(bare)) is not None and "," in inner[1]:
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
    flat = [i for item in found for i in (item.items if item.kind == "list" else (item,))]
    return tuple(flat[:_MAX_ITEMS])


def _kind(brackets: str, n: int) -> Kind:
    if brackets == "{}":  # LaTeX braces group, and say nothing
        return "list"
    if brackets == "\\{\\}":
        return "set"
    return "interval" if n == 2 and brackets != "()" else "tuple"  # noqa: PLR2004  an interval has two ends


def _matrix(source: str, text: str, inside: str) -> Reading:
    rows = [_split(row, ("&",)) for row in inside.split("\\cr") if row.strip()]
    shape = f"{len(rows)}x{max(map(len, rows), default=0)}"
    cells = tuple(_taken_apart(cell, cell) for row in rows for cell in row)
    return Reading(source, text, "matrix", cells, shape, value=text)


def _word(text: str) -> tuple[str | None, bool]:
    bare = _TEXT.sub(r"\1", text)
    if not _WORDS.fullmatch(bare) or bare in _CONSTANTS:
        return None, False
    return bare.lower().strip(), "\\text" in text or len(bare) > _SHORT


def _plus_and_minus(text: str) -> list[str] | None:
    """`1\\pm x` as its two values."""
    if text.count("\\pm") != 1:
        return None
    before, after = text.split("\\pm")
    return [f"{before}+{after.strip()}".removeprefix("+"), f"{before}-{after.strip()}"]


def _enclosed(text: str) -> tuple[str, str] | None:
    """(brackets, inside) if the first bracket is closed by the last."""
    tokens = _TOKEN.findall(text)
    if len(tokens) < 2 or tokens[0] not in _OPENING or tokens[-1] not in _CLOSING:  # noqa: PLR2004  two brackets
        return None
    depth = 0
    for k, token in enumerate(tokens):
        depth += _step(token)
        if depth == 0 and k < len(tokens) - 1:
            return None
    return (tokens[0] + tokens[-1], "".join(tokens[1:-1]).strip()) if depth == 0 else None


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
