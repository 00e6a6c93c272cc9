"""The answers at hand: each distinct answer that the evidence speaks for, with what stands behind it.

Whichever arm they come from, answers compete with each other: many votes, a high score, or two searches that
agree. How likely each one is to be right is learned from these features.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tts_select.selector.evidence import NO_ANSWER, Evidence, SolutionEvidence, counts, vote

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
    weight: dict[str, float] = field(default_factory=dict)
    """The sum of the last scores, by PRM."""

    def add(self, solution: SolutionEvidence) -> None:
        """Add one more solution that gives the answer."""
        self.n += 1
        self.logprob = _largest(self.logprob, solution.logprob / max(1, solution.n_tokens))
        for prm, steps in solution.scores.items():
            if not steps:
                continue
            self.weight[prm] = self.weight.get(prm, 0.0) + steps[-1]
            if steps[-1] >= self.best.get(prm, (-1.0, 0.0))[0]:
                self.best[prm] = steps[-1], min(steps)


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
    supports: dict[int, _Support] = {}
    for solution in evidence.solutions():
        supports.setdefault(solution.group, _Support()).add(solution)
    shares = [_shares(evidence.of(pool)) for pool in pools]
    found = list(evidence.found.values())
    return [
        (
            group,
            [
                supports[group].n,
                sum(s.n for s in supports.values()),
                len(supports),
                sum(group in source for source in sources),
                len(sources),
                len(found),
                sum(o.group == group for o in found),
                max((o.share for o in found if o.group == group), default=math.nan),
                max((o.share for o in found if o.group != group), default=math.nan),
                supports[group].logprob,
                _largest(*(s.logprob for g, s in supports.items() if g != group)),
                *(value for prm in prms for value in _by_prm(group, supports, prm)),
                *(math.nan if share is None else share.get(group, 0.0) for share in shares),
            ],
        )
        for group in leaders
    ]


def _sources(evidence: Evidence) -> Iterator[set[int]]:
    """Yield, for each pool and search, the answers that lead in it."""
    for samples in evidence.samples.values():
        if samples:
            scored = dict.fromkeys(prm for s in samples for prm in s.scores)
            by_votes = {vote(samples, prm).group for prm in (None, *scored)}
            yield by_votes | {vote(samples, prm, "max").group for prm in scored}
    for solution in evidence.found.values():
        yield {solution.group}


def _shares(samples: Sequence[SolutionEvidence]) -> dict[int, float] | None:
    """Return the share of all samples that gives each answer; None where there is no sample."""
    if not samples:
        return None
    return {group: n / len(samples) for group, n in counts(samples).items()}


def _by_prm(group: int, supports: dict[int, _Support], prm: str) -> list[float]:
    best, lowest = supports[group].best.get(prm, (math.nan, math.nan))
    rivals = [s.best[prm][0] for g, s in supports.items() if g != group and prm in s.best]
    total = sum(s.weight.get(prm, 0.0) for s in supports.values())
    share = supports[group].weight.get(prm, 0.0) / total if total > 0 else math.nan
    return [best, lowest, max(rivals, default=math.nan), share]


def _largest(*values: float) -> float:
    """Return the largest of the known values; NaN if none is known."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)
