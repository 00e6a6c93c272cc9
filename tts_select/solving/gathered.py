"""What a live search has gathered about a problem: solutions and their scores, as a router sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from tts_select.core.arm import Arm
from tts_select.core.candidate import Candidate
from tts_select.core.solution import RankedCandidate
from tts_select.data.grading import extract_answer, group_equivalent, is_equivalent
from tts_select.executors.aggregation import choose, order, rank
from tts_select.selector.evidence import Evidence, Observed

Scores = tuple[float, ...]


@dataclass(slots=True)
class Sampled:
    """The samples of one pool, with the scores of each PRM that has read them (None: not scored)."""

    candidates: list[Candidate] = field(default_factory=list)
    scores: dict[str, list[Scores | None]] = field(default_factory=dict)

    def scored_by(self, prm: str | None) -> list[Candidate]:
        """With the scores of one PRM."""
        known = self.scores.get(prm or "", ())
        scores = [*known, *[None] * (len(self.candidates) - len(known))]
        return [
            c.scored(list(found)) if found else c for c, found in zip(self.candidates, scores, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Seen:
    """The evidence so far, and an answer of each of its groups."""

    evidence: Evidence
    answers: dict[int, str]


@dataclass(frozen=True, slots=True)
class Spoken:
    """An arm that has run, its candidates, and the best of those that give an answer."""

    arm: Arm
    shown: tuple[RankedCandidate, ...]
    best: RankedCandidate | None


@dataclass(slots=True)
class Gathered:
    """Of one problem."""

    problem: str
    pools: dict[str, Sampled] = field(default_factory=dict)
    searches: dict[str, list[Candidate]] = field(default_factory=dict)
    """What each search arm found, by its name."""
    _ran: dict[str, Arm] = field(default_factory=dict)
    """By pool or search, the arm that ran last on it, as far as it came; the last one last."""

    def of(self, pool: str) -> Sampled:
        """The pool, an empty one if it has not been sampled."""
        return self.pools.setdefault(pool, Sampled())

    def note(self, arm: Arm, found: list[Candidate] | None = None) -> None:
        """The arm has run, or is about to; `found` is what a search has found."""
        key = arm.pool if arm.is_sampling else arm.name
        self._ran.pop(key, None)
        self._ran[key] = arm
        if found is not None:
            self.searches[arm.name] = found

    @property
    def is_empty(self) -> bool:
        """Whether nothing has run."""
        return not self._ran

    def look(self) -> Seen:
        """Answers are grouped over all solutions."""
        arms = {name: self._ran[name] for name in self.searches}
        ended = {name: _ended(arms[name], found) for name, found in self.searches.items()}
        solutions = [c for s in self.pools.values() for c in s.candidates] + [c for c, _ in ended.values()]
        answers = [_answer(c) for c in solutions]
        groups = group_equivalent(answers)
        of_group = {g: a for g, a in zip(reversed(groups), reversed(answers), strict=True) if a is not None}
        numbers = iter(groups)
        samples = {
            pool: [_observed(c, next(numbers), _scores_at(s, k)) for k, c in enumerate(s.candidates)]
            for pool, s in self.pools.items()
        }
        found = {
            name: replace(_observed(c, next(numbers), _own_scores(arms[name], c)), share=share)
            for name, (c, share) in ended.items()
        }
        return Seen(Evidence(self.problem, samples, found), of_group)

    def spoken_for(self, answer: str | None) -> Spoken:
        """By the last arm that came to this answer by itself, else by the last that has it at all."""
        speakers = list(self._speakers())
        for is_own in (True, False):
            for arm, shown in reversed(speakers):
                own = [r for r in shown if _gives(r, answer)]
                chosen = choose(shown, arm.settings.selection) if is_own else None
                if own and (not is_own or (chosen and _gives(chosen[0], answer))):
                    return Spoken(arm, shown, max(own, key=lambda r: order(r.score)))
        return Spoken(*speakers[-1], None)

    def _speakers(self) -> Iterator[tuple[Arm, tuple[RankedCandidate, ...]]]:
        for arm in self._ran.values():
            found = self.of(arm.pool).scored_by(arm.prm) if arm.is_sampling else self.searches[arm.name]
            yield arm, rank(found, arm.settings.aggregation)


def _gives(ranked: RankedCandidate, answer: str | None) -> bool:
    return ranked.answer is not None and answer is not None and is_equivalent(ranked.answer, answer)


def _ended(arm: Arm, found: Sequence[Candidate]) -> tuple[Candidate, float]:
    """The solution that a search answers with, and the share of the vote that it won; an empty solution if
    there is none."""
    chosen = choose(rank(found, arm.settings.aggregation), arm.settings.selection)
    return (chosen[0].candidate, chosen[1]) if chosen else (Candidate(), 0.0)


def _answer(candidate: Candidate) -> str | None:
    return extract_answer(candidate.text) if candidate.is_complete and candidate.steps else None


def _observed(candidate: Candidate, group: int, scores: dict[str, Scores]) -> Observed:
    return Observed(group, candidate.n_tokens, candidate.logprob, len(candidate.steps), scores)


def _scores_at(sampled: Sampled, place: int) -> dict[str, Scores]:
    return {
        prm: found
        for prm, known in sampled.scores.items()
        if place < len(known) and (found := known[place]) is not None
    }


def _own_scores(arm: Arm, candidate: Candidate) -> dict[str, Scores]:
    return {arm.prm: candidate.step_scores} if arm.prm and candidate.step_scores else {}
