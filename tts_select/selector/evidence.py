"""What is known about a problem so far, as plain values: its text, scored samples, and what searches found.

The same values come from a live search and from a sweep log, so a router is trained and replayed on exactly
what it will see.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tts_select.core.arm import Arm
from tts_select.core.plan import Aggregation, Selection
from tts_select.core.voting import aggregate

NO_ANSWER = -1


@dataclass(frozen=True, slots=True)
class Observed:
    """One solution."""

    group: int
    """Equivalent answers of a problem have the same number; `NO_ANSWER` for a solution without one."""
    n_tokens: int
    logprob: float
    n_steps: int
    scores: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """By PRM, one score a step, in [0, 1]; a PRM that has not scored it is missing."""
    share: float = 1.0
    """Of the vote, that its answer won in the search that found it."""


@dataclass(frozen=True, slots=True)
class Vote:
    """The group that wins, and its share of all votes; `NO_ANSWER` and 0 if nothing answers."""

    group: int
    share: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one problem."""

    problem: str
    samples: Mapping[str, Sequence[Observed]] = field(default_factory=dict)
    """By pool, in the order in which they were drawn."""
    found: Mapping[str, Observed] = field(default_factory=dict)
    """By the name of a search arm that has run, the solution that it answers with."""

    def of(self, pool: str) -> Sequence[Observed]:
        """The samples of a pool."""
        return self.samples.get(pool, ())

    def solutions(self) -> Iterator[Observed]:
        """All of them that answer."""
        for samples in (*self.samples.values(), self.found.values()):
            yield from (s for s in samples if s.group != NO_ANSWER)


def won_by(arm: Arm, samples: Sequence[Observed]) -> Vote:
    """Who wins if these are the arm's samples."""
    return vote(samples, arm.prm, arm.settings.selection, arm.settings.aggregation)


def counts(samples: Sequence[Observed]) -> dict[int, int]:
    """How many samples gave each answer, by group."""
    return dict(Counter(s.group for s in samples if s.group != NO_ANSWER))


def vote(
    samples: Sequence[Observed],
    prm: str | None,
    selection: Selection = "vote",
    aggregation: Aggregation = "last",
) -> Vote:
    """Who wins among the samples, as `executors.aggregation.choose` has it."""
    answering = [s for s in samples if s.group != NO_ANSWER]
    scored = prm is not None and any(prm in s.scores for s in answering)
    weights = [_weight(s, prm, aggregation) if scored else 1.0 for s in answering]
    if not answering:
        return Vote(NO_ANSWER, 0.0)
    if selection == "max" and scored:
        best = max(
            range(len(answering)), key=lambda k: (bool(answering[k].scores.get(prm or "")), weights[k])
        )
        return Vote(answering[best].group, weights[best])
    tally = tallied(answering, weights)
    winner = max(tally, key=tally.__getitem__)
    total = math.fsum(tally.values())
    return Vote(winner, tally[winner] / total if total > 0 else 0.0)


def tallied(answering: Sequence[Observed], weights: Sequence[float]) -> dict[int, float]:
    """The sum of the weights of each group, in the order of their first samples."""
    parts: dict[int, list[float]] = {}
    for sample, weight in zip(answering, weights, strict=True):
        parts.setdefault(sample.group, []).append(weight)
    return {group: math.fsum(found) for group, found in parts.items()}


def _weight(sample: Observed, prm: str | None, aggregation: Aggregation) -> float:
    scores = sample.scores.get(prm or "")
    return aggregate(scores, aggregation) if scores else 0.0
