"""Grades pairs of answers: what is known, then what is quick, then what needs a worker."""

from __future__ import annotations

import importlib.metadata
import re
import threading
from collections.abc import Iterable, Sequence
from typing import Literal

from tts_select.data.grading import workers
from tts_select.data.grading.comparing import quick
from tts_select.data.grading.extraction import find_answer
from tts_select.data.grading.reading import read

_VERIFIER = ".".join(importlib.metadata.version("math-verify").split(".")[:2])
GRADER = f"conventions@3+math-verify@{_VERIFIER}"
"""Names this grading in artifacts: a router is valid for the grading that it was trained with."""

Verdict = Literal["equivalent", "different", "cannot be graded"]
Pair = tuple[str | None, str | None]
Essence = tuple[str, str]

_MAX_KNOWN = 16_384
_SOLUTION = re.compile(r"boxed|fbox|####|nswer|</?think|\n\s*\n")
_SAID = frozenset({"box", "phrase", "####"})

_lock = threading.Lock()
_known: dict[tuple[Essence, bool], Verdict] = {}


def is_equivalent(answer: str | None, gold: str | None, *, strict: bool = False) -> bool:
    """Whether an answer (or a solution that holds one) is the gold answer, written in whatever way.

    None, no answer, is equivalent to nothing, and neither is what cannot be graded. No text raises.
    `strict` is for benchmarks that want answers as they are written (docs/grading.md).

    >>> is_equivalent("0.5", r"\\frac12"), is_equivalent("x=5", "$5$"), is_equivalent("(1,2)", "(2,1)")
    (True, True, False)

    Raises:
        BackendError: the grading workers cannot start.
    """
    return grade([(answer, gold)], strict=strict)[0] == "equivalent"


def are_equivalent(pairs: Iterable[Pair]) -> list[bool]:
    """`is_equivalent` of many (answer, gold), the hard ones side by side on all cores.

    Raises:
        BackendError: the grading workers cannot start.
    """
    return [verdict == "equivalent" for verdict in grade(pairs)]


def grade(pairs: Iterable[Pair], *, strict: bool = False) -> list[Verdict]:
    """A verdict for each (answer, gold).

    "cannot be graded": too long or too deeply nested to look at, or not decided within the time and memory
    that a worker has for one pair.

    Raises:
        BackendError: the grading workers cannot start.
    """
    asked = [None if a is None or g is None else essence(a, g) for a, g in pairs]
    told = {pair: quick_verdict(pair, strict=strict) for pair in asked if pair is not None}
    hard = [pair for pair, verdict in told.items() if verdict is None]
    told |= zip(hard, judge(hard, strict=strict), strict=True)
    return ["different" if pair is None else told[pair] or "different" for pair in asked]


def essence(answer: str, gold: str) -> Essence:
    """The two answers themselves, where either is a solution that holds one."""
    return answer_in(answer), answer_in(gold)


def answer_in(text: str) -> str:
    """The answer itself, if this is a solution that says it."""
    if not _SOLUTION.search(text):
        return text
    found = find_answer(text)
    return found.answer if found and found.rule in _SAID else text


def quick_verdict(pair: Essence, *, strict: bool = False) -> Verdict | None:
    """What is known, or can be told without mathematics."""
    if (known := _known.get((pair, strict))) is not None:
        return known
    answer, gold = map(read, pair)
    if answer.text == gold.text:
        return "equivalent"
    if "opaque" in (answer.kind, gold.kind):
        return "cannot be graded"
    same = quick(answer, gold, strict=strict)
    return None if same is None else "equivalent" if same else "different"


def judge(pairs: Sequence[Essence], *, strict: bool = False) -> list[Verdict]:
    """Ask the workers.

    Raises:
        BackendError: they cannot start.
    """
    found = workers.judge(pairs, strict=True) if strict else workers.judge(pairs)
    return [verdict_of(pair, same, strict=strict) for pair, same in zip(pairs, found, strict=True)]


def verdict_of(pair: Essence, same: bool | None, *, strict: bool = False) -> Verdict:
    """The verdict that a worker's finding is, which is kept for the next time."""
    verdict: Verdict = "cannot be graded" if same is None else "equivalent" if same else "different"
    with _lock:
        if len(_known) >= _MAX_KNOWN:
            del _known[next(iter(_known))]
        _known[pair, strict] = verdict
    return verdict
