"""Replays a router on cases: the loop of `selector/course.py`, over a log instead of models.

All walks go in step, so that a router is asked once for each decision of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.course import Course, next_decisions
from tts_select.selector.deciding import Answer, Caps, Decision
from tts_select.selector.evidence import Evidence
from tts_select.selector.features import Layout
from tts_select.selector.routers.lookahead import CalibratedModel
from tts_select.selector.routers.protocol import Router
from tts_select.training.replay.cases import Case, Order, Position


@dataclass(slots=True)
class Walk:
    """One problem in one draw, and what was spent on it so far."""

    case: Case
    order: Order
    position: Position = field(default_factory=Position)
    flops: float = 0.0
    tokens: float = 0.0
    """The number of generated tokens."""
    probe_flops: float = 0.0
    correct: float = 0.0
    """Whether the surest answer at hand is right."""
    confidence: float = 0.0
    """The probability of that; NaN where the router knows none."""
    answers: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    """The features of the answers at hand, a row each, when it has been judged."""
    sureness: np.ndarray = field(default_factory=lambda: np.empty(0))
    """The estimate of P(correct) of each of them."""
    chosen: list[str] = field(default_factory=list)
    """The names of the arms that were run, the probe aside."""
    unfamiliar: str | None = None
    """The reason why the router refused the problem as unlike its training problems, if it did."""
    decided: list[Decision] = field(default_factory=list)
    """The decisions of a walk that has ended, in order."""
    _seen: tuple[Position, Evidence] | None = None

    @property
    def evidence(self) -> Evidence:
        """The evidence seen so far."""
        if self._seen is None or self._seen[0] is not self.position:
            self._seen = self.position, self.case.evidence(self.order, self.position)
        return self._seen[1]

    def look(self) -> Evidence:
        """Return the evidence as other walks in this order have left it, with what routers found in it."""
        self._seen = self.position, self.case.evidence_again(self.order, self.position)
        return self._seen[1]

    def run(self, arm: Arm, n: int | None = None) -> None:
        """Run a search, or a sampling arm until its pool has `n` samples (None: all that it takes)."""
        if not arm.is_sampling:
            self.flops += self.case.cost(arm, self.order, self.position)
            self.tokens += self.case.outcome(arm, self.order).tokens
            self.position = self.position.after(arm, 0)
            return
        here = self.position.n.get(arm.pool, 0)
        wanted = self.case.n_samples(arm, self.order) if n is None else n
        n = max(here, min(wanted, len(self.order.samples[arm.pool])))
        flops, tokens = self.case.sampling_cost(arm, self.order, self.position, n)
        self.flops += flops
        self.tokens += tokens
        self.position = self.position.after(arm, n)

    def take(self, decision: Decision) -> None:
        """Carry out a decision; the one to stop settles the answer."""
        if decision.arm is None:
            self.settle(decision.surest)
            return
        for arm, n in decision.runs:
            self.run(arm, n)
        if decision.is_probe:
            self.probe_flops = self.flops
        else:
            self.chosen.append(decision.arm.name)

    def settle(self, surest: Answer | None) -> None:
        """Give this answer."""
        self.correct = self.case.is_right(surest.group) if surest else 0.0
        self.confidence = _probability(surest.p_correct) if surest else 0.0


def _probability(p_correct: float | None) -> float:
    return math.nan if p_correct is None else p_correct


def probed(probe: Arm | None, case: Case, order: Order) -> Walk:
    """The walk right after the probes, if there are any."""
    found = Walk(case, order)
    if probe is not None:
        found.run(probe)
    found.probe_flops = found.flops
    return found


def after(w: Walk, arm: Arm) -> Walk:
    """Return the walk when it has run the whole arm; `w` stays as it is."""
    later = replace(w)
    later.run(arm)
    return later


def walk(
    router: Router,
    cases: Sequence[Case],
    price: float,
    *,
    seed: int,
    caps: Caps | None = None,
    trail: list[tuple[int, Walk]] | None = None,
) -> list[Walk]:
    """Return one walk for each case, in a random order of its samples. A `trail` takes the walks as they
    are before each decision that is not the probe, with the place of the case."""
    return walk_in(router, cases, draw_of(cases, seed), price, caps=caps, trail=trail)


def draw_of(cases: Sequence[Case], seed: int) -> list[Order]:
    """Draw a random order of each case."""
    rng = np.random.default_rng(seed)
    return [case.order(rng) for case in cases]


def walk_in(
    router: Router,
    cases: Sequence[Case],
    orders: Sequence[Order],
    price: float,
    *,
    caps: Caps | None = None,
    trail: list[tuple[int, Walk]] | None = None,
    begun: Sequence[Walk] | None = None,
) -> list[Walk]:
    """Return one walk for each case, to its end, in these orders; they go on from `begun`, if that is
    given."""
    walks = list(begun or (Walk(case, order) for case, order in zip(cases, orders, strict=True)))
    courses = [Course(case.problem.problem, price) for case in cases]
    limits = caps or Caps()
    going = list(range(len(walks)))
    while going:
        some = [walks[k] for k in going]
        left = [limits.after(w.flops, w.tokens) for w in some]
        decided = next_decisions(router, [courses[k] for k in going], [w.look() for w in some], left)
        for k, decision in zip(going, decided, strict=True):
            if trail is not None and not decision.is_probe and courses[k].unfamiliar is None:
                trail.append((k, replace(walks[k])))
            courses[k].take(decision)
            walks[k].take(decision)
        going = [k for k in going if not courses[k].is_done]
    for w, course in zip(walks, courses, strict=True):
        w.unfamiliar, w.decided = course.unfamiliar, course.taken
        if course.unfamiliar is not None or course.taken[-1].arm is not None:
            w.settle(next(iter(router.answers(w.evidence, price)), None))
    return walks


def judge(layout: Layout, confidence: CalibratedModel, walks: Sequence[Walk]) -> None:
    """Judge how sure each answer at hand is by now, and whether the surest is right."""
    found = [layout.answers(w.evidence) for w in walks]
    if not any(groups for groups, _ in found):
        return
    said = confidence(np.concatenate([rows for _, rows in found]))
    start = 0
    for w, (groups, rows) in zip(walks, found, strict=True):
        w.answers, w.sureness = rows, said[start : start + len(groups)]
        start += len(groups)
        if groups:
            best = int(w.sureness.argmax())
            w.correct, w.confidence = w.case.is_right(groups[best]), float(w.sureness[best])
