"""The table of search methods: what each one needs. Everything that lists methods reads it.

How a method runs is in `executors/methods/NAME.py`, in a coroutine of its own name.
"""

from __future__ import annotations

from dataclasses import dataclass

from tts_select.core.stopping import ADAPTIVE, BETA, DOUBLING, EARLY_STOPPING, MARGIN_RULE, StopRule
from tts_select.core.voting import Weight


@dataclass(frozen=True, slots=True)
class Method:
    """What a search method needs, and what its candidates are."""

    needs_prm: bool = False
    needs_steps: bool = False
    """It asks the policy for the next step of an unfinished solution."""
    is_sampling: bool = False
    """Its candidates are independent samples, so that one pool shows what any budget gives."""
    is_greedy: bool = False
    """It writes one greedy solution, whatever its budget."""
    votes_by: Weight | None = None
    """What its votes are weighed by (`voting.weights`), where it is not a PRM's scores."""
    stop_rule: StopRule | None = None
    """It samples from look to look, and stops as soon as this rule is met."""


METHODS: dict[str, Method] = {
    "cot": Method(is_sampling=True, is_greedy=True),
    "majority": Method(is_sampling=True),
    "weighted_majority": Method(is_sampling=True, votes_by="likelihood"),
    "self_certainty": Method(is_sampling=True, votes_by="certainty"),
    "margin": Method(is_sampling=True, stop_rule=MARGIN_RULE),
    "beta": Method(is_sampling=True, stop_rule=BETA),
    "adaptive": Method(is_sampling=True, stop_rule=ADAPTIVE),
    "doubling": Method(is_sampling=True, stop_rule=DOUBLING),
    "early_stopping": Method(is_sampling=True, stop_rule=EARLY_STOPPING),
    "best_of_n": Method(needs_prm=True, is_sampling=True),
    "beam": Method(needs_prm=True, needs_steps=True),
    "dvts": Method(needs_prm=True, needs_steps=True),
}
"""The search methods, by name."""
