"""What a look-ahead router sees in the evidence of one problem, and what it makes of the options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.deciding import Answer, Caps, Decision, Option, first_step, next_samples, ranked
from tts_select.selector.evidence import Evidence

NOT_WORTH = "no answer, and nothing more is worth its cost"


@dataclass(frozen=True, slots=True)
class Look:
    """What the evidence of one problem shows."""

    evidence: Evidence
    groups: list[int]
    """The groups of the answers at hand."""
    rows: np.ndarray
    """Their features, a row each."""
    sureness: np.ndarray
    """How likely each is right."""

    def answers(self) -> list[Answer]:
        """Return the answers at hand, the surest first."""
        found = [Answer(group, float(p)) for group, p in zip(self.groups, self.sureness, strict=True)]
        return sorted(found, key=lambda answer: -(answer.p_correct or 0.0))

    def n_samples(self, arm: Arm | None) -> int:
        """How many samples of an arm's pool there are."""
        return len(self.evidence.of(arm.pool)) if arm and arm.is_sampling else 0

    def stop(self) -> list[Option]:
        """Return the option to stop here, if anything has run."""
        return [] if self.evidence.is_empty else [Option(None, float(self.sureness.max(initial=0.0)), 0.0)]


def decision_of(options: Sequence[Option], look: Look, price: float, caps: Caps) -> Decision:
    """Decide by the options of a look (`first_step`)."""
    surest = next(iter(look.answers()), None)
    if caps.pace is not None:
        options = [caps.timed(option, look.n_samples(option.arm)) for option in options]
    best = ranked(options, price, caps)
    first = first_step(best, price)
    if first is None:
        return Decision(None, tuple(options), surest=surest)
    others = [o for o in best if o is not first]
    arm = first.arm
    if arm is None:
        n = 0
    elif arm.is_sampling:
        n_here = look.n_samples(arm)
        n = n_here + max(0, next_samples(arm, n_here))
    else:
        n = arm.budget
    return Decision(first, (first, *others), n, surest, _why(first))


def _why(option: Option) -> str:
    if option.arm is not None:
        return f"{option.name}: P(correct) {option.p_correct:.2f} for {option.flops:.2g} FLOPs more"
    if not option.p_correct:
        return NOT_WORTH
    return f"sure enough ({option.p_correct:.2f})"
