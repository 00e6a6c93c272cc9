"""One solution's step scores, or none: what a PRM cannot read, or gives no numbers for, stays unscored.

Every path to a PRM comes through here: a sample that cannot be scored costs itself, never the search.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence

from tts_select.core.candidate import Candidate
from tts_select.core.errors import BackendError, ProblemTooLong
from tts_select.core.protocols import Meter, RewardModel
from tts_select.executors.scoring_speed import scoring_speed_of

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


async def scored(
    prm: RewardModel,
    problem: str,
    candidates: Sequence[Candidate],
    *,
    meter: Meter | None,
    failures: list[BackendError] | None,
    unreadable: set[tuple[str, ...]],
) -> list[Candidate]:
    """Return the candidates with a score for each of their steps. Those of the same text are read once, and
    those in `unreadable`, to which new ones are added, not again.

    Raises:
        BackendError: the PRM failed.
    """
    unscored = dict.fromkeys(c.steps for c in candidates if c.step_scores is None)
    texts = [steps for steps in unscored if steps and steps not in unreadable]
    if not texts:
        return list(candidates)
    with scoring_speed_of(prm).watch(len(texts)):
        found = await asyncio.gather(
            *(step_scores(prm, problem, steps, meter=meter, failures=failures) for steps in texts)
        )
    scores = dict(zip(texts, found, strict=True))
    unreadable |= {steps for steps, of in scores.items() if of is None}  # unscored ones rank last
    return [c if (s := scores.get(c.steps)) is None else c.scored(s) for c in candidates]


def _note(prm: str, failures: list[BackendError] | None) -> None:
    known = (f for f in failures or () if isinstance(f, NotScored) and f.prm == prm)
    counted = next(known, None) or NotScored(prm)
    counted.n += 1
    if failures is None:
        _log.warning("%s", counted)
    elif counted.n == 1:
        failures.append(counted)
