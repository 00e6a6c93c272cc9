"""Step scores to one score, and scored candidates to one answer (arXiv 2502.06703, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tts_select.core.candidate import Candidate
from tts_select.core.plan import Aggregation, Selection
from tts_select.core.solution import RankedCandidate
from tts_select.core.voting import Weight, aggregate, elect, weights
from tts_select.data.grading import extract_answer, group_equivalent


def score_of(candidate: Candidate, how: Aggregation) -> float | None:
    """A candidate's aggregated score, or None if it has not been scored."""
    return aggregate(candidate.step_scores, how) if candidate.step_scores else None


def rank(
    candidates: Sequence[Candidate], how: Aggregation, *, by: Weight | None = None
) -> tuple[RankedCandidate, ...]:
    """Rank the candidates, each with its score (or with what its vote counts, if votes are weighed `by`
    something else) and its answer; a truncated one has no answer."""
    answers = [extract_answer(c.text) if _may_answer(c) else None for c in candidates]
    scores = [score_of(c, how) for c in candidates] if by is None else _votes(candidates, answers, by)
    return tuple(map(RankedCandidate, candidates, scores, answers))


def choose(
    ranked: Sequence[RankedCandidate],
    selection: Selection,
    *,
    grouped: Callable[[Sequence[str | None]], Sequence[int]] = group_equivalent,
) -> tuple[RankedCandidate, float] | None:
    """The chosen candidate and the share of the vote (or the score) that it won; None if none answers.

    `vote` sums the scores of equivalent answers, whatever aggregation made them, and picks the best
    candidate of the winning answer; unscored candidates have one vote each. Ties go to the candidate that
    came first. `grouped` numbers the answers, equivalent ones alike.
    """
    answering = [r for r in ranked if r.answer is not None]
    won = elect(grouped([r.answer for r in answering]), [r.score for r in answering], selection)
    return (answering[won.place], won.share) if won else None


def _votes(candidates: Sequence[Candidate], answers: Sequence[str | None], by: Weight) -> list[float | None]:
    """What the vote of each candidate counts; one without an answer has none."""
    answering = [c for c, answer in zip(candidates, answers, strict=True) if answer is not None]
    found = iter(weights(by, answering))
    return [None if answer is None else next(found) for answer in answers]


def _may_answer(candidate: Candidate) -> bool:
    return candidate.is_complete and bool(candidate.steps)
