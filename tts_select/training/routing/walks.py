"""Replays a router on cases: probe, decide, run, look again, until it stops.

All walks go in step, so that each decision of all of them is one call of LightGBM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.deciding import held_as, next_samples
from tts_select.selector.evidence import NO_ANSWER, Evidence, won_by
from tts_select.selector.router import Router, is_open
from tts_select.training.routing.cases import Case, Order
from tts_select.training.routing.rows import Look, first_look

MOST_DECISIONS = 16


@dataclass(frozen=True, slots=True)
class Held:
    """An answer at hand: what won it, its group and share of the vote, and whether it is right."""

    arm: Arm
    group: int
    share: float
    correct: float


@dataclass(slots=True)
class Walk:
    """One problem in one draw."""

    case: Case
    order: Order
    look: Look
    held: dict[str, Held] = field(default_factory=dict)
    """The last answer of each search, and of the samples of each policy under each way to read them."""
    best: Held | None = None
    """The surest of them."""
    confidence: float = 0.0
    flops: float = 0.0
    probe_flops: float = 0.0
    chosen: list[str] = field(default_factory=list)
    done: bool = False

    @property
    def correct(self) -> float:
        """Whether the answer is right."""
        return self.best.correct if self.best else 0.0

    @property
    def arm(self) -> Arm | None:
        """What won the answer."""
        return self.best.arm if self.best else None

    def run(self, arm: Arm, *, whole: bool) -> None:
        """A round of a sampling arm (or all of it), or a search; its answer is one more at hand."""
        if not arm.is_sampling:
            won = self.case.outcome(arm, self.order)
            self.held[held_as(arm)] = Held(arm, won.group, won.share, won.correct)
            self.flops += won.flops
            return
        here = self.look.n.get(arm.policy, 0)
        n = self.case.n_samples(arm, self.order) if whole else here + max(0, next_samples(arm, here))
        n = max(here, min(n, len(self.order.samples[arm.policy])))
        unscored = arm.prm is not None and arm.prm not in self.look.scored.get(arm.policy, ())
        self.flops += self.case.sampling_cost(
            arm.policy, arm.prm, self.order, here, n, scored_before=0 if unscored else here
        )[0]
        self.look = self.look.with_arm(arm, n)
        places = self.order.samples[arm.policy][:n]
        won_vote = won_by(arm, [self.case.observed[arm.policy][k] for k in places])
        correct = self.case.is_right(won_vote.group)
        self.held[held_as(arm)] = Held(as_far(arm, n), won_vote.group, won_vote.share, correct)

    def is_open(self, arm: Arm, evidence: Evidence) -> bool:
        """Whether there is anything left to do for the arm."""
        return is_open(arm, evidence) and (arm.is_sampling or held_as(arm) not in self.held)


def as_far(arm: Arm, n: int) -> Arm:
    """The arm as if its budget were `n`; an adaptive one is a majority."""
    method = "majority" if arm.method == "adaptive" else arm.method
    return Arm(arm.policy, arm.prm, method, n, arm.settings)


def walk(router: Router, cases: Sequence[Case], price: float, *, seed: int, again: bool = True) -> list[Walk]:
    """One walk a case; `again=False` decides once, after the probes."""
    rng = np.random.default_rng(seed)
    walks = [_probed(router, case, case.order(rng)) for case in cases]
    _judge(router, walks)
    for _ in range(MOST_DECISIONS):
        active = [w for w in walks if not w.done]
        if not active:
            break
        _decide(router, active, price, again=again)
        _judge(router, [w for w in active if w.chosen])
    return walks


def _probed(router: Router, case: Case, order: Order) -> Walk:
    probe = router.probe
    found = Walk(case, order, Look({}, {}))
    found.run(probe.arm, whole=True)
    found.look = first_look(probe)
    found.probe_flops = found.flops
    return found


def _decide(router: Router, walks: Sequence[Walk], price: float, *, again: bool) -> None:
    evidence = [w.look.evidence(w.case, w.order) for w in walks]
    arms = router.portfolio.arms
    open_arms = [[a for a in arms if w.is_open(a, e)] for w, e in zip(walks, evidence, strict=True)]
    for w, found in zip(walks, open_arms, strict=True):
        w.done = not found
    rows = [_rows(router, e, found) for e, found in zip(evidence, open_arms, strict=True) if found]
    if not rows:
        return
    p, flops = (model(np.concatenate(rows)) for model in (router.success, router.flops))
    start = 0
    for w, found in zip(walks, open_arms, strict=True):
        if w.done:
            continue
        values = p[start : start + len(found)] - price * flops[start : start + len(found)]
        best = int(values.argmax())
        if values[best] <= w.confidence:
            w.done = True
        else:
            w.chosen.append(found[best].name)
            w.run(found[best], whole=not again)
            w.done = not again
        start += len(found)


def _rows(router: Router, evidence: Evidence, arms: Sequence[Arm]) -> np.ndarray:
    state = router.layout.state(evidence)
    return np.stack([np.concatenate([state, router.layout.arm(arm, evidence)]) for arm in arms])


def _judge(router: Router, walks: Sequence[Walk]) -> None:
    """How sure each answer at hand is by now, and which is the surest."""
    rows, owners = [], []
    for w in walks:
        evidence = w.look.evidence(w.case, w.order)
        state = router.layout.state(evidence)
        for held in w.held.values():
            arm = router.layout.arm(held.arm, evidence)
            rows.append(np.concatenate([state, arm, router.layout.outcome(evidence, held.group, held.share)]))
            owners.append((w, held))
        w.best, w.confidence = None, -1.0
    if not rows:
        return
    for (w, held), said in zip(owners, router.confidence(np.stack(rows)), strict=True):
        p = 0.0 if held.group == NO_ANSWER else float(said)
        if p > w.confidence:
            w.best, w.confidence = held, p
