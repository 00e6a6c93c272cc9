"""Several policies that no router was trained for: the cheapest one first, a dearer one where it pays.

Each policy is sampled as the prior says (`prior.py`). Where that would stop, the next policy is asked if what
it may gain exceeds its price. How much better it is nobody has measured, so that is an assumption: twice the
cost of a sample, twice the odds of being right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tts_select.core.arm import Arm
from tts_select.selector.deciding import Answer, Caps, Decision, Option
from tts_select.selector.evidence import Evidence
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.prior import PriorRouter
from tts_select.selector.routers.protocol import ByAnswersAlone

ASSUMED = "assumed: twice the cost of a sample, twice the odds of being right"
FIRST_ODDS = 0.05
"""The odds that are taken where no sample of a policy gives an answer."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A policy, and what one of its samples costs, in samples of the first one."""

    router: PriorRouter
    cost: float


@dataclass(frozen=True)
class PriorCascade(ByAnswersAlone):
    """Decides which policy is sampled next, and when to stop; costs are in samples of the cheapest policy."""

    confidence_kind = "prior"
    unit = "samples"

    stages: tuple[Stage, ...]
    """The cheapest policy first."""
    fingerprints: Mapping[str, str] = field(default_factory=dict)

    @property
    def portfolio(self) -> Portfolio:
        """The arm of each policy."""
        return Portfolio("cheapest first", tuple(arm for s in self.stages for arm in s.router.portfolio.arms))

    @property
    def fallback(self) -> str:
        """The arm of the dearest policy."""
        return self.stages[-1].router.arm.name

    @property
    def first_look(self) -> Arm:
        """That of the cheapest policy."""
        return self.stages[0].router.first_look

    @property
    def greedy_look(self) -> Arm | None:
        """That of the cheapest policy."""
        return self.stages[0].router.greedy_look

    @property
    def prices(self) -> Mapping[str, float]:
        """Those of the cheapest policy."""
        return self.stages[0].router.prices

    def decide(self, evidences: Sequence[Evidence], price: float, caps: Sequence[Caps]) -> list[Decision]:
        """Sample the policy that was asked last, ask the next one, or stop."""
        return [self._decision(e, price, cap) for e, cap in zip(evidences, caps, strict=True)]

    def answers(self, evidence: Evidence, price: float | None = None) -> list[Answer]:
        """The leader of each policy with its probability of being right, the surest first; then the
        others."""
        found: dict[int, float | None] = {}
        for stage in self.stages:
            for answer in stage.router.answers(evidence):
                known = found.get(answer.group)
                if known is None or (answer.p_correct or 0.0) > known:
                    found[answer.group] = answer.p_correct
        ranked = sorted(found.items(), key=lambda item: -1.0 if item[1] is None else -item[1] - 1)
        return [Answer(group, p) for group, p in ranked]

    def _decision(self, evidence: Evidence, price: float, caps: Caps) -> Decision:
        k = self._place(evidence)
        stage = self.stages[k]
        (found,) = stage.router.decide([evidence], price * stage.cost, [caps])
        surest = next(iter(self.answers(evidence)), None)
        found = replace(found, surest=surest, options=tuple(self._scaled(o, k) for o in found.options))
        if found.option is None or found.arm is not None:
            return replace(found, option=found.options[0] if found.option is not None else None)
        p = (surest.p_correct or 0.0) if surest else 0.0
        stop = Option(None, p, 0.0)
        if k + 1 == len(self.stages):
            return replace(found, option=stop, options=(stop, *found.options[1:]))
        return self._escalated(evidence, price, caps, replace(found, option=stop))

    def _escalated(self, evidence: Evidence, price: float, caps: Caps, stopped: Decision) -> Decision:
        """Ask the next policy if that is worth it, else stop."""
        k = self._place(evidence)
        assert stopped.option is not None
        p, stage = stopped.option.p_correct, self.stages[k + 1]
        look, n = stage.router.first_look, stage.router.looks[0]
        odds = max(p / max(1 - p, 1e-9), FIRST_ODDS) * stage.cost / self.stages[k].cost
        option = Option(
            stage.router.arm,
            odds / (1 + odds),
            n * stage.cost,
            n * self._tokens(evidence, k),
        )
        rest = tuple(o for o in stopped.options if o.arm is not None)
        if option.value(price) <= p:
            return replace(stopped, options=(stopped.option, option, *rest))
        if not caps.allow(option):
            return replace(stopped, options=(stopped.option,), why="the caps allow no more")
        why = f"{look.policy} may know better ({ASSUMED})"
        options = (option, stopped.option, *rest)
        return Decision(option, options, look.budget, stopped.surest, why, beside=stage.router.greedy)

    def _place(self, evidence: Evidence) -> int:
        """The dearest policy that has been asked; the cheapest before any has."""
        asked = [k for k, stage in enumerate(self.stages) if stage.router.samples(evidence)]
        return max(asked, default=0)

    def _tokens(self, evidence: Evidence, k: int) -> float:
        """The mean tokens of a sample of this policy; those of the next one are taken to be as long."""
        samples = self.stages[k].router.samples(evidence)
        return sum(s.n_tokens for s in samples) / max(1, len(samples))

    def _scaled(self, option: Option, k: int) -> Option:
        cost = option.flops if math.isnan(option.flops) else option.flops * self.stages[k].cost
        return replace(option, flops=cost)
