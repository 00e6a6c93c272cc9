"""What is known about a problem so far, as plain values: its text, scored samples, and what searches found.

The same values come from a live search and from a sweep log, so a router is trained and replayed on exactly
what it will see.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any, TypeVar, TypeVarTuple

from tts_select.core.arm import Arm
from tts_select.core.methods import METHODS
from tts_select.core.plan import Aggregation, Selection
from tts_select.core.voting import Vote, aggregate, elect, tally, weights

NO_ANSWER = -1

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@dataclass(frozen=True, slots=True)
class SolutionEvidence:
    """What is known about one solution."""

    group: int
    """Equivalent answers of a problem have the same number; `NO_ANSWER` for a solution without one."""
    n_tokens: int
    logprob: float
    n_steps: int
    scores: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """One score a step, in [0, 1], by PRM; a PRM that has not scored the solution is missing."""
    share: float = 1.0
    """The share of the vote that its answer won in the search that found it."""
    is_cut: bool = False
    """Whether it ran out of tokens, so that nobody knows what it would have answered."""
    certainty: float = math.nan
    """See `Continuation.certainty`."""


class SeenSamples(tuple[SolutionEvidence, ...]):
    """Samples of a pool in the order in which they were drawn, which keep what was counted in them."""

    @cached_property
    def kept(self) -> dict[tuple[Any, ...], Any]:
        """What was counted, by the function that counts and its other arguments."""
        return {}


def counted_once(
    count: Callable[[Sequence[SolutionEvidence], *Ts], T],
) -> Callable[[Sequence[SolutionEvidence], *Ts], T]:
    """Make a function of samples count but once in those that are `SeenSamples`.

    A replay comes to the same samples of a pool again and again, whatever is run on the others. What is
    counted is shared, so it has to stay as it is.
    """

    @wraps(count)
    def counted(samples: Sequence[SolutionEvidence], *more: *Ts) -> T:
        if not isinstance(samples, SeenSamples):
            return count(samples, *more)
        key = (count, *more)
        if key not in samples.kept:
            samples.kept[key] = count(samples, *more)
        found: T = samples.kept[key]
        return found

    return counted


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one problem."""

    problem: str
    samples: Mapping[str, Sequence[SolutionEvidence]] = field(default_factory=dict)
    """The samples by pool, in the order in which they were drawn."""
    found: Mapping[str, SolutionEvidence] = field(default_factory=dict)
    """The solution that a search arm answers with, by the name of the arm; only arms that have run."""
    exhausted: frozenset[str] = frozenset()
    """The pools that hold no more samples; only a log runs out of them."""
    kept: dict[int, tuple[Any, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What routers found in it, by their ids: a replay comes to the same evidence at every price."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing has run."""
        return not self.found and not any(self.samples.values())

    def of(self, pool: str) -> Sequence[SolutionEvidence]:
        """The samples of a pool."""
        return self.samples.get(pool, ())

    def solutions(self) -> Iterator[SolutionEvidence]:
        """Return all solutions that give an answer."""
        for samples in (*self.samples.values(), self.found.values()):
            yield from (s for s in samples if s.group != NO_ANSWER)


def won_by(arm: Arm, samples: Sequence[SolutionEvidence]) -> Vote:
    """Return the winner if these are the arm's samples."""
    answering = _answering(samples)
    return _elected(answering, _weights(arm, answering), arm.settings.selection)


@counted_once
def counts(samples: Sequence[SolutionEvidence]) -> Mapping[int, int]:
    """How many samples gave each answer, by group."""
    return dict(Counter(s.group for s in samples if s.group != NO_ANSWER))


@counted_once
def mean_tokens(samples: Sequence[SolutionEvidence]) -> float:
    """The mean length of the samples; there is at least one."""
    return sum(s.n_tokens for s in samples) / len(samples)


def vote(
    samples: Sequence[SolutionEvidence],
    prm: str | None,
    selection: Selection = "vote",
    aggregation: Aggregation = "last",
) -> Vote:
    """Return the winner among the samples; `NO_ANSWER` and 0 if none of them answers."""
    answering = _answering(samples)
    return _elected(answering, [_score(s, prm, aggregation) for s in answering], selection)


def shares(arm: Arm, samples: Sequence[SolutionEvidence]) -> dict[int, float]:
    """The share of the vote of each answer among the arm's samples, the winner first.

    With the selection `max` these are the answers' best scores.
    """
    answering = _answering(samples)
    groups = [s.group for s in answering]
    scores = _weights(arm, answering)
    if arm.settings.selection == "max" and any(score is not None for score in scores):
        best: dict[int, float] = {}
        for group, score in zip(groups, scores, strict=True):
            best[group] = max(best.get(group, 0.0), score or 0.0)
        return dict(sorted(best.items(), key=lambda item: -item[1]))
    votes = tally(groups, scores)
    total = math.fsum(votes.values())
    found = {group: n / total if total > 0 else 0.0 for group, n in votes.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _answering(samples: Sequence[SolutionEvidence]) -> list[SolutionEvidence]:
    return [s for s in samples if s.group != NO_ANSWER]


def _elected(
    answering: Sequence[SolutionEvidence], weights: Sequence[float | None], selection: Selection
) -> Vote:
    return elect([s.group for s in answering], weights, selection) or Vote(NO_ANSWER, 0.0)


def _weights(arm: Arm, answering: Sequence[SolutionEvidence]) -> list[float | None]:
    """What each vote counts among those of an arm."""
    if (by := METHODS[arm.method].votes_by) is not None:
        return weights(by, answering)
    return [_score(s, arm.prm, arm.settings.aggregation) for s in answering]


def _score(sample: SolutionEvidence, prm: str | None, aggregation: Aggregation) -> float | None:
    scores = sample.scores.get(prm or "")
    return aggregate(scores, aggregation) if scores else None
