"""Grades pairs of answers: what is known, then what is quick, then what needs a worker."""

from __future__ import annotations

import importlib.metadata
import re
import threading
from collections.abc import Iterable, Sequence
from typing import Literal

from tts_select.data.grading import workers
from tts_select.data.grading.comparing import quick
from tts_select.data.grading.extraction import extract_answers
from tts_select.data.grading.reading import read

_VERIFIER = ".".join(importlib.metadata.version("math-verify").split(".")[:2])
GRADER = f"conventions@2+math-verify@{_VERIFIER}"
"""Names this grading in artifacts: a router is valid for the grading that it was trained with."""

Verdict = Literal["equivalent", "different", "cannot be graded"]
Pair = tuple[str | None, str | None]

NO_ANSWER = -1
_MAX_KNOWN = 16_384
_PLAIN = re.compile(r"0|-?[1-9][0-9]*")
"""An integer that is written in its one plain way: another one is another number."""

_lock = threading.Lock()
_known: dict[tuple[str, str], Verdict] = {}


def is_equivalent(answer: str | None, gold: str | None) -> bool:
    """Whether an answer (or a solution that holds one) is the gold answer, written in whatever way.

    None, no answer, is equivalent to nothing, and neither is what cannot be graded. No text raises.

    >>> is_equivalent("0.5", r"\\frac12"), is_equivalent("x=5", "$5$"), is_equivalent("(1,2)", "(2,1)")
    (True, True, False)

    Raises:
        BackendError: the grading workers cannot start.
    """
    return grade([(answer, gold)])[0] == "equivalent"


def are_equivalent(pairs: Iterable[Pair]) -> list[bool]:
    """`is_equivalent` of many (answer, gold), the hard ones side by side on all cores.

    Raises:
        BackendError: the grading workers cannot start.
    """
    return [verdict == "equivalent" for verdict in grade(pairs)]


def grade(pairs: Iterable[Pair]) -> list[Verdict]:
    """A verdict for each (answer, gold).

    "cannot be graded": too long or too deeply nested to look at, or not decided within the time and memory
    that a worker has for one pair.

    Raises:
        BackendError: the grading workers cannot start.
    """
    asked = [_essence(pair) for pair in pairs]
    found = {pair: verdict for pair in asked if pair is not None and (verdict := _quick_verdict(pair))}
    open_pairs = [pair for pair in dict.fromkeys(asked) if pair is not None and pair not in found]
    for pair, same in zip(open_pairs, workers.judge(open_pairs), strict=True):
        found[pair] = "cannot be graded" if same is None else "equivalent" if same else "different"
        _remember(pair, found[pair])
    return ["different" if pair is None else found[pair] for pair in asked]


def group_equivalent(answers: Sequence[str | None]) -> list[int]:
    """A number for each answer, the same for equivalent ones, in the order of the first of each; -1 for None.

    >>> group_equivalent(["0.5", "x", None, "1/2", r"\\frac12"])
    [0, 1, -1, 0, 0]

    Raises:
        BackendError: the grading workers cannot start.
    """
    group_of: dict[str, int] = {}
    left = list(dict.fromkeys(answer for answer in answers if answer is not None))
    for group in range(len(left)):
        if not left:
            break
        first, *others = left
        open_ = others if not _PLAIN.fullmatch(first) else [o for o in others if not _PLAIN.fullmatch(o)]
        same = are_equivalent((other, first) for other in open_)
        members = {first, *(o for o, is_same in zip(open_, same, strict=True) if is_same)}
        group_of |= dict.fromkeys(members, group)
        left = [other for other in others if other not in members]
    return [NO_ANSWER if answer is None else group_of[answer] for answer in answers]


def _essence(pair: Pair) -> tuple[str, str] | None:
    answer, gold = pair
    return None if answer is None or gold is None else (_answer_in(answer), _answer_in(gold))


def _answer_in(text: str) -> str:
    """The answer itself, if this is a solution that holds one."""
    if "\\" not in text and "#" not in text and "nswer" not in text:
        return text
    return ", ".join(extract_answers(text)) or text


def _quick_verdict(pair: tuple[str, str]) -> Verdict | None:
    if (known := _known.get(pair)) is not None:
        return known
    answer, gold = map(read, pair)
    if answer.text == gold.text:
        return "equivalent"
    if "opaque" in (answer.kind, gold.kind):
        return "cannot be graded"
    same = quick(answer, gold)
    return None if same is None else "equivalent" if same else "different"


def _remember(pair: tuple[str, str], verdict: Verdict) -> None:
    with _lock:
        if len(_known) >= _MAX_KNOWN:
            del _known[next(iter(_known))]
        _known[pair] = verdict
