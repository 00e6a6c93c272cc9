"""Which outcomes tell how sure a router is, as it stands: its own, and those from before its confidence was
corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.calibration import Calibration
from tts_select.solving.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Told:
    """What the router, as it stands, says or would have said, and what was right, shape (outcomes,) each."""

    said: np.ndarray
    right: np.ndarray
    n_of_others: int
    """Outcomes of other routers, or with another kind of confidence."""
    n_without: int
    """Outcomes without an answer, of which nothing was said."""


@dataclass(frozen=True, slots=True)
class Whose:
    """A router, for its outcomes."""

    identity: str
    uncorrected: str
    """Its identity before its confidence was corrected; else the same."""
    confidence_kind: str
    curve: Calibration | None


def told_of(outcomes: Sequence[Outcome], whose: Whose) -> Told:
    """Sort out what tells of the router; outcomes that do not say whose they are, are taken to be its own."""
    said, right, n_of_others, n_without = [], [], 0, 0
    for outcome in outcomes:
        mine = outcome.router in (None, whose.identity, whose.uncorrected)
        if not mine or outcome.confidence_kind not in (None, whose.confidence_kind):
            n_of_others += 1
        elif outcome.confidence is None or outcome.correct is None:
            n_without += 1
        else:
            is_old = outcome.router == whose.uncorrected and whose.curve is not None
            said.append(whose.curve.of(outcome.confidence) if is_old and whose.curve else outcome.confidence)
            right.append(outcome.correct)
    return Told(np.array(said, float), np.array(right, float), n_of_others, n_without)
