"""Replays a router on cases: probe, decide, run, look again, until it stops.

All walks go in step, so that each decision of all of them is one call of LightGBM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.deciding import Caps, Option, first_step, next_samples, ranked
from tts_select.selector.evidence import Evidence
from tts_select.selector.features import Layout
from tts_select.selector.routers.lookahead import Calibrated, Probe, Router, is_open
from tts_select.training.replay.cases import Case, Look, Order

MOST_DECISIONS = 16


@dataclass(slots=True)
class Walk:
    """One problem in one draw. `run` and `judge` take it on."""

    case: Case
    order: Order
    look: Look = field(default_factory=Look)
    flops: float = 0.0
    probe_flops: float = 0.0
    correct: float = 0.0
    """Whether the surest answer at hand is right."""
    confidence: float = 0.0
    """The probability of that."""
    answers: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    """The features of the answers at hand, a row each."""
    sureness: np.ndarray = field(default_factory=lambda: np.empty(0))
    """How likely each is to be right."""
    chosen: list[str] = field(default_factory=list)
    done: bool = False
    _seen: tuple[Look, Evidence] | None = None

    @property
    def evidence(self) -> Evidence:
        """All that has been seen."""
        if self._seen is None or self._seen[0] is not self.look:
            self._seen = self.look, self.case.evidence(self.order, self.look)
        return self._seen[1]

    def run(self, arm: Arm, *, whole: bool) -> None:
        """A round of a sampling arm (or all of it), or a search."""
        if not arm.is_sampling:
            self.flops += self.case.cost(arm, self.order, self.look)
            self.look = self.look.after(arm, 0)
            return
        here = self.look.n.get(arm.pool, 0)
        n = self.case.n_samples(arm, self.order) if whole else here + max(0, next_samples(arm, here))
        n = max(here, min(n, len(self.order.samples[arm.pool])))
        self.flops += self.case.sampling_cost(arm, self.order, self.look, n)[0]
        self.look = self.look.after(arm, n)


def probed(probe: Probe, case: Case, order: Order) -> Walk:
    """Right after the probes, if there are any."""
    found = Walk(case, order)
    if probe.n:
        found.run(probe.arm, whole=True)
    found.probe_flops = found.flops
    return found


def after(w: Walk, arm: Arm) -> Walk:
    """The walk when it has run the whole arm; `w` stays as it is."""
    later = replace(w)
    later.run(arm, whole=True)
    return later


def walk(
    router: Router,
    cases: Sequence[Case],
    price: float,
    *,
    seed: int,
    again: bool = True,
    trail: list[tuple[int, Walk]] | None = None,
) -> list[Walk]:
    """One walk a case; `again=False` decides once, after the probes. As in a live search, a problem unlike
    those of the training gets the best fixed arm at once. A `trail` takes the walks as they are before each
    decision, with the place of the case."""
    rng = np.random.default_rng(seed)
    walks = [_begun(router, case, case.order(rng)) for case in cases]
    judge(router.layout, router.confidence, walks)
    for _ in range(MOST_DECISIONS):
        active = [w for w in walks if not w.done]
        if not active:
            break
        if trail is not None:
            trail += [(place, replace(w)) for place, w in enumerate(walks) if not w.done]
        for w, options in zip(active, options_of(router, active), strict=True):
            _step(w, options, price, again=again)
        judge(router.layout, router.confidence, active)
    return walks


def _begun(router: Router, case: Case, order: Order) -> Walk:
    if router.unfamiliar(case.problem.problem) is None:
        return probed(router.probe, case, order)
    found = Walk(case, order, done=True, chosen=[router.fallback])
    found.run(router.portfolio[router.fallback], whole=True)
    return found


def judge(layout: Layout, confidence: Calibrated, walks: Sequence[Walk]) -> None:
    """How sure each answer at hand is by now, and whether the surest is right."""
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


def options_of(router: Router, walks: Sequence[Walk]) -> list[list[Option]]:
    """What each walk may do next, as `Router.options`; the walks have been judged."""
    evidence = [w.evidence for w in walks]
    arms = [[a for a in router.portfolio.arms if is_open(a, e)] for e in evidence]
    rows = [
        router.layout.options(e, found, w.answers, w.sureness)
        for w, e, found in zip(walks, evidence, arms, strict=True)
        if found
    ]
    stops = [[Option(None, w.confidence, 0.0)] if w.look.readers else [] for w in walks]
    if not rows:
        return stops
    p, flops = (of(np.concatenate(rows)) for of in (router.p_correct, router.flops))
    options, start = [], 0
    for stop, found in zip(stops, arms, strict=True):
        places = range(start, start + len(found))
        start += len(found)
        others = (Option(a, float(p[k]), float(flops[k])) for a, k in zip(found, places, strict=True))
        options.append([*stop, *others])
    return options


def _step(w: Walk, options: Sequence[Option], price: float, *, again: bool) -> None:
    caps = Caps()
    option = first_step(options, price, caps) if again else ranked(options, price, caps)[0]
    if option is None or option.arm is None:
        w.done = True
        return
    w.chosen.append(option.name)
    w.run(option.arm, whole=not again)
    w.done = not again
