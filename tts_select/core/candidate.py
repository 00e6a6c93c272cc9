"""A whole or partial solution, as the search methods grow it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

Finish = Literal["stop", "length", "deadline", "cap", "open"]
"""Why writing ended. `stop`: the policy ended it, only then is it complete; `length`: out of tokens or steps;
`deadline` and `cap`: the caller's limits; `open`: it ended at a step and may go on."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Its steps are without their delimiters; `step_scores` are None until a PRM has scored them all."""

    steps: tuple[str, ...] = ()
    step_scores: tuple[float, ...] | None = None
    finish: Finish = "open"
    n_tokens: int = 0
    logprob: float = 0.0
    certainty: float = math.nan
    """See `Continuation.certainty`."""

    @property
    def text(self) -> str:
        """The steps with a blank line between them."""
        return "\n\n".join(self.steps)

    @property
    def is_complete(self) -> bool:
        """Whether the policy itself ended it; a truncated solution is not an answer."""
        return self.finish == "stop"

    def scored(self, step_scores: list[float]) -> Candidate:
        """The same candidate with one score a step.

        Raises:
            ValueError: the number of scores is not the number of steps.
        """
        if len(step_scores) != len(self.steps):
            raise ValueError(f"{len(step_scores)} scores for {len(self.steps)} steps")
        return replace(self, step_scores=tuple(step_scores))
