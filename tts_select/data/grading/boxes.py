"""The complete boxes of a text, and which of them stand together as one answer with parts."""

from __future__ import annotations

import re
from typing import NamedTuple

_BRACES = re.compile(r"\\{1,4}(?:(?:begin)?boxed|fbox)\s*\{|\\.|\{|\}", re.DOTALL)
_BARE = re.compile(r"\\boxed\s+([^\s$\\{}.,]+)")
_MAX_GAP = 60
_MOST_TOGETHER = 50
_WORDS = re.compile(r"[^\W\d_]+")
_LABEL = re.compile(r"[\s.,;$]*\(?(?:[a-h]|[ivx]+|\d)\)\s*[\w\s=:$]*")
_CLOSED = re.compile(r"[\s$\\)\]*.]*")
_JOINED = re.compile(r"[\s$\\)\]*]*[,;]|\b(?:and|or)\b")
_CORRECTED = re.compile(
    r"(?i)\b(?:so|thus|hence|therefore|wait|check|not|no|but|actually|equivalently|alternatively"
    r"|that is|i\.e)\b|="
    r"|[.!?]\s+[A-Z]"
)


class Box(NamedTuple):
    """Where a box begins, and where its contents begin and end."""

    start: int
    inside: int
    end: int


def complete_boxes(text: str) -> list[Box]:
    """The complete boxes by where they begin, in one pass: text that never closes its boxes costs no more.

    An escaped brace, as in `\\left\\{`, opens and closes nothing.
    """
    found: list[Box] = [Box(m.start(), m.start(1), m.end(1)) for m in _BARE.finditer(text)]
    opened: list[tuple[int | None, int]] = []
    for brace in _BRACES.finditer(text):
        mark = brace[0]
        if mark == "}":
            if opened:
                start, inside = opened.pop()
                if start is not None:
                    found.append(Box(start, inside, brace.start()))
        elif mark.endswith("{") and mark != "\\{":
            opened.append((None if mark == "{" else brace.start(), brace.end()))
    return sorted(found)


def last_together(text: str, boxes: list[Box]) -> list[str]:
    """The contents of the last box and of those that are enumerated with it: `\\boxed{1} and \\boxed{2}`."""
    first = len(boxes) - 1
    while first > max(0, len(boxes) - _MOST_TOGETHER) and _stand_together(
        text, boxes[first - 1], boxes[first]
    ):
        first -= 1
    inside = (text[box.inside : box.end].strip() for box in boxes[first:])
    return list(dict.fromkeys(content for content in inside if content))


def _stand_together(text: str, box: Box, following: Box) -> bool:
    if not box.end < following.start <= box.end + _MAX_GAP:
        return False
    gap = text[box.end + 1 : following.start]
    if _LABEL.fullmatch(gap) or _CLOSED.fullmatch(gap):
        return True
    return _JOINED.search(gap) is not None and _CORRECTED.search(_without_names(gap)) is None


def _without_names(gap: str) -> str:
    """`\\boxed{3} and $y = \\boxed{5}$`: a name before the next box corrects nothing."""
    return re.sub(r"[a-zA-Z]\w*(?:\([^()]*\))?\s*(?:=|\\approx)\s*$", "", gap.rstrip("$ "))
