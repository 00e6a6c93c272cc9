"""The list of a page: a line a problem, in columns, so that ten thousand of them stay small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from tts_select.solving.batch import wilson
from tts_select.tracing.bounds import cut

QUESTION_LENGTH = 140
"""Characters of a problem that its line shows."""
CONFIDENCES = tuple(k / 20 for k in range(20))
"""Least confidences at which answers are withheld in the frontier of a batch."""


class Flag(IntFlag):
    """What a filter looks for."""

    WRONG = 1
    OVERSPENT = 2
    """The same was to be had for half of it."""
    EARLY = 4
    """Stopped and wrong, where more would have helped or was thought to."""
    CUT = 8
    """A solution ran out of tokens."""
    NO_ANSWER = 16


NOTHING = Flag(0)


def filters_of(*flags: Flag) -> dict[str, int]:
    """The filters of a page: their bits by their names."""
    return {str(flag.name).lower(): int(flag) for flag in flags}


@dataclass(frozen=True, slots=True)
class Line:
    """What came out of a problem: `cost` is in the unit of the page, None where it is not known."""

    answer: str | None
    correct: bool | None
    confidence: float | None
    cost: float | None
    flags: Flag


def problems(asked: Sequence[tuple[str, str, str | None]]) -> dict[str, list[Any]]:
    """The columns that no price changes, from (id, text, known answer)."""
    return {
        "id": [id_ for id_, _, _ in asked],
        "question": [" ".join(cut(text, QUESTION_LENGTH).split()) for _, text, _ in asked],
        "gold": [gold for _, _, gold in asked],
    }


def columns(lines: Sequence[Line], **facts: Any) -> dict[str, Any]:
    """What came out of all problems, at one price."""
    return {
        **facts,
        "answer": [line.answer for line in lines],
        "correct": [line.correct for line in lines],
        "confidence": [None if line.confidence is None else round(line.confidence, 4) for line in lines],
        "cost": [line.cost for line in lines],
        "flags": [int(line.flags) for line in lines],
    }


def line_of(record: Mapping[str, Any], more: Flag = NOTHING) -> Line:
    """The line of a trace, or of a result: its cost is in generated tokens."""
    correct, answer = record["problem"]["correct"], record["answer"]
    found = more
    if correct is False and answer is not None:
        found |= Flag.WRONG
    if answer is None:
        found |= Flag.NO_ANSWER
    if record.get("n_cut"):
        found |= Flag.CUT
    cost = (record.get("bill") or {}).get("policy_generated_tokens")
    return Line(answer, correct, record.get("confidence"), cost, found)


def coverage(lines: Sequence[Line]) -> dict[str, Any] | None:
    """Accuracy against the share that is answered, for every least confidence; None where nothing was
    graded."""
    graded = [line for line in lines if line.correct is not None]
    points = []
    for least in CONFIDENCES:
        given = [line for line in graded if line.answer is not None and (line.confidence or 0.0) >= least]
        if given:
            accuracy, low, high = wilson(sum(bool(line.correct) for line in given), len(given))
            point = {"accuracy": accuracy, "low": low, "high": high, "cost": len(given) / len(graded)}
            points.append({**point, "label": f"least confidence {least:.2f}, {len(given):,} answered"})
    if not points:
        return None
    return {
        "title": "Accuracy by least confidence",
        "x": "share that is answered",
        "is_log": False,
        "series": [{"name": "answers that are sure enough", "kind": "router", "points": points}],
    }
