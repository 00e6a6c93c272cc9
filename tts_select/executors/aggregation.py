"""Step scores to one score, and scored candidates to one answer (arXiv 2502.06703, section 3.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tts_select.core.candidate import Candidate
from tts_select.core.plan import Aggregation, Selection
from tts_select.core.solution import RankedCandidate
from tts_select.core.voting import aggregate
from tts_select.data.grading import extract_answer, group_equivalent


def score_of(candidate: Candidate, how: Aggregation) -> float | None:
    """A candidate's aggregated score, or None if it has not been scored."""
    return aggregate(candidate.step_scores, how) if candidate.step_scores else None


def order(score: float | None) -> float:
    """A key to sort scores by: what has none comes below every score."""
    return -1.0 if score is None else score


def rank(candidates: Sequence[Candidate], how: Aggregation) -> tuple[RankedCandidate, ...]:
    """Each candidate with its score and its answer; a truncated one has no answer."""
    return tuple(
        RankedCandidate(
            candidate,
            score_of(candidate, how),
            extract_answer(candidate.text) if _may_answer(candidate) else None,
        )
        for candidate in candidates
    )


def choose(ranked: Sequence[RankedCandidate], selection: Selection) -> tuple[RankedCandidate, float] | None:
    """The chosen candidate and the share of the vote (or the score) that it won; None if none answers.

    `vote` sums the scores of equivalent answers, whatever aggregation made them, and picks the best
    candidate of the winning answer; unscored candidates have one vote each. Ties go to the candidate that
    came first.
    """
    answering = [r for r in ranked if r.answer is not None]
    if not answering:
        return None
    if selection == "max" and any(r.score is not None for r in answering):
        best = max(answering, key=_order)
        return best, best.score or 0.0
    groups = _group(answering)
    weights = [_weight(group, answering) for group in groups]
    winner = max(range(len(groups)), key=weights.__getitem__)
    total = math.fsum(weights)
    return max(groups[winner], key=_order), weights[winner] / total if total > 0 else 0.0


def vote_counts(ranked: Sequence[RankedCandidate]) -> list[int]:
    """How many candidates gave each answer, equivalent answers together."""
    return [len(group) for group in _group([r for r in ranked if r.answer is not None])]


def _may_answer(candidate: Candidate) -> bool:
    return candidate.is_complete and bool(candidate.steps)


def _order(ranked: RankedCandidate) -> float:
    return order(ranked.score)


def _group(answering: Sequence[RankedCandidate]) -> list[list[RankedCandidate]]:
    groups: dict[int, list[RankedCandidate]] = {}
    for number, ranked in zip(group_equivalent([r.answer for r in answering]), answering, strict=True):
        groups.setdefault(number, []).append(ranked)
    return list(groups.values())


def _weight(group: Sequence[RankedCandidate], answering: Sequence[RankedCandidate]) -> float:
    if all(r.score is None for r in answering):
        return float(len(group))
    return math.fsum(r.score for r in group if r.score is not None)
