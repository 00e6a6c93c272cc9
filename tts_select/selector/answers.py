"""The answers at hand: each distinct answer that the evidence speaks for, with what stands behind it.

Whichever arm they come from, answers compete with each other: many votes, a high score, or two searches that
agree. How likely each one is to be right is learned from these features.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from tts_select.selector.evidence import (
    NO_ANSWER,
    Evidence,
    SolutionEvidence,
    counted_once,
    counts,
    vote,
)

_OVERALL = (
    "support",
    "answering",
    "distinct",
    "led",
    "sources",
    "searches",
    "agreeing_searches",
    "search_share",
    "rival_search_share",
)
_LIKELIHOOD = ("token_logprob", "rival_token_logprob")
_BY_PRM = ("best", "lowest_step", "rival_best", "share")


@dataclass(slots=True)
class _Support:
    """What one answer has."""

    n: int = 0
    logprob: float = math.nan
    """The best mean a token; NaN if none is known."""
    best: dict[str, tuple[float, float]] = field(default_factory=dict)
    """The best last score and the lowest step of its solution, by PRM."""
    last: dict[str, list[float]] = field(default_factory=dict)
    """The last scores, by PRM."""

    def add(self, solution: SolutionEvidence) -> None:
        """Add one more solution that gives the answer."""
        self.n += 1
        self.logprob = _larger(self.logprob, solution.logprob / max(1, solution.n_tokens))
        for prm, steps in solution.scores.items():
            if not steps:
                continue
            self.last.setdefault(prm, []).append(steps[-1])
            if steps[-1] >= self.best.get(prm, (-1.0, 0.0))[0]:
                self.best[prm] = steps[-1], min(steps)

    def join(self, other: _Support) -> None:
        """Add what the answer has elsewhere."""
        self.n += other.n
        self.logprob = _larger(self.logprob, other.logprob)
        for prm, scores in other.last.items():
            self.last.setdefault(prm, []).extend(scores)
            if other.best[prm][0] >= self.best.get(prm, (-1.0, 0.0))[0]:
                self.best[prm] = other.best[prm]


def names_of(pools: Sequence[str], prms: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the features of an answer."""
    names = [*_OVERALL, *_LIKELIHOOD]
    names += [f"{prm}/{name}" for prm in prms for name in _BY_PRM]
    names += [f"{pool}/share" for pool in pools]
    return tuple(f"answer/{name}" for name in names)


def answers_at_hand(
    evidence: Evidence, pools: Sequence[str], prms: Sequence[str]
) -> list[tuple[int, list[float]]]:
    """(group, features) of every answer that leads somewhere: among the samples of a pool, by votes or by the
    scores of a PRM, or as what a search found."""
    sources = list(_sources(evidence))
    leaders = dict.fromkeys(group for source in sources for group in source if group != NO_ANSWER)
    if not leaders:
        return []
    supports = _supports(evidence)
    answering = sum(s.n for s in supports.values())
    shares = [_shares(evidence.of(pool)) for pool in pools]
    by_prm = [_by_prm(supports, prm) for prm in prms]
    found = list(evidence.found.values())
    return [
        (
            group,
            [
                supports[group].n,
                answering,
                len(supports),
                sum(group in source for source in sources),
                len(sources),
                len(found),
                sum(o.group == group for o in found),
                max((o.share for o in found if o.group == group), default=math.nan),
                max((o.share for o in found if o.group != group), default=math.nan),
                supports[group].logprob,
                _rivals(supports, group),
                *(value for of_prm in by_prm for value in of_prm[group]),
                *(math.nan if share is None else share.get(group, 0.0) for share in shares),
            ],
        )
        for group in leaders
    ]


def _sources(evidence: Evidence) -> Iterator[AbstractSet[int]]:
    """Yield, for each pool and search, the answers that lead in it."""
    yield from (_leaders(samples) for samples in evidence.samples.values() if samples)
    yield from ({solution.group} for solution in evidence.found.values())


@counted_once
def _leaders(samples: Sequence[SolutionEvidence]) -> AbstractSet[int]:
    """Return the answers that lead by votes or by the scores of a PRM."""
    scored = dict.fromkeys(prm for s in samples for prm in s.scores)
    by_votes = {vote(samples, prm).group for prm in (None, *scored)}
    return by_votes | {vote(samples, prm, "max").group for prm in scored}


def _supports(evidence: Evidence) -> dict[int, _Support]:
    """Return what each answer has in all pools and searches, in the order of their first solutions."""
    joined: dict[int, _Support] = {}
    for some in (*evidence.samples.values(), tuple(evidence.found.values())):
        for group, support in _supports_in(some).items():
            joined.setdefault(group, _Support()).join(support)
    return joined


@counted_once
def _supports_in(solutions: Sequence[SolutionEvidence]) -> Mapping[int, _Support]:
    found: dict[int, _Support] = {}
    for solution in solutions:
        if solution.group != NO_ANSWER:
            found.setdefault(solution.group, _Support()).add(solution)
    return found


@counted_once
def _shares(samples: Sequence[SolutionEvidence]) -> Mapping[int, float] | None:
    """Return the share of all samples that gives each answer; None where there is no sample."""
    if not samples:
        return None
    return {group: n / len(samples) for group, n in counts(samples).items()}


def _by_prm(supports: Mapping[int, _Support], prm: str) -> dict[int, list[float]]:
    """Return the features of `_BY_PRM` of each answer."""
    best = {group: s.best[prm] for group, s in supports.items() if prm in s.best}
    weights = {group: sum(s.last.get(prm, ())) for group, s in supports.items()}
    total = sum(weights.values())
    return {
        group: [
            *best.get(group, (math.nan, math.nan)),
            max((last for g, (last, _) in best.items() if g != group), default=math.nan),
            weight / total if total > 0 else math.nan,
        ]
        for group, weight in weights.items()
    }


def _rivals(supports: Mapping[int, _Support], group: int) -> float:
    """Return the best likelihood of any other answer."""
    found = math.nan
    for other, support in supports.items():
        if other != group:
            found = _larger(found, support.logprob)
    return found


def _larger(one: float, other: float) -> float:
    """Return the larger of the known values; NaN if none is known."""
    return other if math.isnan(one) or other > one else one
