"""Replays a router on cases: probe, decide, run, look again, until it stops.

All walks go in step, so that each decision of all of them is one call of LightGBM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.deciding import next_samples
from tts_select.selector.evidence import Evidence, won_by
from tts_select.selector.router import Router, is_open
from tts_select.training.routing.cases import Case, Order
from tts_select.training.routing.rows import Look, first_look

MOST_DECISIONS = 16


@dataclass(slots=True)
class Walk:
    """One problem in one draw."""

    case: Case
    order: Order
    look: Look
    arm: Arm
    """What won the answer."""
    group: int = -1
    share: float = 0.0
    correct: float = 0.0
    confidence: float = 0.0
    predicted: float = 0.0
    """P(correct) at the last decision to run something."""
    flops: float = 0.0
    probe_flops: float = 0.0
    chosen: list[str] = field(default_factory=list)
    done: bool = False

    def run(self, arm: Arm, *, whole: bool) -> None:
        """A round of a sampling arm (or all of it), or a search; its answer is the answer from now on."""
        if not arm.is_sampling:
            won = self.case.outcome(arm, self.order)
            self.arm, self.group, self.share, self.correct = arm, won.group, won.share, won.correct
            self.flops += won.flops
            self.done = True
            return
        here = self.look.n.get(arm.policy, 0)
        n = self.case.n_samples(arm, self.order) if whole else here + max(0, next_samples(arm, here))
        n = max(here, min(n, len(self.order.samples[arm.policy])))
        unscored = arm.prm is not None and arm.prm not in self.look.scored.get(arm.policy, ())
        self.flops += self.case.sampling_cost(
            arm.policy, arm.prm, self.order, here, n, scored_before=0 if unscored else here
        )[0]
        self.look = self.look.with_arm(arm, n)
        self._answer(arm, n)

    def _answer(self, arm: Arm, n: int) -> None:
        places = self.order.samples[arm.policy][:n]
        won = won_by(arm, [self.case.observed[arm.policy][k] for k in places])
        self.arm = as_far(arm, n)
        self.group, self.share = won.group, won.share
        self.correct = self.case.is_right(won.group)


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
    found = Walk(case, order, Look({}, {}), probe.arm)
    found.run(probe.arm, whole=True)
    found.look = first_look(probe)
    found.probe_flops = found.flops
    return found


def _decide(router: Router, walks: Sequence[Walk], price: float, *, again: bool) -> None:
    choices = []
    for w in walks:
        evidence = w.look.evidence(w.case, w.order)
        arms = [a for a in router.portfolio.arms if is_open(a, evidence)]
        w.done = not arms
        if arms:
            choices.append((w, arms, _rows(router, evidence, arms)))
    if not choices:
        return
    rows = np.concatenate([rows for _, _, rows in choices])
    p, flops = router.success(rows), router.flops(rows)
    start = 0
    for w, arms, _ in choices:
        values = p[start : start + len(arms)] - price * flops[start : start + len(arms)]
        best = int(values.argmax())
        if values[best] <= w.confidence:
            w.done = True
        else:
            w.predicted = float(p[start + best])
            w.chosen.append(arms[best].name)
            w.run(arms[best], whole=not again)
            w.done = w.done or not again
        start += len(arms)


def _rows(router: Router, evidence: Evidence, arms: Sequence[Arm]) -> np.ndarray:
    state = router.layout.state(evidence)
    return np.stack([np.concatenate([state, router.layout.arm(arm, evidence)]) for arm in arms])


def _judge(router: Router, walks: Sequence[Walk]) -> None:
    """The confidence in the answer at hand."""
    if not walks:
        return
    rows = []
    for w in walks:
        evidence = w.look.evidence(w.case, w.order)
        layout = router.layout
        rows.append(
            np.concatenate(
                [
                    layout.state(evidence),
                    layout.arm(w.arm, evidence),
                    layout.outcome(evidence, w.group, w.share),
                ]
            )
        )
    for w, p in zip(walks, router.confidence(np.stack(rows)), strict=True):
        w.confidence = float(p)
