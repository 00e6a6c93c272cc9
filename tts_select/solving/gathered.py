"""What a live search has gathered about a problem: solutions and their scores, as a router sees them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from tts_select.core.arm import Arm
from tts_select.core.candidate import Candidate
from tts_select.core.methods import METHODS
from tts_select.core.solution import RankedCandidate
from tts_select.core.voting import order
from tts_select.data.grading import extract_answer, group_answers
from tts_select.executors.aggregation import choose, rank
from tts_select.executors.search import Round
from tts_select.selector.evidence import NO_ANSWER, Evidence, SolutionEvidence

Scores = tuple[float, ...]


@dataclass(slots=True)
class Samples:
    """The samples of one pool, with the scores of each PRM that has read them."""

    candidates: list[Candidate] = field(default_factory=list)
    scores: dict[str, list[Scores | None]] = field(default_factory=dict)
    """The scores of the samples that a PRM was given, by PRM (None: it could not read one, or gives no
    answer)."""
    unreadable: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    """The solutions that a PRM cannot read, by PRM."""

    def scored_by(self, prm: str | None) -> list[Candidate]:
        """The samples with the scores of one PRM."""
        known = self.scores.get(prm or "", ())
        scores = [*known, *[None] * (len(self.candidates) - len(known))]
        return [
            c.scored(list(found)) if found else c for c, found in zip(self.candidates, scores, strict=True)
        ]

    def scores_at(self, place: int) -> dict[str, Scores]:
        """The scores of a sample, by PRM; empty where a PRM could not read it."""
        found = {prm: s for prm, known in self.scores.items() if place < len(known) and (s := known[place])}
        text = self.candidates[place].steps
        return found | {prm: () for prm, texts in self.unreadable.items() if text in texts}

    def take(self, found: Sequence[Candidate], prm: str | None) -> None:
        """The samples are these now, with the scores of a PRM if it has read them."""
        self.candidates = [replace(c, step_scores=None) for c in found]
        if prm is not None:
            self.scores[prm] = [c.step_scores for c in found]


@dataclass(frozen=True, slots=True)
class Spokesman:
    """An arm that has run, its candidates, and the best of those that give an answer."""

    arm: Arm
    candidates: tuple[RankedCandidate, ...]
    best: RankedCandidate | None


@dataclass(slots=True)
class LiveEvidence:
    """All that a live search has found about one problem."""

    problem: str
    counts_characters: bool = False
    """Whether a solution's length is its characters instead of its tokens, as in some imported logs."""
    pools: dict[str, Samples] = field(default_factory=dict)
    searches: dict[str, list[Candidate]] = field(default_factory=dict)
    """What a search arm found, by the name of the arm."""
    rounds: dict[str, Sequence[Round]] = field(default_factory=dict)
    """What it did on the way, where it grew a tree."""
    greedy_of: dict[str, str] = field(default_factory=dict)
    """The pool of the greedy solution that counts as the first of a pool's samples, by pool."""
    answers: dict[int, str] = field(default_factory=dict)
    """An answer of each group, as of the last look."""
    _groups: dict[str, int] = field(default_factory=dict)
    """The group of each answer's text, of the last look."""
    _arms: dict[str, Arm] = field(default_factory=dict)
    """The arm that ran last on a pool or search, as far as it came, by pool or search; the last one last."""

    def of(self, pool: str) -> Samples:
        """The samples of a pool, none if it has not been sampled."""
        return self.pools.setdefault(pool, Samples())

    def drop(self, pool: str) -> None:
        """Forget a pool, as of a sample that is no evidence."""
        self.pools.pop(pool, None)

    def note(self, arm: Arm, found: list[Candidate] | None = None) -> None:
        """The arm has run, as far as it says, or is about to; `found` is what there is of it now."""
        key = arm.pool if arm.is_sampling else arm.name
        self._arms.pop(key, None)
        self._arms[key] = arm
        if found is not None and arm.is_sampling:
            self.of(arm.pool).take(found, arm.prm)
        elif found is not None:
            self.searches[arm.name] = found

    @property
    def is_empty(self) -> bool:
        """Whether nothing has run."""
        return not self._arms

    async def look(self, deadline: float | None = None) -> Evidence:
        """The evidence so far. Answers are grouped over all solutions, off the event loop; at the deadline
        (on `time.monotonic()`) an answer that is not yet compared is a group of its own."""
        solutions = [c for s in self.pools.values() for c in s.candidates]
        solutions += [c for found in self.searches.values() for c in found]
        texts = list(dict.fromkeys(a for c in solutions if (a := _answer(c)) is not None))
        groups = await group_answers(texts, deadline=deadline)
        self._groups = dict(zip(texts, groups, strict=True))
        self.answers = dict(zip(reversed(groups), reversed(texts), strict=True))
        return Evidence(
            self.problem,
            {pool: self._observed_samples(samples) for pool, samples in self.pools.items()},
            {name: self._ended(self._arms[name], found) for name, found in self.searches.items()},
        )

    def n_cut(self) -> tuple[int, int]:
        """How many solutions ran out of tokens, and how many there are."""
        found = [c for samples in self.pools.values() for c in samples.candidates]
        found += [c for some in self.searches.values() for c in some]
        return sum(c.finish == "length" for c in found), len(found)

    def spokesman(self, group: int | None) -> Spokesman:
        """The last arm that came to this answer by itself, else the last one that has it at all."""
        ran = list(self._ran())
        for is_own in (True, False):
            for arm, shown in reversed(ran):
                own = [r for r in shown if r.answer is not None and self._groups[r.answer] == group]
                chosen = self._choose(arm, shown) if is_own else None
                came_to_it = chosen is not None and self._groups[chosen[0].answer or ""] == group
                if own and (not is_own or came_to_it):
                    return Spokesman(arm, shown, max(own, key=lambda r: order(r.score)))
        return Spokesman(*ran[-1], None)

    def _ran(self) -> Iterator[tuple[Arm, tuple[RankedCandidate, ...]]]:
        counted = set(self.greedy_of.values())
        for key, ran in self._arms.items():
            if key not in counted:
                arm, found = self._found_by(ran)
                yield arm, rank(found, arm.settings.aggregation, by=METHODS[arm.method].votes_by)

    def _found_by(self, arm: Arm) -> tuple[Arm, list[Candidate]]:
        """The arm with all that counts as its own, and that."""
        if not arm.is_sampling:
            return arm, self.searches.get(arm.name, [])
        first = self.of(self.greedy_of[arm.pool]).candidates if arm.pool in self.greedy_of else []
        return replace(arm, budget=arm.budget + len(first)), [*first, *self.of(arm.pool).scored_by(arm.prm)]

    def _choose(self, arm: Arm, shown: Sequence[RankedCandidate]) -> tuple[RankedCandidate, float] | None:
        return choose(shown, arm.settings.selection, grouped=self._numbers)

    def _numbers(self, answers: Sequence[str | None]) -> list[int]:
        return [NO_ANSWER if answer is None else self._groups[answer] for answer in answers]

    def _observed_samples(self, samples: Samples) -> list[SolutionEvidence]:
        return [self._observed(c, samples.scores_at(k)) for k, c in enumerate(samples.candidates)]

    def _ended(self, arm: Arm, found: Sequence[Candidate]) -> SolutionEvidence:
        """The solution that a search answers with, and the share of the vote that it won; an empty solution
        if there is none. A single unscored solution has no share."""
        ranked = rank(found, arm.settings.aggregation)
        chosen = self._choose(arm, ranked)
        if chosen is None:
            return replace(self._observed(Candidate(), {}), share=0.0)
        candidate, share = chosen[0].candidate, chosen[1]
        scores = {arm.prm: candidate.step_scores} if arm.prm and candidate.step_scores else {}
        is_alone = len(ranked) == 1 and chosen[0].score is None
        return replace(self._observed(candidate, scores), share=math.nan if is_alone else share)

    def _observed(self, candidate: Candidate, scores: dict[str, Scores]) -> SolutionEvidence:
        answer = _answer(candidate)
        group = NO_ANSWER if answer is None else self._groups[answer]
        length = len(candidate.text) if self.counts_characters else candidate.n_tokens
        return SolutionEvidence(
            group,
            length,
            candidate.logprob,
            len(candidate.steps),
            scores,
            is_cut=candidate.finish == "length",
            certainty=candidate.certainty,
        )


def _answer(candidate: Candidate) -> str | None:
    return extract_answer(candidate.text) if candidate.is_complete and candidate.steps else None
