"""What a config makes of names: options of a search with two models, or loaders for many of them.

Where the config plans memory, models that are loaded together are placed first: what does not fit is refused
before anything is loaded, and each model in vLLM is given its share of its GPU.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tts_select.config.entries import Config, PolicyEntry, PrmEntry
from tts_select.core.errors import BackendError
from tts_select.core.imported import is_imported
from tts_select.core.methods import METHODS
from tts_select.core.protocols import Policy, RewardModel
from tts_select.executors.placement.devices import Device, declared_gpus, devices_here
from tts_select.executors.placement.fitting import Fit, fit, shares_of
from tts_select.executors.placement.memory import ModelPlacement
from tts_select.executors.placement.placing import placed_policy, placed_prm
from tts_select.executors.registry import Loaders, load_policy, load_prm
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.protocol import Router

_log = logging.getLogger(__name__)
_SHARE = "gpu_memory_utilization"


@dataclass(frozen=True, slots=True)
class ModelGroup:
    """Names of models that are in memory at the same time."""

    policies: Sequence[str]
    prms: Sequence[str]


def as_options(config: Config, options: Mapping[str, Any], pins: Sequence[str]) -> dict[str, Any]:
    """Options of `solve` without names of the config; `pins` are those that choose models or a method.

    Without any of these the config's router answers, if it has one. Where no policy is named, the first pair
    is taken; without pairs, the first policy.

    Raises:
        InputError: a name is not known, or the models do not fit where they are to run.
    """
    found = dict(options)
    pair = found.pop("pair", None)
    is_routed = not any(name in found for name in pins) and not found.get("untrained_rule") and pair is None
    if is_routed and (found.get("router") or config.router):
        return {"router": config.router, **found}
    if pair is None and "policy" not in found:
        pair = next(iter(config.pairs), None)
        if pair is None and config.policies:  # never the embedded models, which know their own problems alone
            found = {"policy": next(iter(config.policies)), **found}
    if pair is not None:
        chosen = config.pair(pair)
        method = METHODS.get(found.get("method", ""))
        needs_no_prm = method is not None and not method.needs_prm
        found = {"policy": chosen.policy, "prm": None if needs_no_prm else chosen.prm, **found}
    return _without_names(config, found) if "policy" in found or not is_routed else found


def is_open(config: Config, options: Mapping[str, Any], pins: Sequence[str]) -> bool:
    """Whether the config leaves open which of its policies solve a problem: it has several, and neither it
    nor an option names a router, a pair, a model or a method."""
    named = any(name in options for name in (*pins, "pair")) or options.get("untrained_rule")
    routed = options.get("router") or config.router
    return len(config.policies) > 1 and not (named or routed or config.pairs)


def loaders_for(
    config: Config,
    groups: Sequence[ModelGroup],
    *,
    fresh: bool = False,
    sizes: Mapping[str, float] | None = None,
) -> Loaders:
    """Return loaders for names of the config, or specs; each of `groups` is in memory at the same time.
    `sizes` are the numbers of parameters of models that do not tell them.

    Raises:
        InputError: a group does not fit where it is to run.
    """
    shares = _shares(config, groups)
    known = {name: {"params": size} for name, size in (sizes or {}).items()}

    def policy(name: str) -> Policy:
        entry = config.policy(name)
        options = {**_share(name, shares), **entry.options, **known.get(name, {})}
        return load_policy(entry.spec, fresh=fresh, **options)

    def prm(name: str) -> RewardModel:
        entry = config.prm(name)
        options = {**_share(name, shares), **entry.options, **known.get(name, {})}
        return load_prm(entry.spec, entry.format, fresh=fresh, **options)

    return Loaders(policy, prm)


def bound(router: Router, config: Config) -> Router:
    """A router of an imported log with as many tokens for a sample as the config allows: no log says it."""
    from tts_select.selector.routers.ladder import LadderRouter

    if not isinstance(router, LadderRouter):
        return router
    names = [name for name in router.portfolio.policies if is_imported(name)]
    said = {name: config.policy(name).max_new_tokens for name in names}
    return router.with_max_new_tokens({name: most for name, most in said.items() if most is not None})


def swept_together(portfolio: Portfolio) -> list[ModelGroup]:
    """A sweep has one policy in memory at a time, and the PRMs that read it."""
    return [
        ModelGroup([policy], sorted({a.prm for a in portfolio.arms if a.policy == policy and a.prm}))
        for policy in portfolio.policies
    ]


def routed_together(portfolio: Portfolio) -> list[ModelGroup]:
    """A router keeps all models of its portfolio."""
    return [ModelGroup(portfolio.policies, portfolio.prms)]


def fits_of(config: Config, group: ModelGroup, devices: Sequence[Device]) -> tuple[Fit, ...]:
    """Where each of the models goes. Those on servers take nothing here.

    Raises:
        InputError: they do not fit.
        BackendError: what a model takes is not known.
    """
    assert config.placement is not None
    found = [
        *(_placed_policy(name, config.policy(name), devices) for name in group.policies),
        *(_placed_prm(name, config.prm(name), devices) for name in group.prms),
    ]
    return fit([model for model in found if model], devices, config.placement.workload)


def planned_devices(config: Config) -> tuple[Device, ...]:
    """Return the devices that the config declares, else those of this machine."""
    gpus = config.placement.gpus if config.placement else ()
    here = devices_here()
    return (*declared_gpus(list(gpus)), *(d for d in here if not d.is_gpu)) if gpus else here


def _placed_policy(name: str, entry: PolicyEntry, devices: Sequence[Device]) -> ModelPlacement | None:
    return placed_policy(name, entry.spec, entry.options, devices)


def _placed_prm(name: str, entry: PrmEntry, devices: Sequence[Device]) -> ModelPlacement | None:
    return placed_prm(name, entry.spec, entry.format, entry.options, devices)


def _shares(config: Config, groups: Sequence[ModelGroup]) -> dict[str, float]:
    """Return the least share that a model in vLLM gets in any of its groups, by name; empty where nothing is
    planned."""
    least: dict[str, float] = {}
    if config.placement is None:
        return least
    devices = devices_here()
    for group in groups:
        try:
            shares = shares_of(fits_of(config, group, devices))
        except BackendError as error:
            _log.warning("%s: whether it fits is not checked", error)
            continue
        for name, share in shares.items():
            least[name] = min(share, least.get(name, share))
    return least


def _share(name: str, shares: Mapping[str, float]) -> dict[str, Any]:
    return {_SHARE: shares[name]} if name in shares else {}


def _without_names(config: Config, options: dict[str, Any]) -> dict[str, Any]:
    """Replace names by the specs and options of their entries, under what was given with the options
    themselves."""
    policy, prm = options.get("policy"), options.get("prm")
    chosen = config
    if isinstance(policy, str):
        entry = config.policy(policy)
        given = {**entry.options, **options.get("policy_options", {})}
        chosen = replace(chosen, policies={policy: replace(entry, options=given)})
        options |= {"policy": entry.spec, "policy_options": given}
        if entry.max_new_tokens is not None:
            options.setdefault("max_new_tokens", entry.max_new_tokens)
    if isinstance(prm, str):
        reader = config.prm(prm)
        given = {**reader.options, **options.get("prm_options", {})}
        chosen = replace(chosen, prms={prm: replace(reader, options=given)})
        options |= {"prm": reader.spec, "prm_options": given}
        if reader.format is not None:
            options.setdefault("prm_format", reader.format)
    here = ModelGroup([n for n in (policy,) if isinstance(n, str)], [n for n in (prm,) if isinstance(n, str)])
    shares = _shares(chosen, [here])
    for name, kind in ((policy, "policy_options"), (prm, "prm_options")):
        if isinstance(name, str):
            options[kind] = {**_share(name, shares), **options[kind]}
    return options
