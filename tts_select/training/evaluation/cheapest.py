"""What accuracies cost, beside the cheapest fixed arm that has them but for a point.

The best of many arms is a toss-up among a few whose costs differ much: a cost ratio beside it has one value
or another by luck. The cheapest arm within a point of an accuracy is a firmer thing to stand beside, and it
is what a careful person would run. Accuracies are so much above or below the best arm's, in every resample
anew, so that problems which are harder for all do not count as a difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tts_select.training.evaluation.compared import Compared
from tts_select.training.evaluation.records import AgainstCheapest
from tts_select.training.replay.curves import Curve
from tts_select.training.replay.envelope import EVEN
from tts_select.training.replay.metrics import Interval
from tts_select.training.replay.resampling import interval

ABOVE_BEST = (0.1, 0.05, 0.02, 0.0, -0.02, -0.05, -0.1, -0.15, -0.2, -0.3)
"""The accuracies, above that of the best fixed arm."""
A_POINT = 0.01


@dataclass(frozen=True, slots=True)
class CostAt:
    """What an accuracy costs: infinite where it never is reached."""

    accuracy: float
    above_best: float
    router: float
    arm: int | None
    """The place of the cheapest arm that has it but for a point."""
    ratio: Interval
    """The router's cost over the arm's; where no arm is as accurate, NaN."""


def against_cheapest(points: Curve, arms: Curve, best: int) -> list[CostAt]:
    """From the most that the router or an arm reaches to the least that is more than the cheapest of both
    have."""
    known = [_at(points, arms, arms.accuracies[:, best], above) for above in ABOVE_BEST]
    most = max(curve.accuracies[0].max() for curve in (points, arms))
    least = min(curve.envelopes[0].accuracies[0] for curve in (points, arms))
    return [row for row in known if least <= row.accuracy <= most + EVEN]


def costs_against_cheapest(compared: Compared) -> list[AgainstCheapest]:
    """The records of the report."""
    rows = against_cheapest(compared.router, compared.fixed, compared.headline.best)
    return [_record(compared, row) for row in rows]


def _record(compared: Compared, row: CostAt) -> AgainstCheapest:
    found: AgainstCheapest = {"accuracy": row.accuracy, "above_best": row.above_best, "router": row.router}
    if "reached" in (most := compared.reached(row.router)):
        found["reached"] = most["reached"]
    if row.arm is not None:
        name = list(compared.measured.scores)[row.arm]
        found["arm"] = {"name": name, **compared.point(compared.measured.scores[name])}
        found["cost_ratio"] = row.ratio.as_dict()
    return found


def _at(points: Curve, arms: Curve, best: np.ndarray, above: float) -> CostAt:
    wanted = best + above
    has_it = arms.accuracies >= wanted[:, None] - A_POINT - EVEN
    paid = np.where(has_it, arms.costs, np.inf)
    costs = np.array([e.costs_at(w[None])[0] for e, w in zip(points.envelopes, wanted, strict=True)])
    cheapest = paid.min(axis=1)
    if np.isfinite(cheapest[0]):
        arm, known = int(paid[0].argmin()), np.isfinite(costs) | np.isfinite(cheapest)
    else:
        arm, known = None, np.zeros(len(costs), bool)
    ratios = np.divide(costs, cheapest, out=np.full_like(costs, np.nan), where=known)
    return CostAt(float(wanted[0]), above, float(costs[0]), arm, interval(ratios))
