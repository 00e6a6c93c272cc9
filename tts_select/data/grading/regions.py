"""Sets of real numbers, however they are written: intervals, unions, inequalities, set-builder forms."""

from __future__ import annotations

import itertools
import re
from fractions import Fraction
from typing import NamedTuple

from tts_select.data.grading.numerals import numeral
from tts_select.data.grading.splitting import enclosed, split, split_with


class Span(NamedTuple):
    """From `low` to `high`, texts; a point where they are the same."""

    low: str
    high: str
    has_low: bool
    has_high: bool


class Region(NamedTuple):
    """The union of spans, of a variable, which is empty where none is named."""

    variable: str
    spans: tuple[Span, ...]


_MINUS, _PLUS = "-\\infty", "\\infty"
_REALS = Span(_MINUS, _PLUS, False, False)
_RELATIONS = ("<", ">", "\\le", "\\ge", "\\ne", "=")
_FLIPPED = {"<": ">", ">": "<", "\\le": "\\ge", "\\ge": "\\le", "\\ne": "\\ne", "=": "="}
_VARIABLE = re.compile(r"\\?[a-zA-Z]+(?:_\w|_\{\w+\})?'*(?:\([a-z]\))?")
_SCALED = re.compile(r"(-|-?\d{1,15}(?:\.\d{1,15})?)\*?([a-zA-Z](?:_\w)?)")
_SET_BUILDER = re.compile(
    r"\\\{ ?(?P<variable>\\?[a-zA-Z]+)(?: ?\\in ?\\mathbb\{R\}| ?\\in ?R)?"
    r" ?(?:\\mid|\||:) ?(?P<condition>.*?)\\\}"
)
_MEMBER = re.compile(r"(?P<variable>\\?[a-zA-Z](?:_\w)?(?:\([a-z]\))?) ?\\in ?(?P<set>.+)")
_ALL_REAL = re.compile(
    r"(?:\\text\{)?(?:the )?(?:set of )?(?:all|any|every)? ?real(?:s| numbers?| values?)?"
    r"(?: of [a-z]| [a-z])?\}?"
    r"(?: ?(?:\\text\{)? ?(?:except|other than|but|excluding|such that [a-z] ?\\ne)(?: for)?\}?"
    r" ?(?:[a-z]=)?(?P<but>.+))?",
    re.IGNORECASE,
)


def region(text: str) -> Region | None:
    """The region that a rewritten text says; None also for what may be a point or a pair, such as `(1,2)`."""
    if not re.search(r"[<>]|\\(?:le|ge|ne|in|cup|setminus|mathbb)(?![a-zA-Z])|real", text):
        return None
    if builder := _SET_BUILDER.fullmatch(text):
        found = _conditions(builder["condition"])
        return None if found is None else Region(builder["variable"], found.spans)
    if (member := _MEMBER.fullmatch(text)) and "\\in" not in member["set"].replace("\\infty", ""):
        spans = _union(member["set"])
        if spans is not None:
            return Region(member["variable"], spans)
    if spans := _union(text):
        is_one_pair = len(spans) == 1 and "\\cup" not in text and enclosed(text)[0]
        return None if is_one_pair else Region("", spans)
    return _conditions(text) if re.search(r"[<>]|\\(?:le|ge|ne)(?![a-zA-Z])", text) else None


def interval(text: str) -> tuple[Span, ...] | None:
    """The one span that `[1,2)` is."""
    if len(text) < 5 or text[0] not in "([" or text[-1] not in ")]":
        return None
    parts = split(text[1:-1], (",", ", ", ";"))
    if len(parts) != 2 or not all(parts):
        return None
    return (Span(parts[0], _bare(parts[1]), text[0] == "[", text[-1] == "]"),)


def _union(text: str) -> tuple[Span, ...] | None:
    found: list[Span] = []
    for part in _split_unions(text):
        spans = _one(part)
        if spans is None:
            return None
        found += spans
    return tuple(found)


def _split_unions(text: str) -> list[str]:
    """At unions outside brackets; brackets of intervals need not match, so `(1,2]` is found by its ends."""
    return [part.strip() for part in re.split(r"\\cup(?![a-zA-Z])", text)]


def _one(part: str) -> tuple[Span, ...] | None:
    if (found := interval(part)) is not None:
        return found
    if (cut := re.fullmatch(r"(.+)\\setminus\\\{([^{}]+)\\\}", part)) and (whole := interval(cut[1])):
        return _cut(whole[0], split(cut[2], (",", ", ")))
    brackets, inside = enclosed(part)
    if brackets == "\\{\\}" and not re.search(r"[|:<>]|\\(?:mid|le|ge|ne)(?![a-z])", inside):
        return tuple(Span(p, p, True, True) for p in split(inside, (",", ", ", ";")))
    if brackets == "()":
        return _union(inside)
    return _reals(part)


def _cut(span: Span, points: list[str]) -> tuple[Span, ...] | None:
    """A span without points, of which those outside change nothing."""
    values = {point: numeral(point) for point in points}
    low, high = (v.value if v else None for v in map(numeral, (span.low, span.high)))
    if None in values.values():
        return None
    inside = sorted((v.value, p) for p, v in values.items() if v and _is_between(v.value, low, high))
    ends = [span.low, *(point for _, point in inside), span.high]
    last = len(ends) - 2
    return tuple(
        Span(a, b, k == 0 and span.has_low, k == last and span.has_high)
        for k, (a, b) in enumerate(itertools.pairwise(ends))
    )


def _is_between(value: Fraction, low: Fraction | None, high: Fraction | None) -> bool:
    return (low is None or low < value) and (high is None or value < high)


def _reals(text: str) -> tuple[Span, ...] | None:
    if text in ("\\mathbb{R}", "R"):
        return (_REALS,) if text != "R" else None
    without = re.fullmatch(r"\\mathbb\{R\}(?:\\setminus|-)\\\{(.+)\\\}", text)
    words = _ALL_REAL.fullmatch(text) if without is None else None
    if without is None and words is None:
        return None
    left_out = without[1] if without else words["but"] if words and words["but"] else ""
    points = split(re.sub(r"\\text\{ ?and ?\}", ",", left_out), (",", ", ", ";", " and ")) if left_out else []
    return _without(points)


def _without(points: list[str]) -> tuple[Span, ...] | None:
    """All reals but these, in the order of their values; of several that have none, the order as given."""
    values = [numeral(point) for point in points]
    if all(value is not None for value in values):
        points = [p for _, p in sorted(zip([v.value for v in values if v], points, strict=True))]
    ends = [_MINUS, *points, _PLUS]
    return tuple(Span(a, b, False, False) for a, b in itertools.pairwise(ends))


def _conditions(text: str) -> Region | None:
    """`x<1 or x>3`, `x\\ge1 and x<2`, `1<x\\le3`."""
    text = re.sub(r"\\text\{ ?(and|or) ?\}", r" \1 ", text)
    found: list[Region] = []
    for alternative in split(text, (" or ",)):
        both = [_chain(part) for part in split(alternative, (" and ", ", ", ",", ";"))]
        known = [one for one in both if one is not None]
        if len(known) < len(both) or len({one.variable for one in known}) != 1:
            return None
        spans = _common([one.spans for one in known])
        if spans is None:
            return None
        found.append(Region(known[0].variable, spans))
    if len({one.variable for one in found}) != 1:
        return None
    return Region(found[0].variable, tuple(span for one in found for span in one.spans))


def _common(regions: list[tuple[Span, ...]]) -> tuple[Span, ...] | None:
    """Of half lines in both directions; of points that are left out, all reals between them."""
    first, *others = regions
    for other in others:
        if (_REALS,) in (first, other):
            first = other if first == (_REALS,) else first
            continue
        if len(first) == len(other) == 1:
            below, above = sorted((first[0], other[0]), key=lambda span: span.low == _MINUS)
            if below.high == _PLUS and above.low == _MINUS:
                first = (Span(below.low, above.high, below.has_low, above.has_high),)
                continue
        points = [span.high for spans in (first, other) for span in spans[:-1]]
        if len(points) != len(first) + len(other) - 2 or not all(
            s[0].low == _MINUS and s[-1].high == _PLUS and len(s) > 1 for s in (first, other)
        ):
            return None
        all_but = _without(points)
        if all_but is None:
            return None
        first = all_but
    return first


def _chain(text: str) -> Region | None:
    """One variable between its bounds, or on one side of one."""
    parts = split_with(text, _RELATIONS)
    operators = [operator for _, operator in parts[1:]]
    members = [_bare(member) for member, _ in parts]
    if (member := _MEMBER.fullmatch(text)) and (spans := _union(member["set"])):
        return Region(member["variable"], spans)
    if not operators or not all(members):
        return None
    if len(members) == 2:
        return _half_line(members, operators[0])
    if len(members) != 3 or "\\ne" in operators or "=" in operators:
        return None
    directions = {operator in ("<", "\\le") for operator in operators}
    if len(directions) != 1 or not _is_variable(members[1]):
        return None
    if directions == {False}:
        members, operators = members[::-1], [_FLIPPED[operator] for operator in operators[::-1]]
    span = Span(members[0], members[2], operators[0] == "\\le", operators[1] == "\\le")
    return _of_absolute(members[1], span)


def _half_line(members: list[str], operator: str) -> Region | None:
    left, right = members
    if _is_variable(right) and not (_is_variable(left) and left > right):
        left, right, operator = right, left, _FLIPPED[operator]
    if (scaled := _SCALED.fullmatch(left)) or (scaled := _SCALED.fullmatch(right)):
        if scaled.string == right:
            right, operator = left, _FLIPPED[operator]
        factor = "-1" if scaled[1] == "-" else scaled[1]
        left, right = scaled[2], _quotient(right, factor)
        operator = _FLIPPED[operator] if factor.startswith("-") else operator
    if not _is_variable(left) or left.strip("|") in right:
        return None
    spans = {
        "<": Span(_MINUS, right, False, False),
        "\\le": Span(_MINUS, right, False, True),
        ">": Span(right, _PLUS, False, False),
        "\\ge": Span(right, _PLUS, True, False),
    }
    if operator == "=":
        return Region(left, (Span(right, right, True, True),))
    if operator in spans:
        return _of_absolute(left, spans[operator])
    return Region(left, (Span(_MINUS, right, False, False), Span(right, _PLUS, False, False)))


def _of_absolute(variable: str, span: Span) -> Region:
    """`|z|` between two bounds is z between them and between their opposites."""
    if not variable.startswith("|"):
        return Region(variable, (span,))
    name = variable.strip("|")
    if span.low == _MINUS:
        return Region(name, (Span(_negative(span.high), span.high, span.has_high, span.has_high),))
    return Region(name, (Span(_negative(span.high), _negative(span.low), span.has_high, span.has_low), span))


def _is_variable(text: str) -> bool:
    bare = text[1:-1] if text.startswith("|") and text.endswith("|") else text
    return _VARIABLE.fullmatch(bare) is not None and bare not in ("e", "\\pi", "\\infty")


def _bare(text: str) -> str:
    return text.removeprefix("+") if text.startswith("+\\infty") else text


def _negative(text: str) -> str:
    if text in (_PLUS, _MINUS):
        return _MINUS if text == _PLUS else _PLUS
    return f"-({text})" if numeral(text) is None else text[1:] if text.startswith("-") else f"-{text}"


def _quotient(text: str, by: str) -> str:
    a, b = numeral(text), numeral(by)
    if a is None or b is None or not b.value:
        return f"({text})/({by})"
    return str(a.value / b.value)
