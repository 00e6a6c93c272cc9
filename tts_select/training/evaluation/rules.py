"""The frontier of a stop rule over its settings, and the router beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tts_select.training.evaluation.budgets import area_between
from tts_select.training.evaluation.records import RulePoint, RuleRecord
from tts_select.training.evaluation.thresholds import Setting
from tts_select.training.replay.curves import Curve


@dataclass(frozen=True, slots=True)
class RuleFrontier:
    """All settings of a rule, and what they get in every resample."""

    settings: Sequence[Setting]
    curve: Curve

    @property
    def cheapest(self) -> float:
        """What the cheapest setting costs."""
        return float(self.curve.costs[0].min())

    def record(self, rule: str, router: Curve) -> RuleRecord:
        """The router beside it, and its corners."""
        return {
            "against": rule,
            "n_settings": len(self.settings),
            "area": area_between(router, self.curve),
            "points": self.corners(),
        }

    def corners(self) -> list[RulePoint]:
        """The settings that are corners of the frontier, from cheap to dear."""
        corners = self.curve.envelopes[0]
        found: list[RulePoint] = []
        for cost, accuracy in zip(corners.costs.tolist(), corners.accuracies.tolist(), strict=True):
            at = (self.curve.costs[0] == cost) & (self.curve.accuracies[0] == accuracy)
            setting = self.settings[int(at.argmax())]
            found.append(
                {
                    "policy": setting.policy,
                    "threshold": setting.threshold,
                    "most_samples": setting.most_samples,
                    "accuracy": accuracy,
                    "cost": cost,
                }
            )
        return found


def frontiers_of(settings: Mapping[str, Sequence[Setting]]) -> dict[str, RuleFrontier]:
    """By rule."""
    return {rule: RuleFrontier(some, Curve.of([s.score for s in some])) for rule, some in settings.items()}
