"""Whether two readings say the same: True, False, or None where it takes mathematics to tell.

`leaf` is asked about two expressions; it answers None outside the workers (`quick`), so that whatever can be
decided without mathematics is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from tts_select.data.grading.numerals import decimal_comma
from tts_select.data.grading.reading import Reading, read
from tts_select.data.grading.units import are_different_scales

Leaf = Callable[[Reading, Reading], bool | None]

_BASED = re.compile(r"([0-9A-Z]+)_(\d+)")
_UNORDERED = frozenset({"list", "set", "union"})
_ORDERED = frozenset({"list", "tuple", "interval"})


def quick(answer: Reading, gold: Reading) -> bool | None:
    """What can be told without mathematics: in microseconds."""
    return compare(answer, gold, lambda _, __: None)


def compare(answer: Reading, gold: Reading, leaf: Leaf) -> bool | None:
    """Whether they are equivalent, by the conventions of docs/grading.md."""
    if answer.text == gold.text or not (answer.text and gold.text):
        return answer.text == gold.text
    if (other := _by_another_reading(answer, gold, leaf)) is not None:
        return other
    kinds = {answer.kind, gold.kind}
    if "prose" in kinds:
        return leaf(answer, gold)
    if kinds == {"value"}:
        return _values(answer, gold, leaf)
    return (_value_and_sequence if "value" in kinds else _sequences)(answer, gold, leaf)


def _by_another_reading(answer: Reading, gold: Reading, leaf: Leaf) -> bool | None:
    """ "1,22" is a decimal beside a number; "1,234" is a list beside a list of two."""
    for one, other in ((answer, gold), (gold, answer)):
        if one.kind == "list" and other.numeral is not None:
            decimal = decimal_comma(one.text)
            return None if decimal is None else decimal.equals(other.numeral)
        if one.numeral is not None and other.kind == "list" and other.items:
            parts = one.text.split(",")
            if len(parts) == len(other.items) > 1:
                return _unordered([read(part) for part in parts], other.items, leaf)
    return None


def _values(answer: Reading, gold: Reading, leaf: Leaf) -> bool | None:
    if answer.name and gold.name and answer.name != gold.name:
        return leaf(answer, gold)
    if are_different_scales(answer.unit, gold.unit):
        return False
    if answer.numeral is not None and gold.numeral is not None:
        return answer.numeral.equals(gold.numeral)
    if answer.value == gold.value:
        return True
    for decide in (_choices, _words, _bases):
        if (found := decide(answer, gold)) is not None:
            return found
    return leaf(answer, gold)


def _choices(answer: Reading, gold: Reading) -> bool | None:
    """(B), with or without what it says, is the letter B."""
    a, b = answer.choice, gold.choice
    if a is not None and b is not None:
        return a == b
    if a is not None and len(gold.value) == 1 and gold.value.isalpha():
        return a == gold.value.upper()
    if b is not None and len(answer.value) == 1 and answer.value.isalpha():
        return b == answer.value.upper()
    return None


def _words(answer: Reading, gold: Reading) -> bool | None:
    if answer.word is not None and gold.word is not None:
        if answer.word == gold.word:
            return len(answer.word) > 1 or None  # x and X are two variables
        return False if answer.is_surely_word or gold.is_surely_word else None
    if (answer.word is None) == (gold.word is None):
        return None
    number = gold.numeral if gold.word is None else answer.numeral
    return False if number is not None else None


def _bases(answer: Reading, gold: Reading) -> bool | None:
    """2516_8 is itself, with its base or without, and in no other base."""
    a, b = _BASED.fullmatch(answer.value), _BASED.fullmatch(gold.value)
    if a is not None and b is not None:
        return a.groups() == b.groups()
    if a is None and b is None:
        return None
    digits, other = (a[1], gold.value) if a is not None else (b[1] if b else "", answer.value)
    return digits == other


def _value_and_sequence(answer: Reading, gold: Reading, leaf: Leaf) -> bool | None:
    value, sequence = (answer, gold) if answer.kind == "value" else (gold, answer)
    if sequence.kind == "set" and len(sequence.items) == 1:
        return compare(value, sequence.items[0], leaf)
    if value.numeral is not None or value.is_surely_word:
        return False
    return leaf(answer, gold)


def _sequences(answer: Reading, gold: Reading, leaf: Leaf) -> bool | None:
    kinds = {answer.kind, gold.kind}
    if kinds == {"matrix"}:
        same_shape = answer.brackets == gold.brackets
        return same_shape and _ordered(answer.items, gold.items, leaf)
    if "union" in kinds or "matrix" in kinds:
        if len(kinds) == 1 and _unordered(answer.items, gold.items, leaf):
            return True
        return leaf(answer, gold)
    if kinds <= _UNORDERED:
        return _unordered(answer.items, gold.items, leaf)
    if not kinds <= _ORDERED or not _have_like_brackets(answer, gold):
        return False
    return _ordered(answer.items, gold.items, leaf)


def _have_like_brackets(answer: Reading, gold: Reading) -> bool:
    a, b = answer.brackets, gold.brackets
    if "list" in (answer.kind, gold.kind):
        return {a, b} <= {"", "{}", "()", "[]"}
    return a == b or {answer.kind, gold.kind} == {"tuple"}


def _ordered(answers: Sequence[Reading], golds: Sequence[Reading], leaf: Leaf) -> bool | None:
    if len(answers) != len(golds):
        return False
    return _all(compare(a, g, leaf) for a, g in zip(answers, golds, strict=True))


def _unordered(answers: Sequence[Reading], golds: Sequence[Reading], leaf: Leaf) -> bool | None:
    """Each has a partner of its own; which of several does not matter, since what equals one equals all."""
    left = list({a.text: a for a in answers}.values())
    wanted = list({g.text: g for g in golds}.values())
    if len(left) != len(wanted):
        return False
    if _only_one_side_is_named(
        wanted, left
    ):  # names tell which is which, and the other side follows their order
        return _ordered(answers, golds, leaf)
    open_ones = False
    for gold in wanted:
        found = [compare(a, gold, leaf) for a in left]
        if True in found:
            del left[found.index(True)]
        elif None in found:
            open_ones = True
        else:
            return False
    return None if open_ones else True


def _only_one_side_is_named(side: Sequence[Reading], other: Sequence[Reading]) -> bool:
    names, others = ([item.name for item in items if item.name] for items in (side, other))
    all_named = names or others
    return not (names and others) and len(set(all_named)) == len(side) > 1


def _all(found: Iterable[bool | None]) -> bool | None:
    is_open = False
    for one in found:
        if one is False:
            return False
        is_open = is_open or one is None
    return None if is_open else True
