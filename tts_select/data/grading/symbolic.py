"""What takes mathematics to tell: runs in a worker process (`workers`), never in the caller's.

A formula is read as a whole (`formula`) and computed (`evaluation`): exactly where it can be, else with so
many digits that what agrees is equal. Integrals and limits go to math-verify. What neither reads is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from tts_select.data.grading.comparing import are_like_names, compare
from tts_select.data.grading.equality import Answered, are_equal_formulas, are_proportional, rounds
from tts_select.data.grading.formula import Node, formula
from tts_select.data.grading.reading import Reading, read
from tts_select.data.grading.splitting import split_with
from tts_select.data.grading.words import plain_text

_RELATIONS = ("=", "<", ">", "\\le", "\\ge", "\\ne", "\\approx", "\\equiv")
_FLIPPED = {"<": ">", ">": "<", "\\le": "\\ge", "\\ge": "\\le"}
_LIBRARY = re.compile(r"\\(?:sum|prod|int|lim|frac\{d\})(?![a-zA-Z])")
_LETTER = re.compile(r"\\text\{(\w)\}")
"""`8\\text{m}` may be eight times m."""
_KNOWN_COMMANDS = """
sum prod int lim frac sqrt pi infty sin cos tan cot sec csc log ln exp binom to ldots cdot times alpha beta
gamma theta lambda mu sigma phi varphi le ge ne
"""


def are_equal(answer: str, gold: str, strict: bool = False) -> bool | None:
    """Whether two answers are equivalent, with all the mathematics that it takes; None: it cannot be told."""
    unknown: list[bool] = []

    def leaf(a: Reading, g: Reading) -> bool:
        same = _are_equal_expressions(a, g)
        unknown.extend([True] * (same is None))
        return same is True

    same = compare(read(answer), read(gold), leaf, strict=strict)
    return None if same is not True and unknown else same is True


def _are_equal_expressions(answer: Reading, gold: Reading) -> Answered:
    if plain_text(answer.text) == plain_text(gold.text):
        return True
    found: list[Answered] = [_are_equal_texts(a, g) for a, g in _texts(answer, gold)]
    if True in found:
        return True
    if any(map(_is_rounded, (answer, gold), (gold, answer))):
        return True
    return None if None in found else False


def _texts(answer: Reading, gold: Reading) -> Iterator[tuple[str, str]]:
    """The values without their names and in one unit, then the whole texts."""
    are_values = answer.kind == gold.kind == "value" and (
        not (answer.name and gold.name) or are_like_names(answer, gold)
    )
    if are_values:
        yield _scaled(_with_argument_of(gold, answer), gold), _scaled(gold, answer)
    are_whole = are_values and (answer.value, gold.value) == (answer.text, gold.text)
    if not are_whole and not (answer.unit.is_known and gold.unit.is_known):
        yield _LETTER.sub(r"\1", answer.text), _LETTER.sub(r"\1", gold.text)


def _scaled(reading: Reading, other: Reading) -> str:
    value = reading.value
    if not (reading.unit.is_known and other.unit.is_known) or reading.unit.factor == other.unit.factor:
        return value
    return f"({value})*({reading.unit.factor})"


def _with_argument_of(other: Reading, reading: Reading) -> Reading:
    """f(t)=t^2 is f(x)=x^2."""
    a, b = _argument(reading), _argument(other)
    if not a or not b or a == b or b in reading.value:
        return reading
    return replace(reading, value=re.sub(rf"(?<![\\a-zA-Z]){a}(?![a-zA-Z])", b, reading.value))


def _argument(reading: Reading) -> str:
    found = re.fullmatch(r"[a-zA-Z]\w*\(([a-z])\)", reading.name)
    return found[1] if found else ""


def _are_equal_texts(answer: str, gold: str) -> Answered:
    if answer == gold:
        return True
    relations = [split_with(text, _RELATIONS) for text in (answer, gold)]
    if all(len(parts) == 1 for parts in relations):
        a, g = formula(answer), formula(gold)
        if a is not None and g is not None:
            found = are_equal_formulas(a, g)
            if found is not None or not (_is_for_library(answer) or _is_for_library(gold)):
                return found
        return _by_library(answer, gold) if _is_for_library(answer) or _is_for_library(gold) else False
    if len(relations[0]) != len(relations[1]):
        return False
    return _are_equal_relations(*relations)


def _are_equal_relations(answer: list[tuple[str, str]], gold: list[tuple[str, str]]) -> Answered:
    """The same relation between sides of which one difference is a multiple of the other."""
    if len(answer) == 2:
        sides = [[formula(side) for side, _ in parts] for parts in (answer, gold)]
        operators = [parts[1][1] for parts in (answer, gold)]
        if all(side is not None for pair in sides for side in pair):
            a, g = (("+", pair[0], ("negative", pair[1])) for pair in sides)
            factor = are_proportional(a, g)
            if factor is None or isinstance(factor, bool):
                return False if factor is None else factor
            expected = operators[1] if factor > 0 else _FLIPPED.get(operators[1], operators[1])
            return operators[0] == expected
    if [operator for _, operator in answer] != [operator for _, operator in gold]:
        return _are_equal_relations(_turned(answer), gold) if _is_turned(answer, gold) else False
    found = [_are_equal_texts(a, g) for (a, _), (g, _) in zip(answer, gold, strict=True)]
    return False if False in found else None if None in found else True


def _is_turned(answer: list[tuple[str, str]], gold: list[tuple[str, str]]) -> bool:
    turned = [operator for _, operator in _turned(answer)]
    return turned == [operator for _, operator in gold]


def _turned(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    operators = ["", *(_FLIPPED.get(operator, operator) for _, operator in parts[:0:-1])]
    return list(zip([side for side, _ in parts[::-1]], operators, strict=True))


def _is_rounded(decimal: Reading, exact: Reading) -> bool:
    if decimal.numeral is None or exact.numeral is not None or exact.kind != "value":
        return False
    node: Node | None = formula(exact.value)
    return node is not None and rounds(decimal.numeral, node)


def _is_for_library(text: str) -> bool:
    commands = re.findall(r"\\([a-zA-Z]+)", text)
    return _LIBRARY.search(text) is not None and all(name in _KNOWN_COMMANDS.split() for name in commands)


def _by_library(answer: str, gold: str) -> Answered:
    a, g = _parsed(answer), _parsed(gold)
    if a is None or g is None:
        return False
    from math_verify import verify

    return bool(a == g or verify(g, a, timeout_seconds=None))


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Any:
    from latex2sympy2_extended import latex2sympy

    try:
        return latex2sympy(text)
    except Exception:  # noqa: BLE001  its parser raises whatever it likes for what it cannot read
        return None
