"""One solution's step scores, or none: what a PRM cannot read, or gives no numbers for, stays unscored.

Every path to a PRM comes through here: a sample that cannot be scored costs itself, never the search.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from tts_select.core.errors import BackendError, ProblemTooLong
from tts_select.core.protocols import Meter, RewardModel

_log = logging.getLogger(__name__)


class NotScored(BackendError):
    """Solutions that a PRM gave scores that are no numbers; it counts them. They have answers all the same,
    so that a search need not end for it."""

    def __init__(self, prm: str) -> None:
        super().__init__(prm)
        self.prm, self.n = prm, 0

    def __str__(self) -> str:
        many = "1 solution is" if self.n == 1 else f"{self.n} solutions are"
        return (
            f"{many} unscored, since {self.prm} gave scores that are no numbers (NaN or infinite): "
            "another dtype may help, as in --prm-option dtype=float32"
        )


async def step_scores(
    prm: RewardModel,
    problem: str,
    steps: Sequence[str],
    *,
    meter: Meter | None,
    failures: list[BackendError] | None,
) -> list[float] | None:
    """Return one score a step, or None if the PRM cannot read so long a text or its scores are not all
    numbers. The last is counted in `failures`, as one `NotScored` a PRM; without these it is logged.

    Raises:
        BackendError: the PRM failed.
    """
    try:
        found = await prm.score(problem, steps, meter=meter)
    except ProblemTooLong:
        return None
    if all(map(math.isfinite, found)):
        return found
    _note(prm.name, failures)
    return None


def _note(prm: str, failures: list[BackendError] | None) -> None:
    known = (f for f in failures or () if isinstance(f, NotScored) and f.prm == prm)
    counted = next(known, None) or NotScored(prm)
    counted.n += 1
    if failures is None:
        _log.warning("%s", counted)
    elif counted.n == 1:
        failures.append(counted)
