"""Each training of a router that was trained several times, beside what they come to together."""

from __future__ import annotations

from dataclasses import replace

from tts_select.training.evaluation.budgets import area_between
from tts_select.training.evaluation.compared import Compared
from tts_select.training.evaluation.comparing import frontier_gaps
from tts_select.training.evaluation.records import TrainingRecord
from tts_select.training.evaluation.trainings import alone
from tts_select.training.replay.curves import Curve


def each_training(compared: Compared) -> list[TrainingRecord]:
    """None of a router that was trained once."""
    n = len(compared.measured.trainings)
    return [_training(compared, k) for k in range(n)] if n > 1 else []


def _training(compared: Compared, k: int) -> TrainingRecord:
    m = compared.measured
    points = Curve.of([alone(score, k) for score in m.frontier.scores])
    return {
        "efforts": {
            effort: {"price": price, **compared.point(alone(score, k))}
            for effort, (price, score) in m.efforts.items()
        },
        "area": area_between(points, compared.fixed),
        "cost_ratio": replace(compared.headline, points=points).cost_ratio(),
        "worst": frontier_gaps(points, m.scores, compared.fixed)["worst"],
    }
