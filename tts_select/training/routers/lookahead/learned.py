"""Measures how much was learned, on problems that the models had not seen, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tts_select.training.replay.metrics import IntervalRecord, bootstrap
from tts_select.training.routers.lookahead.learning import Told

ENOUGH_PROBLEMS = 100
"""The number of problems beyond which more gain little (docs/lab/log.md, the learning curve of the
embedded world)."""


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
    """Return a warning for people where there are too few problems."""
    if n_problems >= ENOUGH_PROBLEMS:
        return None
    return (
        f"{n_problems} problems teach little beyond what each arm does on average, and what the router "
        f"expects is shrunk towards that: sweep {ENOUGH_PROBLEMS} or more"
    )
