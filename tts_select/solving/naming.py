"""Turns models and methods that were named into a router of one arm, with its models loaded."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError
from tts_select.core.methods import METHODS
from tts_select.core.plan import Settings
from tts_select.core.pricing import price_of_tokens
from tts_select.core.protocols import Policy, RewardModel, solution_tokens, thinks, why_no_steps
from tts_select.data.prior.artifacts import PRIOR
from tts_select.executors.registry import (
    WORLD,
    Loaders,
    embedded_mismatch,
    is_embedded,
    load_policy,
    load_prm,
)
from tts_select.selector.routers.artifact import load_router
from tts_select.selector.routers.cascade import Cascade
from tts_select.selector.routers.named import NamedArm
from tts_select.selector.routers.prior import DEFAULT_BUDGET, PriorRouter
from tts_select.selector.routers.prior_cascade import PriorCascade, Stage
from tts_select.selector.routers.protocol import Router
from tts_select.selector.routers.rule import SizedPair, budget_of, rule_of_thumb
from tts_select.solving.options import AUTO, NamedChoice

if TYPE_CHECKING:
    from tts_select.config import Config

DEFAULT_PRM = f"{WORLD}:prm"

_log = logging.getLogger(__name__)


def named_router(
    options: NamedChoice,
    *,
    effort: str | None = None,
    by_rule: bool = False,
    prior: str | Path | None = None,
    usual_prior: Path = PRIOR,
) -> tuple[NamedArm | PriorRouter, Loaders]:
    """Check the options and load the models. Without a method a prior decides, with the scores of the PRM if
    there is one: that in the folder `prior`, if it was asked for, or `usual_prior`. `by_rule`, or where it is
    named how a PRM's scores select, what is open is left to the paper's rule.

    Raises:
        InputError: an option cannot be used, or the method does not go with the models.
        BackendError: a model cannot be loaded.
    """
    options.check()
    policy = _policy(options)
    prm = _prm(options, policy)
    is_open = options.method is None and (prm is None or options.selection is None)
    if is_open and not by_rule:
        known = prior_in(Path(prior or usual_prior))
        return _on_models(known, options, policy, prm), loaders_of(policy, prm)
    if prior is not None:
        raise InputError(
            "'prior' is for a policy without a method, a selection and the untrained rule: drop one of them"
        )
    router = _router(options, policy, prm, budget_of(effort) if options.budget is None else options.budget)
    method = METHODS[router.arm.method]
    if method.needs_steps and (reason := why_no_steps(policy)):
        raise InputError(f"the method {router.arm.method} cannot run on {policy.name}: {reason}")
    if method.needs_prm and prm is None:
        raise InputError(
            f"the method {router.arm.method} needs a PRM: name one with --prm (embedded: {DEFAULT_PRM}), "
            "or choose the method majority"
        )
    return router, loaders_of(policy, prm)


def _on_models(
    prior: PriorRouter, options: NamedChoice, policy: Policy, prm: RewardModel | None
) -> PriorRouter:
    method, reader = ("majority", None) if prm is None else ("best_of_n", prm.name)
    arm = Arm(policy.name, reader, method, options.budget or DEFAULT_BUDGET, _settings(options, policy))
    return prior.on(arm, greedy=_greedy(options, policy, arm))


def _greedy(options: NamedChoice, policy: Policy, arm: Arm) -> Arm | None:
    """What is worth more than a sample, and as cheap; None for a policy that thinks, for samples that a PRM
    scores, and if a temperature is asked for, which is that of all samples."""
    if thinks(policy) or arm.prm is not None or options.temperature is not None:
        return None
    return Arm(arm.policy, None, "cot", 1, arm.settings)


def prior_cascade(config: Config, loaders: Loaders, prior: Path = PRIOR) -> PriorCascade:
    """The policies of a config, the cheapest first, by the prior in a folder.

    Raises:
        InputError: which one is cheaper is not known.
    """
    costs, settings = _cheapest_first(config, loaders, NamedChoice())
    stages = []
    for name, cost in costs.items():
        arm = Arm(name, None, "majority", DEFAULT_BUDGET, settings[name])
        greedy = _greedy(NamedChoice(), loaders.policy(name), arm)
        stages.append(Stage(prior_in(prior).on(arm, greedy=greedy), cost))
    return PriorCascade(tuple(stages))


def plain_cascade(
    config: Config, loaders: Loaders, options: NamedChoice, *, effort: str | None = None
) -> Cascade:
    """The cheapest policy of a config and, where its samples settle nothing, the dearest.

    Raises:
        InputError: an option is out of range, or which policy is cheaper is not known.
    """
    options.check()
    costs, settings = _cheapest_first(config, loaders, options)
    first, *_, second = costs
    budget = budget_of(effort) if options.budget is None else options.budget
    return Cascade.of(first, second, budget=budget, settings=settings)


def _cheapest_first(
    config: Config, loaders: Loaders, options: NamedChoice
) -> tuple[dict[str, float], dict[str, Settings]]:
    """What a sample of each policy costs, in samples of the cheapest, which comes first; and its settings."""
    policies = {name: loaders.policy(name) for name in config.policies}
    costs = _costs_a_token(policies)
    settings = {}
    for name, policy in policies.items():
        most = options.max_new_tokens or config.policy(name).max_new_tokens
        settings[name] = _settings(replace(options, max_new_tokens=most), policy)
    in_order = sorted(policies, key=costs.__getitem__)
    return {name: costs[name] / costs[in_order[0]] for name in in_order}, settings


def _costs_a_token(policies: Mapping[str, Policy]) -> dict[str, float]:
    """What a token costs that each writes: in dollars, if all prices are known, else in parameters."""
    prices = {name: price_of_tokens(policy) for name, policy in policies.items()}
    dollars = {name: price.of(written=1) for name, price in prices.items() if price is not None}
    sizes = {name: float(p.n_parameters) for name, p in policies.items() if p.n_parameters is not None}
    for known in (dollars, sizes):
        if len(known) == len(policies) and min(known.values()) > 0:
            return known
    unknown = next(name for name in policies if name not in sizes)
    raise InputError(
        f"which policy of the config is the cheapest is not known: {unknown} has no size; add "
        "params: 7e9 or price: {input: 0.15, output: 0.60} to each of them, or name one with --policy"
    )


@lru_cache(maxsize=1)
def _shipped_prior() -> Router:
    return load_router(PRIOR)


def prior_in(folder: Path) -> PriorRouter:
    """The prior in a folder, of no policy in particular.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    router = _shipped_prior() if folder == PRIOR else load_router(folder)
    if not isinstance(router, PriorRouter):
        raise InputError(f"the router in '{folder}' is no prior: name it with 'router'")
    return router


def loaders_of(policy: Policy, prm: RewardModel | None) -> Loaders:
    """Give out models that are there already."""

    def lend_prm(name: str) -> RewardModel:
        assert prm is not None, name
        return prm

    return Loaders(lambda _: policy, lend_prm)


def _policy(options: NamedChoice) -> Policy:
    more = dict(options.policy_options)
    if options.base_url is not None:
        more["base_url"] = options.base_url
    if isinstance(options.policy, str):
        return load_policy(options.policy, **more)
    if more:
        raise InputError(f"'{next(iter(more))}' is for a policy that is loaded by its spec: drop it")
    return options.policy


def _prm(options: NamedChoice, policy: Policy) -> RewardModel | None:
    prm = options.prm
    if prm == AUTO:
        needs_none = options.method is not None and not METHODS[options.method].needs_prm
        if needs_none or not is_embedded(policy.name):
            return None
        prm = DEFAULT_PRM
    if isinstance(prm, str):
        if mismatch := embedded_mismatch(policy.name, prm):
            _log.warning(mismatch)
        return load_prm(prm, options.prm_format, **options.prm_options)
    if options.prm_options:
        raise InputError(
            f"'{next(iter(options.prm_options))}' is for a PRM that is loaded by its spec: drop it"
        )
    return prm


def _router(options: NamedChoice, policy: Policy, prm: RewardModel | None, budget: int) -> NamedArm:
    settings = _settings(options, policy)
    has_steps = why_no_steps(policy) is None
    pair = SizedPair(policy.name, policy.n_parameters, prm.name if prm else None, has_steps)
    ruled = rule_of_thumb(pair, budget=budget, settings=settings)
    if options.method is None:
        return ruled
    method = METHODS[options.method]
    arm = Arm(
        pair.policy,
        pair.prm if method.needs_prm else None,
        options.method,
        1 if method.is_greedy else budget,
        settings,
    )
    return replace(ruled, arm=arm, why="asked for")


def _settings(options: NamedChoice, policy: Policy) -> Settings:
    changes = {
        name: value
        for name in ("aggregation", "selection", "temperature")
        if (value := getattr(options, name)) is not None
    }
    return Settings(max_new_tokens=options.max_new_tokens or solution_tokens(policy), **changes)
