"""The options of `solve`: their types, and which of them go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from tts_select.core.errors import InputError, UnknownName
from tts_select.core.methods import METHODS
from tts_select.core.plan import AGGREGATIONS, MAX_BUDGET, SELECTIONS, Aggregation, Selection
from tts_select.core.protocols import Policy, RewardModel
from tts_select.executors.registry import WORLD

if TYPE_CHECKING:
    from tts_select.config import Config

DEFAULT_POLICY = f"{WORLD}:small"
AUTO = "auto"


class SpendingOptions(TypedDict, total=False):
    """What a problem may cost."""

    effort: str
    """Router effort: `low`, `medium` (the default) or `high`."""
    price: float | str
    """What a unit of the router's costs (a FLOP) is worth, in probability of being right, or another one, as
    in `0.1/dollar`; overrides the effort."""
    max_flops: float
    """Compute no more than about this."""
    max_tokens: int
    """The policies generate no more tokens than this; kept exactly."""
    max_dollars: float
    """The models cost no more than about this: what they write is reserved before, what they read is not."""
    deadline: float
    """Seconds from the start of the search; models are loaded before."""


class SolveOptions(SpendingOptions, total=False):
    """All options of `solve` and `asolve`."""

    config: Config | str | Path
    """A config file, whose names the other options may use (docs/config.md)."""
    pair: str
    """A policy and its PRM, by its name in the config."""
    router: str | Path
    """The folder of a trained router; without it, the config's or the shipped one."""
    untrained_rule: bool
    """Leave what is open to the paper's rule of thumb."""
    prior: str | Path
    """The folder of a prior instead of the shipped one, for a policy without a router and a method."""
    policy: str | Policy
    """A spec for `load_policy` (as in `openai:MODEL`), or a policy."""
    base_url: str
    """The URL of the server of `openai:MODEL`."""
    policy_options: Mapping[str, Any]
    """Further options of `load_policy`, by name."""
    prm: str | RewardModel | None
    """A spec for `load_prm`, a PRM, or None; by default the embedded PRM for embedded policies, else none."""
    prm_format: str
    """How the PRM reads a solution, where its name does not tell (docs/prms.md)."""
    prm_options: Mapping[str, Any]
    """Further options of `load_prm`, by name."""
    method: str
    """A search method of `core/methods.py`, or `cascade`."""
    budget: int
    """N, the candidates in flight."""
    aggregation: Aggregation
    selection: Selection
    temperature: float
    """Sampling temperature, of all samples; 0 is greedy. Without it the first sample of the prior is greedy,
    unless the policy thinks or a PRM scores the samples, and the others have 0.7."""
    max_new_tokens: int
    """The most tokens of one candidate."""
    seed: int
    """Fixes the result."""
    logprobs: bool
    """Whether `Candidate.logprob` is wanted; a router always asks for it."""


NAMING = (
    "policy", "base_url", "policy_options", "prm", "prm_format", "prm_options", "method", "budget",
    "aggregation", "selection", "temperature", "max_new_tokens",
)  # fmt: skip
"""Options that name a model or a method; with one of them no trained router chooses."""
_SAMPLING = (
    "policy", "base_url", "policy_options", "prm", "prm_format", "prm_options", "budget", "aggregation",
    "temperature", "max_new_tokens",
)  # fmt: skip
"""Those of them that say what is sampled and scored, and how: a prior decides when to stop."""
ROUTING = ("price", "max_flops", "router")
"""Options that only a trained router understands."""
SPENDING = tuple(SpendingOptions.__annotations__)
CASCADE = "cascade"
"""The two policies of a config by a fixed rule: a method, but none of one policy."""
_OF_CASCADES = ("config", "method", "budget", "temperature", "max_new_tokens", "seed", "logprobs", *SPENDING)


@dataclass(frozen=True, slots=True)
class NamedChoice:
    """What was named; what is None is left to the paper's rule. Validated by `check`, inert until then."""

    policy: str | Policy = DEFAULT_POLICY
    base_url: str | None = None
    policy_options: Mapping[str, Any] = field(default_factory=dict)
    prm: str | RewardModel | None = AUTO
    """`auto` is the embedded PRM for embedded policies, else none."""
    prm_format: str | None = None
    prm_options: Mapping[str, Any] = field(default_factory=dict)
    method: str | None = None
    budget: int | None = None
    aggregation: Aggregation | None = None
    selection: Selection | None = None
    temperature: float | None = None
    max_new_tokens: int | None = None
    """The most tokens of one candidate; None leaves them to the policy (`protocols.solution_tokens`)."""

    def check(self) -> None:
        """Check each option.

        Raises:
            InputError: an option is out of range or unknown; the message names the remedy.
        """
        _check_name("method", self.method, method_names())
        _check_name("aggregation", self.aggregation, AGGREGATIONS)
        _check_name("selection", self.selection, SELECTIONS)
        if self.budget is not None and not 1 <= self.budget <= MAX_BUDGET:
            raise InputError(f"the budget is {self.budget}: choose from 1 to {MAX_BUDGET:,}")
        if self.temperature is not None and not 0 <= self.temperature <= 10:
            raise InputError(f"the temperature is {self.temperature}: choose from 0 (greedy) to 10")
        if self.max_new_tokens is not None and self.max_new_tokens < 1:
            raise InputError(f"a candidate has at most {self.max_new_tokens} new tokens: allow at least 1")


def method_names() -> tuple[str, ...]:
    """What `method` may be."""
    return (*METHODS, CASCADE)


def check_names(options: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Check the options that are names.

    Raises:
        UnknownName: an option is not among those known.
    """
    for name in options:
        if name not in known:
            raise UnknownName("option", name, known)


def check_together(options: Mapping[str, Any]) -> None:
    """Check that the options go together.

    Raises:
        InputError: an option for a trained router comes with one that leaves it nothing to choose.
    """
    named = [name for name in NAMING if name in options]
    why = named[0] if named else "untrained_rule" if options.get("untrained_rule") else None
    if why is None:
        return
    routing = [name for name in ROUTING if options.get(name) is not None]
    if routing and not (routing == ["price"] and may_be_prior(options)):
        raise InputError(
            f"'{routing[0]}' is for the router, and '{why}' leaves it nothing to choose: drop one"
        )
    if not may_be_prior(options):
        check_one_budget(options.get("effort"), options.get("budget"))


def check_cascade(options: Mapping[str, Any], config: Config | None) -> Config:
    """Check the options of the method `cascade`, and return the config that names its policies.

    Raises:
        InputError: an option is for one policy, or there are not two.
    """
    for name in options:
        if name not in _OF_CASCADES and options[name]:
            raise InputError(f"'{name}' is not for the method {CASCADE}, which asks two policies: drop it")
    check_together(options)
    if config is None or len(config.policies) < 2:
        here = "there is none" if config is None else f"'{config.path}' names {len(config.policies)}"
        raise InputError(
            f"the method {CASCADE} asks two policies of a config, and {here}: name them under policies: in a "
            "file, and that with --config (docs/config.md)"
        )
    return config


def may_be_prior(options: Mapping[str, Any]) -> bool:
    """Whether a prior decides: all that is named is what is sampled and scored, and how."""
    named = {name for name in NAMING if name in options}
    return "policy" in named and named <= set(_SAMPLING) and not options.get("untrained_rule")


def check_one_budget(effort: str | None, budget: int | None) -> None:
    """Check that one of the two chooses the budget.

    Raises:
        InputError: both do.
    """
    if effort is not None and budget is not None:
        raise InputError("'effort' chooses the budget, and 'budget' names it: drop one")


def _check_name(kind: str, name: str | None, known: Any) -> None:
    if name is not None and name not in known:
        raise UnknownName(kind, name, known)
