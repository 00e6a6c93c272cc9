"""What a session has gathered, to be drawn again up to any point, with what it came to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tts_select.core.arm import Arm
from tts_select.core.cost import Cost
from tts_select.core.solution import Step
from tts_select.selector.deciding import Decision
from tts_select.selector.evidence import Evidence, SolutionEvidence
from tts_select.solving.history import History
from tts_select.training.replay.cases import Position


@dataclass(frozen=True, slots=True)
class Taken:
    """A decision that was carried out: what was at hand before it and after it, and its step (None: it was to
    stop, or was cut short)."""

    decision: Decision
    price: float
    before: Position
    after: Position
    step: Step | None


@dataclass(slots=True)
class Stored:
    """The samples and searches of one session."""

    history: History
    _seen: dict[tuple[Any, ...], Evidence] = field(default_factory=dict)
    """By position: routers keep what they find in evidence."""

    def taken(self) -> Iterator[Taken]:
        """Yield its decisions in order."""
        course, steps = self.history.course, iter(self.history.steps)
        here = Position()
        for decision, price in zip(course.taken, course.taken_at, strict=True):
            there = self.after(here, decision)
            yield Taken(decision, price, here, there, None if decision.arm is None else next(steps, None))
            here = there

    def after(self, here: Position, decision: Decision) -> Position:
        """Where a decision leads that was carried out as far as there are samples."""
        for arm, n in decision.runs:
            here = here.after(arm, min(n, self.n_stored(arm)))
        return here

    def n_stored(self, arm: Arm) -> int:
        """How many samples there are of its pool."""
        return len(self.history.evidence.of(arm.pool)) if arm.is_sampling else 0

    def has(self, decision: Decision) -> bool:
        """Whether all is there that a decision asks for."""
        return all(self._has(arm, n) for arm, n in decision.runs)

    def _has(self, arm: Arm, n: int) -> bool:
        if not arm.is_sampling:
            return arm.name in self.history.evidence.found
        samples = self.history.evidence.of(arm.pool)[:n]
        is_read = arm.prm is None or all(arm.prm in sample.scores for sample in samples)
        return len(samples) == n and is_read

    def at(self, here: Position) -> Evidence:
        """What was seen at a position, always as the same object."""
        if here.key not in self._seen:
            whole = self.history.evidence
            samples = {pool: self._first(pool, n, here) for pool, n in here.n.items() if n}
            found = {name: whole.found[name] for name in sorted(here.found) if name in whole.found}
            self._seen[here.key] = Evidence(whole.problem, samples, found)
        return self._seen[here.key]

    def spent(self, here: Position) -> Cost:
        """About what it takes to come there: of each pool the share of its tokens, of each search all."""
        total = Cost()
        for pool, n in here.n.items():
            total += _share(self._cost_of(pool), self._tokens(pool, n) / max(1, self._tokens(pool)))
        for name in here.found:
            total += self._cost_of(name)
        return total

    def _first(self, pool: str, n: int, here: Position) -> list[SolutionEvidence]:
        read = here.scored.get(pool, {})
        return [
            replace(s, scores={prm: found for prm, found in s.scores.items() if place < read.get(prm, 0)})
            for place, s in enumerate(self.history.evidence.of(pool)[:n])
        ]

    def _tokens(self, pool: str, n: int | None = None) -> int:
        return sum(c.n_tokens for c in self.history.gathered.of(pool).candidates[:n])

    def _cost_of(self, key: str) -> Cost:
        """What was spent on a pool, or on a search."""
        parts = [(t.step.cost, self._part(t, key)) for t in self.taken() if t.step is not None]
        return sum((_share(cost, part) for cost, part in parts if part), Cost())

    def _part(self, taken: Taken, key: str) -> float:
        """The share of a pool, or of a search, in the tokens of a step."""
        arm, pools = taken.decision.arm, drawn(taken.before, taken.after)
        tokens = {pool: self._tokens(pool, last) - self._tokens(pool, n) for pool, (n, last) in pools.items()}
        if arm is None or not arm.is_sampling or not any(tokens.values()):
            return float(arm is not None and _key(arm) == key)
        return tokens.get(key, 0) / sum(tokens.values())


def drawn(before: Position, after: Position) -> dict[str, list[int]]:
    """How many samples of each pool there were before a step and after it, where it drew any."""
    counts = {pool: [before.n.get(pool, 0), n] for pool, n in after.n.items()}
    return {pool: [first, last] for pool, (first, last) in counts.items() if last > first}


def _key(arm: Arm) -> str:
    return arm.pool if arm.is_sampling else arm.name


def _share(cost: Cost, share: float) -> Cost:
    return replace(
        cost,
        policy_generated_tokens=round(cost.policy_generated_tokens * share),
        flops=cost.flops * share,
        seconds=cost.seconds * share,
        dollars=cost.dollars * share,
    )
