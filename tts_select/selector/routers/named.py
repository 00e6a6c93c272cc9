"""A named method as a router: it always picks its arm, and its confidence is the share of the vote."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tts_select.core.arm import Arm
from tts_select.core.methods import METHODS
from tts_select.selector.deciding import Answer, Caps, Decision, Option, next_samples
from tts_select.selector.evidence import Evidence, shares
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.protocol import ByAnswersAlone


@dataclass(frozen=True)
class NamedArm(ByAnswersAlone):
    """Runs one arm on every problem, whatever the evidence."""

    arm: Arm
    why: str = "asked for"
    first_look: None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    unit: str = "FLOPs"
    confidence_kind: str = "vote share"
    fingerprints: Mapping[str, str] = field(default_factory=dict)

    @property
    def portfolio(self) -> Portfolio:
        """The one arm."""
        return Portfolio(self.arm.name, (self.arm,))

    @property
    def fallback(self) -> str:
        """The arm itself."""
        return self.arm.name

    def decide(self, evidences: Sequence[Evidence], price: float, caps: Sequence[Caps]) -> list[Decision]:
        """Run the arm (from look to look if it has a stop rule), and stop when there is nothing left to do.

        Neither the price nor the caps change the choice: what runs keeps to the caps by itself.
        """
        return [self._decision(evidence, cap) for evidence, cap in zip(evidences, caps, strict=True)]

    def answers(self, evidence: Evidence, price: float | None = None) -> list[Answer]:
        """The answers with their shares of the vote, the winner first; a single unscored sample has none."""
        if not self.arm.is_sampling:
            found = evidence.found.get(self.arm.name)
            return [] if found is None or found.group < 0 else [Answer(found.group, _known(found.share))]
        samples = evidence.of(self.arm.pool)
        by_answer = shares(self.arm, samples)
        is_alone = len(samples) == 1 and not samples[0].scores.get(self.arm.prm or "")
        return [Answer(group, None if is_alone else share) for group, share in by_answer.items()]

    def _decision(self, evidence: Evidence, caps: Caps) -> Decision:
        surest = next(iter(self.answers(evidence)), None)
        if not is_open(self.arm, evidence):
            p = surest.p_correct if surest and surest.p_correct is not None else math.nan
            stop = Option(None, p, 0.0)
            return Decision(stop, (stop,), surest=surest, why="the arm has run")
        n_here = len(evidence.of(self.arm.pool)) if self.arm.is_sampling else 0
        has_rule = METHODS[self.arm.method].stop_rule is not None
        n = n_here + next_samples(self.arm, n_here) if has_rule else max(n_here, self.arm.budget)
        seconds = caps.pace.seconds(self.arm, n_here, n) if caps.pace else None
        option = Option(self.arm, math.nan, math.nan, math.nan, seconds=seconds)
        return Decision(option, (option,), n, surest, self.why, is_look=has_rule and n_here > 0)


def is_open(arm: Arm, evidence: Evidence) -> bool:
    """Whether there is anything left to do for the arm."""
    if not arm.is_sampling:
        return arm.name not in evidence.found
    here = evidence.of(arm.pool)
    rule = METHODS[arm.method].stop_rule
    if rule and rule.is_met([sample.group for sample in here]):
        return False
    if len(here) < arm.budget and arm.pool not in evidence.exhausted:
        return True
    return arm.prm is not None and any(arm.prm not in s.scores and s.group >= 0 for s in here)


def _known(share: float) -> float | None:
    return None if math.isnan(share) else share
