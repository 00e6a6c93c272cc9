"""Holds loaded models by the names that arms use, and checks that they are those a router knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tts_select.core.errors import InputError, unknown_size
from tts_select.core.pricing import price_of_tokens, unknown_price
from tts_select.core.protocols import Policy, RewardModel, forget
from tts_select.data.grading import GRADER
from tts_select.executors.latency import Latency, latency_of
from tts_select.executors.registry import BY_SPEC, Loaders, load_policy, load_prm
from tts_select.executors.scoring_speed import ScoringSpeed, scoring_speed_of
from tts_select.selector.exchange import ModelRate, Tariff
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.protocol import Router, comparable, fingerprint_mismatch


def fresh_loaders(sizes: Mapping[str, float]) -> Loaders:
    """Load models that have computed nothing yet; `sizes` are the numbers of parameters of those that do not
    tell them, by their specs."""
    known: dict[str, dict[str, Any]] = {spec: {"params": size} for spec, size in sizes.items()}
    return Loaders(
        lambda spec: load_policy(spec, fresh=True, **known.get(spec, {})),
        lambda spec: load_prm(spec, fresh=True, **known.get(spec, {})),
    )


FRESH = fresh_loaders({})
"""Models that have computed nothing yet."""


class Models:
    """Models are loaded when they are first asked for, and stay.

    A sweep has one policy at a time beside the PRMs, so that a pair that fits can be swept. Between its
    stages a model forgets what it has computed, instead of being loaded anew: an engine takes minutes.
    """

    def __init__(
        self,
        loaders: Loaders = BY_SPEC,
        *,
        trained: Mapping[str, str] | None = None,
        needs_sizes: bool = False,
        one_policy: bool = False,
    ) -> None:
        """`trained` are the fingerprints that the models must have; `one_policy`: another one replaces it."""
        self._loaders, self._trained = loaders, trained or {}
        self._needs_sizes, self._one_policy = needs_sizes, one_policy
        self._policies: dict[str, Policy] = {}
        self._prms: dict[str, RewardModel] = {}

    @classmethod
    def of(cls, router: Router, loaders: Loaders = BY_SPEC) -> Models:
        """The models of a router's portfolio."""
        needs_sizes = bool(router.prices) and "FLOPs" in router.unit
        return cls(loaders, trained=comparable(router.fingerprints), needs_sizes=needs_sizes)

    def load(self, portfolio: Portfolio) -> None:
        """Load all of them now, so that no clock runs while one is loaded."""
        for name in portfolio.policies:
            self.policy(name)
        for name in portfolio.prms:
            self.prm(name)

    def tariff(self, unit: str) -> Tariff:
        """What the models that are loaded cost, for a router that counts this unit."""
        policies = {n: ModelRate(p.n_parameters, price_of_tokens(p)) for n, p in self._policies.items()}
        prms = {n: ModelRate(p.n_parameters, price_of_tokens(p)) for n, p in self._prms.items()}
        return Tariff(unit, policies, prms)

    def check_priced(self, portfolio: Portfolio) -> None:
        """Load the models of a portfolio, and check that all of them have prices.

        Raises:
            InputError: one has none.
        """
        self.load(portfolio)
        nameless = self.tariff("").without_price(portfolio.policies, portfolio.prms)
        if nameless is not None:
            raise InputError(unknown_price(nameless))

    def policy(self, name: str) -> Policy:
        """The policy of this name.

        Raises:
            InputError: it is not the one that the router was trained for, or its size is not known.
        """
        if name not in self._policies:
            if self._one_policy:
                _close(self._policies)
            found = self._loaders.policy(name)
            self._check({name: found.fingerprint, "grader": GRADER})
            if found.n_parameters is None and self._needs_sizes:
                raise InputError(unknown_size(name))
            self._policies[name] = found
        return self._policies[name]

    def latency(self, name: str) -> Latency | None:
        """What is known about the speed of a policy; None if it is not loaded."""
        return latency_of(self._policies[name]) if name in self._policies else None

    def scoring_speed(self, name: str) -> ScoringSpeed | None:
        """What is known about the speed of a PRM; None if it is not loaded."""
        return scoring_speed_of(self._prms[name]) if name in self._prms else None

    def prm(self, name: str) -> RewardModel:
        """The PRM of this name.

        Raises:
            InputError: it is not the one that the router was trained for.
        """
        if name not in self._prms:
            found = self._loaders.prm(name)
            self._check({name: found.fingerprint})
            self._prms[name] = found
        return self._prms[name]

    async def forget(self) -> None:
        """Let all of them begin anew."""
        for policy in self._policies.values():
            await forget(policy)
        for prm in self._prms.values():
            await forget(prm)

    def close(self) -> None:
        """End engines and connections."""
        _close(self._policies)
        _close(self._prms)

    def _check(self, found: Mapping[str, str]) -> None:
        if self._trained and (mismatch := fingerprint_mismatch(self._trained, found)):
            raise InputError(f"{mismatch}: train a router for it, or use the paper's rule (--untrained-rule)")


def _close(models: dict[str, Policy] | dict[str, RewardModel]) -> None:
    for model in models.values():
        end: Callable[[], None] | None = getattr(model, "close", None)
        if end is not None:
            end()
    models.clear()
