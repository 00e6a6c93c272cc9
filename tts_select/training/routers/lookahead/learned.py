"""How much of what a router has to know was learned, on problems that the models had not seen, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tts_select.training.replay.metrics import bootstrap
from tts_select.training.routers.lookahead.learning import Told

ENOUGH_PROBLEMS = 100
"""From here on more problems gain little (docs/log.md, the learning curve of the embedded world)."""


def skill_of(told: Told, n_problems: int) -> dict[str, float] | None:
    """The share of the labels' variance that is explained, with its 95 % interval over problems: 0 is what the mean
    of all would do, less than 0 is worse. None where the labels are all alike."""
    error, spread = (
        np.bincount(told.problems, weights=squares, minlength=n_problems)
        for squares in ((told.said - told.labels) ** 2, (told.labels.mean() - told.labels) ** 2)
    ) if len(told.labels) else (np.zeros(n_problems), np.zeros(n_problems))
    if not spread.sum() > 0:
        return None
    found = bootstrap(lambda places: _explained(error[places].sum(), spread[places].sum()), n_problems)
    return found.as_dict()


def skills(told: Mapping[str, Told], n_problems: int) -> dict[str, Any]:
    """By model, those that can be measured."""
    found = {name: skill_of(model, n_problems) for name, model in told.items()}
    return {name: skill for name, skill in found.items() if skill is not None}


def warning_of(n_problems: int) -> str | None:
    """For people, where there are too few problems."""
    if n_problems >= ENOUGH_PROBLEMS:
        return None
    return (
        f"{n_problems} problems teach little beyond what each arm does on average, and what the router expects is "
        f"shrunk to that: sweep {ENOUGH_PROBLEMS} or more"
    )


def _explained(error: float, spread: float) -> float:
    return 1 - error / spread if spread > 0 else float("nan")
