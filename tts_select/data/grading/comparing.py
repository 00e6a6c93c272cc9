"""Whether two readings say the same: True, False, or None where it takes mathematics to tell.

`leaf` is asked about two expressions; it answers None outside the workers (`quick`), so that whatever can be
decided without mathematics is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from tts_select.data.grading.numerals import Numeral, decimal_comma
from tts_select.data.grading.reading import Reading, read
from tts_select.data.grading.regions import Region, Span, interval
from tts_select.data.grading.sentences import last_candidate
from tts_select.data.grading.words import plain_text

Leaf = Callable[[Reading, Reading], bool | None]

_BASED = re.compile(r"([0-9A-F]*\d[0-9A-F]*|[A-F]+)_(\d+)")
_RATIO = re.compile(r"(\d+(?:\.\d+)?)(?::(\d+(?:\.\d+)?))+")
_PAIR = re.compile(r"(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)")
_TIME = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")
_UNORDERED = frozenset({"list", "set"})
_ORDERED = frozenset({"list", "tuple", "interval"})
_ROOT = re.compile(r"(\\?[a-zA-Z]+)_\{?\d\}?")


def quick(answer: Reading, gold: Reading, *, strict: bool = False) -> bool | None:
    """What can be told without mathematics: in microseconds."""
    return compare(answer, gold, lambda _, __: None, strict=strict)


def compare(answer: Reading, gold: Reading, leaf: Leaf, *, strict: bool = False) -> bool | None:
    """Whether they are equivalent, by the conventions of docs/grading.md."""
    return _Comparison(leaf, strict).of(answer, gold)


@dataclass(frozen=True, slots=True)
class _Comparison:
    leaf: Leaf
    strict: bool

    def of(self, answer: Reading, gold: Reading) -> bool | None:
        if answer.text == gold.text or not (answer.text and gold.text):
            return answer.text == gold.text
        if (other := self._by_another_reading(answer, gold)) is not None:
            return other
        same = self._by_kind(answer, gold)
        if same is True or not (answer.roundings or gold.roundings):
            return same
        others = [self.of(rounded, gold) for rounded in answer.roundings]
        others += [self.of(answer, rounded) for rounded in gold.roundings]
        return _any((same, *others))

    def _by_kind(self, answer: Reading, gold: Reading) -> bool | None:
        kinds = {answer.kind, gold.kind}
        if answer.choice or gold.choice:
            return self._choices(answer, gold)
        if "prose" in kinds:
            return self._prose(answer, gold)
        if "region" in kinds:
            return self._regions(answer, gold)
        if kinds == {"value"}:
            return self._values(answer, gold)
        return (self._value_and_sequence if "value" in kinds else self._sequences)(answer, gold)

    def _by_another_reading(self, answer: Reading, gold: Reading) -> bool | None:
        """ "1,22" is a decimal beside a number; "1,234" is a list beside a list of two."""
        for one, other in ((answer, gold), (gold, answer)):
            if one.kind == "list" and other.numeral is not None:
                decimal = decimal_comma(one.text)
                if decimal is not None:
                    return self._numerals(decimal, other.numeral)
            if one.numeral is not None and other.kind == "list" and other.items:
                parts = one.text.split(",")
                if len(parts) == len(other.items) > 1:
                    return self._unordered([read(part) for part in parts], other.items)
        return None

    def _choices(self, answer: Reading, gold: Reading) -> bool | None:
        """(B), with or without what it says, is the letter B, or what it says."""
        letters = [r.choice or _letter(r) for r in (answer, gold)]
        if all(letters):
            return letters[0] == letters[1]
        one, other = (answer, gold) if answer.choice else (gold, answer)
        if not one.items:
            return False
        return self.of(one.items[0], other)

    def _prose(self, answer: Reading, gold: Reading) -> bool | None:
        if plain_text(answer.text) == plain_text(gold.text):
            return True
        if answer.kind == gold.kind:
            return False
        prose, other = (answer, gold) if answer.kind == "prose" else (gold, answer)
        if other.is_surely_word:
            return False
        said = last_candidate(prose.source)
        return False if said is None or said == prose.source else self.of(read(said), other)

    def _regions(self, answer: Reading, gold: Reading) -> bool | None:
        a, b = _region_of(answer), _region_of(gold)
        if a is None or b is None:
            return self.leaf(answer, gold) if "value" in (answer.kind, gold.kind) else False
        if self.strict and answer.kind != gold.kind:
            return False
        if a.variable and b.variable and a.variable != b.variable and len(a.variable) == len(b.variable) == 1:
            return False
        return self._spans(a.spans, b.spans)

    def _spans(self, answers: Sequence[Span], golds: Sequence[Span]) -> bool | None:
        left, is_open = list(answers), len(answers) != len(golds)
        if is_open:
            return False
        for gold in golds:
            found = [self._span(span, gold) for span in left]
            if True in found:
                del left[found.index(True)]
            elif None in found:
                is_open = True
            else:
                return False
        return None if is_open else True

    def _span(self, answer: Span, gold: Span) -> bool | None:
        if (answer.has_low, answer.has_high) != (gold.has_low, gold.has_high):
            return False
        return _all(self.of(read(a), read(g)) for a, g in zip(answer[:2], gold[:2], strict=True))

    def _values(self, answer: Reading, gold: Reading) -> bool | None:
        if answer.name and gold.name and not are_like_names(answer, gold):
            return self.leaf(answer, gold)
        for decide in (self._quantities, self._numbers, _same_value, _words, _bases, _ratios):
            if (found := decide(answer, gold)) is not None:
                return found
        return self.leaf(answer, gold)

    def _numbers(self, answer: Reading, gold: Reading) -> bool | None:
        if answer.numeral is None or gold.numeral is None:
            return None
        return self._numerals(answer.numeral, gold.numeral)

    def _quantities(self, answer: Reading, gold: Reading) -> bool | None:
        """Other units are other answers, alike ones are converted; a unit beside none is left out."""
        if answer.unit.measures_other(gold.unit):
            return False
        if self.strict and bool(answer.unit) != bool(gold.unit):
            return False
        if answer.numeral is None or gold.numeral is None or answer.unit.factor == gold.unit.factor:
            return None
        if not (answer.unit.is_known and gold.unit.is_known):
            return None
        return answer.numeral.value * answer.unit.factor == gold.numeral.value * gold.unit.factor

    def _numerals(self, answer: Numeral, gold: Numeral) -> bool:
        if not self.strict:
            return answer.equals(gold)
        return answer.value == gold.value and answer.is_percent == gold.is_percent

    def _value_and_sequence(self, answer: Reading, gold: Reading) -> bool | None:
        value, sequence = (answer, gold) if answer.kind == "value" else (gold, answer)
        if sequence.kind == "set" and len(sequence.items) == 1:
            return self.of(value, sequence.items[0])
        if sequence.kind == "list" and _all(self.of(item, value) for item in sequence.items):
            return True
        if letters := re.fullmatch(r"[A-J]{2,}", value.value):
            return sorted(letters[0]) == sorted(_letter(item) or "" for item in sequence.items)
        if value.numeral is not None or value.is_surely_word:
            return False
        return self.leaf(answer, gold)

    def _sequences(self, answer: Reading, gold: Reading) -> bool | None:
        kinds = {answer.kind, gold.kind}
        if kinds == {"matrix"}:
            same_shape = answer.brackets == gold.brackets
            return same_shape and self._ordered(answer.items, gold.items)
        if "matrix" in kinds:
            matrix, other = (answer, gold) if answer.kind == "matrix" else (gold, answer)
            is_vector = re.fullmatch(r"\d+x1|1x\d+", matrix.brackets) and other.kind in _ORDERED
            return bool(is_vector) and self._ordered(answer.items, gold.items)
        if kinds <= _UNORDERED or (_are_all_named(answer) and _are_all_named(gold)):
            if self.strict and kinds == {"list"}:
                return self._ordered(answer.items, gold.items)
            return self._unordered(answer.items, gold.items)
        if not kinds <= _ORDERED or not _have_like_brackets(answer, gold):
            return False
        return self._ordered(answer.items, gold.items)

    def _ordered(self, answers: Sequence[Reading], golds: Sequence[Reading]) -> bool | None:
        if len(answers) != len(golds):
            return False
        if self.strict and not all(map(_are_alike_fractions, answers, golds)):
            return False
        return _all(self.of(a, g) for a, g in zip(answers, golds, strict=True))

    def _unordered(self, answers: Sequence[Reading], golds: Sequence[Reading]) -> bool | None:
        """Each has a partner of its own; of several it does not matter which: what equals one equals all."""
        answers, golds = _without_indices(answers, golds), _without_indices(golds, answers)
        left = list({(a.name, a.text): a for a in answers}.values())
        wanted = list({(g.name, g.text): g for g in golds}.values())
        if len(left) != len(wanted):
            return False
        if _only_one_side_is_named(wanted, left):
            # names tell which is which, and the other side follows their order
            return self._ordered(answers, golds)
        if {a.name for a in left} == {g.name for g in wanted} and all(a.name for a in left):
            left, wanted = sorted(left, key=_by_name), sorted(wanted, key=_by_name)
            if len({a.name for a in left}) == len(left):
                return self._ordered(left, wanted)
        is_open = False
        for gold in wanted:
            found = [self.of(a, gold) for a in left]
            if True in found:
                del left[found.index(True)]
            elif None in found:
                is_open = True
            else:
                return False
        return None if is_open else True


def _without_indices(side: Sequence[Reading], other: Sequence[Reading]) -> Sequence[Reading]:
    """x_1 and x_2 are two values of x, where that is how the other side calls them."""
    roots = [_ROOT.fullmatch(item.name) for item in side]
    names = {root[1] if root else "" for root in roots}
    if len(names) != 1 or names == {""} or any(_ROOT.fullmatch(item.name) for item in other):
        return side
    return [replace(item, name=next(iter(names)), text=item.value) for item in side]


def _letter(reading: Reading) -> str | None:
    bare = re.sub(r"\\text\{(\w)\}", r"\1", reading.value).strip("().: ")
    return bare.upper() if len(bare) == 1 and bare.isalpha() else None


def are_like_names(answer: Reading, gold: Reading) -> bool:
    """`f(x)` is f whatever its argument is called, and y is what a function is often called."""
    if answer.name == gold.name:
        return True
    a, g = (re.fullmatch(r"([a-zA-Z]\w*)(?:\(([a-z])\))?", r.name) for r in (answer, gold))
    if a is None or g is None or not (a[2] or g[2]):
        return False
    if a[1] == g[1]:
        return True
    return {a[1], g[1]} >= {"y"} and bool(a[2]) != bool(g[2])


def _region_of(reading: Reading) -> Region | None:
    if reading.region is not None:
        return reading.region
    if reading.word == "all real numbers":
        return Region("", (Span("-\\infty", "\\infty", False, False),))
    if reading.kind in ("interval", "tuple"):
        spans = interval(reading.value)
        return None if spans is None else Region(reading.name, spans)
    if reading.kind in ("set", "list") and all(item.kind == "value" for item in reading.items):
        return Region(reading.name, tuple(Span(i.text, i.text, True, True) for i in reading.items))
    return None


def _same_value(answer: Reading, gold: Reading) -> bool | None:
    are_alike = answer.unit.factor == gold.unit.factor or not (answer.unit.is_known and gold.unit.is_known)
    return True if answer.value == gold.value and are_alike else None


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


def _ratios(answer: Reading, gold: Reading) -> bool | None:
    """2:3 is 4:6; a time of day is itself."""
    texts = [r.value.replace(" ", "") for r in (answer, gold)]
    for text, other in (texts, (gold, answer)), (texts[::-1], (answer, gold)):
        if (
            (both := _PAIR.fullmatch(text[0]))
            and not _TIME.fullmatch(text[0])
            and other[0].numeral is not None
        ):
            return Fraction(both[1]) == other[0].numeral.value * Fraction(both[2])
    if not all(_RATIO.fullmatch(text) for text in texts):
        return None
    if any(_TIME.fullmatch(text) for text in texts):
        return texts[0].lstrip("0") == texts[1].lstrip("0")
    a, g = ([float(part) for part in text.split(":")] for text in texts)
    return len(a) == len(g) and all(x * g[0] == y * a[0] for x, y in zip(a, g, strict=True))


def _are_alike_fractions(answer: Reading, gold: Reading) -> bool:
    """Where one is a fraction in its lowest terms, so has to be the other."""
    fractions = [re.sub(r"\\frac\{(-?\d+)\}\{(\d+)\}", r"\1/\2", r.value) for r in (answer, gold)]
    both = all(re.fullmatch(r"-?\d+/\d+", f) for f in fractions)
    return not both or fractions[0] == fractions[1]


def _are_all_named(reading: Reading) -> bool:
    return bool(reading.items) and all(item.name for item in reading.items)


def _by_name(reading: Reading) -> str:
    return reading.name


def _have_like_brackets(answer: Reading, gold: Reading) -> bool:
    a, b = answer.brackets, gold.brackets
    if "list" in (answer.kind, gold.kind):
        return {a, b} <= {"", "{}", "()", "[]"}
    return a == b or {answer.kind, gold.kind} == {"tuple"}


def _only_one_side_is_named(side: Sequence[Reading], other: Sequence[Reading]) -> bool:
    names, others = ([item.name for item in items if item.name] for items in (side, other))
    all_named = names or others
    if (names and others) or len(set(all_named)) != len(side) or len(side) < 2:
        return False
    roots = [_ROOT.fullmatch(name) for name in all_named]
    return not (all(roots) and len({root[1] for root in roots if root}) == 1)


def _all(found: Iterable[bool | None]) -> bool | None:
    is_open = False
    for one in found:
        if one is False:
            return False
        is_open = is_open or one is None
    return None if is_open else True


def _any(found: Sequence[bool | None]) -> bool | None:
    return True if True in found else None if None in found else False
