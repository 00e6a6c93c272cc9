"""A prior whose rules are written down instead of learned, and one that was learned from made samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.calibration import Calibration
from tts_select.selector.routers.learned_prior import Gain, Prior, PrmTerm
from tts_select.selector.routers.prior import PriorRouter
from tts_select.selector.routers.prior_prm import CHANGE_TERMS, CORRECT_TERMS, SETTLED_TERMS


class Written:
    """Stands in for a LightGBM model: a function of each row."""

    def __init__(self, of: object) -> None:
        self._of = of

    def predict(self, rows: np.ndarray, num_threads: int = 1) -> np.ndarray:
        """Return one number a row."""
        return np.array([self._of(row) for row in rows])  # type: ignore[operator]


def written_prior(*, gain: float = 0.5) -> Prior:
    """The leader is as likely to be right as its share; it changes as often as its margin leaves room for,
    the more so the further one looks."""
    return Prior(
        change=Written(lambda row: (1 - row[4]) * (1 - 0.5 ** row[-1])),  # type: ignore[arg-type]
        correct=Written(lambda row: row[1]),  # type: ignore[arg-type]
        gain=Gain((0.0, 0.0, 0.0, 0.0), gain),
        calibration=Calibration((0.0, 1.0), (0.0, 1.0)),
        efforts={"low": 2.0, "medium": 0.5, "high": 0.05},
    )


def written_term() -> PrmTerm:
    """A score ahead of the others is as good as their votes: the leader is the likelier to be right and the
    less likely to change."""
    correct = {"differs": -0.5, "mean_lead": 3.0}
    settled = {"intercept": -1.0, "votes": 0.5, "alone": 2.0, "lead": 2.0}
    change = {"votes": 0.5, "alone": -2.0, "lead": -2.0, "ratio": 0.3}
    return PrmTerm(
        correct=tuple(correct.get(name, 0.0) for name in CORRECT_TERMS),
        settled=tuple(settled.get(name, 0.0) for name in SETTLED_TERMS),
        change=tuple(change.get(name, 0.0) for name in CHANGE_TERMS),
        gain=Gain((0.1, 0.0, 0.0, 0.0), 0.4),
        efforts={"low": 1.0, "medium": 0.3, "high": 0.02},
    )


def scored_router(policy: str = "log:weak", prm: str = "log:prm", budget: int = 8) -> PriorRouter:
    """The written prior, with its term, for a policy and a PRM."""
    arm, prior = Arm(policy, prm, "best_of_n", budget), replace(written_prior(), term=written_term())
    return PriorRouter(prior, Arm(policy, None, "majority", 1)).on(arm)


def prior_router(policy: str = "log:weak", budget: int = 8) -> PriorRouter:
    """The written prior for a policy."""
    return PriorRouter(written_prior(), Arm(policy, None, "majority", budget))
