"""Finds the final answer in what a policy wrote."""

from __future__ import annotations

import re
from typing import NamedTuple

_BRACES = re.compile(r"\\+(?:begin)?boxed\s*\{|\\+fbox\s*\{|\\.|\{|\}", re.DOTALL)
_HASHES = re.compile(r"####\s*(.+)")
_PHRASE = re.compile(r"[Tt]he (?:final )?answer is:?(.+)")
_ENUMERATION = re.compile(r"^[\s$\\)\]]*(?:,|\Z)|\b(?:and|or)\b")
_MAX_GAP = 40


class _Box(NamedTuple):
    start: int
    inside: int
    end: int


def extract_answer(text: str) -> str | None:
    """The last complete `\\boxed{}`; else what follows the last `####`, or the last "the answer is"."""
    if boxes := _boxes(text):
        return text[boxes[-1].inside : boxes[-1].end].strip() or None
    found: list[str] = _HASHES.findall(text)
    if found:
        return found[-1].strip() or None
    if found := _PHRASE.findall(text):
        return found[-1].partition("I hope")[0].strip().removesuffix(".").strip() or None
    return None


def extract_answers(text: str) -> list[str]:
    """As `extract_answer`, with the boxes that are enumerated with the last: `\\boxed{1} and \\boxed{2}`."""
    boxes = _boxes(text)
    if not boxes:
        found = extract_answer(text)
        return [] if found is None else [found]
    first = len(boxes) - 1
    while first > 0 and _is_enumerated(text, boxes[first - 1], boxes[first]):
        first -= 1
    return [inside for box in boxes[first:] if (inside := text[box.inside : box.end].strip())]


def _is_enumerated(text: str, box: _Box, following: _Box) -> bool:
    gap = text[box.end + 1 : following.start]
    return box.end < following.start <= box.end + _MAX_GAP and _ENUMERATION.search(gap) is not None


def _boxes(text: str) -> list[_Box]:
    """The complete boxes by where they begin, in one pass: text that never closes its boxes costs no more.

    An escaped brace, as in `\\left\\{`, opens and closes nothing.
    """
    found: list[_Box] = []
    opened: list[tuple[int | None, int]] = []
    for brace in _BRACES.finditer(text):
        mark = brace[0]
        if mark == "}":
            if opened:
                start, inside = opened.pop()
                if start is not None:
                    found.append(_Box(start, inside, brace.start()))
        elif mark.endswith("{") and mark != "\\{":
            opened.append((None if mark == "{" else brace.start(), brace.end()))
    return sorted(found)
