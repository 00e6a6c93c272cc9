"""Measures how much was learned, on problems that the models had not seen, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tts_select.training.replay.metrics import IntervalRecord, bootstrap
from tts_select.training.routers.lookahead.learning import Told

ENOUGH_PROBLEMS = 100
"""Fewer get a warning. Measured on the embedded world, by Brier scores (docs/lab/log.md): with a small
portfolio a router of 24 or 48 problems predicts less exactly than one of 96, and one of 192 no more exactly,
in one choice of problems each; models of the full portfolio's rows still gain from 96 to 288."""


def skills(told: Mapping[str, Told], n_problems: int) -> dict[str, IntervalRecord]:
    """Return `skill_of` each model whose skill can be measured."""
    found = {name: skill_of(model, n_problems) for name, model in told.items()}
    return {name: skill for name, skill in found.items() if skill is not None}


def skill_of(told: Told, n_problems: int) -> IntervalRecord | None:
    """Return the share of the labels' variance that is explained, with its 95 % interval over problems.

    The mean of all labels explains 0, and what is worse than that less than 0. None where they are all alike.
    """
    if not len(told.labels) or not np.ptp(told.labels):
        return None
    squares = (told.said - told.labels) ** 2, (told.labels.mean() - told.labels) ** 2
    error, spread = (np.bincount(told.problems, weights=s, minlength=n_problems) for s in squares)

    def explained(places: np.ndarray) -> float:
        return 1 - float(error[places].sum() / spread[places].sum()) if spread[places].any() else float("nan")

    return bootstrap(explained, n_problems).as_dict()


def warning_of(n_problems: int) -> str | None:
    """Return a warning for people where there are fewer problems than were found to be enough."""
    if n_problems >= ENOUGH_PROBLEMS:
        return None
    return (
        f"{n_problems} problems are few: what the router expects is shrunk towards what each arm does on "
        "average, and from 48 problems of the embedded world it was less exact than from 96: "
        f"sweep {ENOUGH_PROBLEMS} or more"
    )
