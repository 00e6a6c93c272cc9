"""The arithmetic of scores and votes that the executors and the selector share.

Aggregations are those of arXiv 2502.06703, section 3.1. A majority is settled by adaptive consistency
(Aggarwal et al. 2023, arXiv 2305.11860): with v1 votes for the first answer and v2 for the second, the first
stays ahead with the probability that Beta(v1 + 1, v2 + 1) is above one half; at 0.95 sampling stops.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from tts_select.core.plan import Aggregation, Selection

ROUND = 4
"""Samples between two looks at the votes."""
SURE_ENOUGH = 0.95
BORDA_POWER = 0.5
"""The p of `borda`: the best one that Kang, Zhao and Song 2025 found for 8 samples; for 64 it was 1.2, by 0.4
points of accuracy (Llama-3.1-8B-Instruct on MATH). With 0 it is majority."""

Weight = Literal["likelihood", "certainty"]
"""What of a solution's log-probabilities its vote is weighed by."""


class Written(Protocol):
    """What is known of a solution's tokens: of a `Continuation`, and of all that is made of it."""

    @property
    def n_tokens(self) -> int: ...

    @property
    def logprob(self) -> float: ...

    @property
    def certainty(self) -> float: ...


_AGGREGATORS: dict[Aggregation, Callable[[Sequence[float]], float]] = {
    "min": min,
    "last": lambda scores: scores[-1],
    "mean": lambda scores: math.fsum(scores) / len(scores),
    "prod": math.prod,
}


def aggregate(step_scores: Sequence[float], how: Aggregation) -> float:
    """Return the one score that a candidate's step scores amount to.

    Raises:
        ValueError: there are no scores; an unscored candidate has no score, not a zero.
    """
    if not step_scores:
        raise ValueError("a candidate without step scores cannot be aggregated")
    return float(_AGGREGATORS[how](step_scores))


def likelihood(logprob: float, n_tokens: int) -> float | None:
    """The geometric mean of the probabilities of a solution's tokens, in [0, 1]: how likely the policy finds
    what it wrote, whatever its length (the normalized weighted sum of Wang et al. 2022, arXiv 2203.11171).
    None if they are not known."""
    if n_tokens <= 0 or math.isnan(logprob):
        return None
    return math.exp(min(0.0, logprob / n_tokens))


def borda(ratings: Sequence[float]) -> list[float | None]:
    """The share of the vote of each of N solutions by their ranks: rank r has (N - r + 1)^p (Kang, Zhao and
    Song 2025, arXiv 2502.18581, equation 11). Equal ratings share the better rank; a solution without one
    (NaN) has no vote."""
    known = sorted(rating for rating in ratings if not math.isnan(rating))
    votes = [None if math.isnan(r) else bisect_right(known, r) ** BORDA_POWER for r in ratings]
    total = math.fsum(vote for vote in votes if vote is not None)
    return [None if vote is None else vote / total for vote in votes]


def weights(by: Weight, solutions: Sequence[Written]) -> list[float | None]:
    """What the vote of each of some solutions counts, that all answer; None where that is not known."""
    if by == "certainty":
        return borda([solution.certainty for solution in solutions])
    return [likelihood(solution.logprob, solution.n_tokens) for solution in solutions]


def order(score: float | None) -> float:
    """A key to sort scores by: what has none comes below every score."""
    return -1.0 if score is None else score


@dataclass(frozen=True, slots=True)
class Vote:
    """The answer that won an election."""

    group: int
    share: float
    """The winner's share of all votes; with the selection `max` the score of the chosen solution."""
    place: int = field(default=-1, compare=False)
    """Which of the voters speaks for it: the best-scored one with this answer."""


def elect(groups: Sequence[int], scores: Sequence[float | None], selection: Selection) -> Vote | None:
    """The answer that wins among solutions that all answer; None where there is none.

    Equal answers have the same group. `vote` sums the scores of each answer (one vote each where none is
    scored), `max` takes the best-scored solution's. Of equals the one that came first wins.
    """
    if not groups:
        return None
    if selection == "max" and any(score is not None for score in scores):
        place = max(range(len(groups)), key=lambda k: order(scores[k]))
        return Vote(groups[place], scores[place] or 0.0, place)
    votes = tally(groups, scores)
    winner = max(votes, key=votes.__getitem__)
    own = [k for k, group in enumerate(groups) if group == winner]
    total = math.fsum(votes.values())
    share = votes[winner] / total if total > 0 else 0.0
    return Vote(winner, share, max(own, key=lambda k: order(scores[k])))


def tally(groups: Sequence[int], scores: Sequence[float | None]) -> dict[int, float]:
    """The votes of each answer, in the order of their first solutions."""
    is_scored = any(score is not None for score in scores)
    parts: dict[int, list[float]] = {}
    for group, score in zip(groups, scores, strict=True):
        parts.setdefault(group, []).append((score or 0.0) if is_scored else 1.0)
    return {group: math.fsum(found) for group, found in parts.items()}


def is_settled(counts: Iterable[int]) -> bool:
    """Whether the answer with the most votes will stay ahead, surely enough."""
    first, second, *_ = [*sorted(counts, reverse=True), 0, 0]
    return p_stays_ahead(first, second) >= SURE_ENOUGH


def p_stays_ahead(first: int, second: int) -> float:
    """P(Beta(first + 1, second + 1) > 1/2), which is a sum of binomial probabilities."""
    n = first + second + 1
    return sum(math.comb(n, k) for k in range(first + 1)) / float(2**n)
