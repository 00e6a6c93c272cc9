"""One sample as a log tells of it, before it is known what it shares with others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Entry:
    """One sample of a log; what is not known is None."""

    id: str
    """The id of the problem."""
    model: str
    prompt: str | None = None
    """Samples with different prompts are of different policies."""
    number: str | None = None
    """Two samples of a policy for a problem with the same number are the same."""
    text_hash: str | None = None
    """Two samples with the same text are the same, too."""
    problem: str = ""
    gold: str | None = None
    level: int | None = None
    family: str | None = None
    answer: str | None = None
    correct: bool | None = None
    n_tokens: int | None = None
    n_chars: int | None = None
    prompt_tokens: int | None = None
    logprob: float | None = None
    certainty: float | None = None
    finish: str | None = None
    text: str | None = None
    scores: dict[str, list[float]] = field(default_factory=dict)
    """The scores by PRM, one for each step, each in [0, 1]."""


class Row(NamedTuple):
    """A row of a file, or a part of one; where it cannot be used `entry` is None and `complaint` says why."""

    place: str
    entry: Entry | None
    complaint: str = ""
    attempt: Entry | None = None
    """The entry of a sample that failed: another attempt at it may have gone well."""
