"""The paper's rule of thumb, for when there is no learned router (arXiv 2502.06703, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

from tts_select.core.arm import Arm
from tts_select.core.errors import UnknownName
from tts_select.core.methods import METHODS
from tts_select.core.plan import Settings
from tts_select.selector.routers.named import NamedArm

BUDGETS = {"low": 4, "medium": 16, "high": 64}
"""N by effort; three of the paper's budgets."""
DEFAULT_BUDGET = BUDGETS["medium"]
_SMALL, _LARGE = 7e9, 32e9


@dataclass(frozen=True, slots=True)
class SizedPair:
    """What the rule looks at: a policy with its size, and a PRM or none."""

    policy: str
    n_parameters: int | None
    prm: str | None
    has_steps: bool = True
    """Whether the policy writes step by step: a thinking model does not, nor do some servers."""


def rule_of_thumb(
    pair: SizedPair, *, budget: int = DEFAULT_BUDGET, settings: Settings | None = None
) -> NamedArm:
    """The router that picks beam search below 7B parameters, DVTS up to 32B, best-of-N above; majority
    without a PRM.

    On MATH-500 the paper prefers beam for 7-32B on hard problems; without an estimate of the difficulty
    DVTS, which it prefers on easy and medium ones, is the choice.
    """
    method, why = _method(pair)
    prm = pair.prm if METHODS[method].needs_prm else None
    arm = Arm(pair.policy, prm, method, budget, settings or Settings())
    return NamedArm(arm, why=f"the paper's rule of thumb: {why}")


def budget_of(effort: str | None) -> int:
    """The budget that an effort stands for where nothing is learned.

    Raises:
        UnknownName: there is no such effort.
    """
    if effort is None:
        return DEFAULT_BUDGET
    if effort not in BUDGETS:
        raise UnknownName("effort", effort, BUDGETS)
    return BUDGETS[effort]


def _method(pair: SizedPair) -> tuple[str, str]:
    if pair.prm is None:
        return "majority", "without a PRM, vote"
    if not pair.has_steps:
        return "best_of_n", "best-of-N for policies that write whole solutions alone"
    if pair.n_parameters is None:
        return "best_of_n", "best-of-N for a policy whose size is not known"
    if pair.n_parameters < _SMALL:
        return "beam", "beam search for policies below 7B parameters"
    if pair.n_parameters <= _LARGE:
        return "dvts", "DVTS for policies of 7-32B parameters"
    return "best_of_n", "best-of-N for policies above 32B parameters"
