"""What a server offers: its models by name, and who decides on a request for one of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tts_select.config.entries import Config
from tts_select.config.using import ModelGroup, loaders_for
from tts_select.core.errors import InputError, TtsSelectError, UnknownName
from tts_select.core.methods import METHODS
from tts_select.core.protocols import Policy, RewardModel
from tts_select.serving.chat import ChatRequest
from tts_select.serving.errors import FORBIDDEN, NOT_FOUND, ApiError, as_api_error, bad_field
from tts_select.serving.extension import NO_PRM
from tts_select.serving.settings import Caps, ServeSettings
from tts_select.solving.choosing import selector_for
from tts_select.solving.options import DEFAULT_POLICY
from tts_select.solving.selector import Selector

PREFIX = "tts-select/"
AUTO, FAST = f"{PREFIX}auto", f"{PREFIX}fast"
LEVELS = ("low", "medium", "high")
_AS_LEVEL = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high"}
"""The effort of a router for each of OpenAI's words; `none` is one sample."""
_KEPT = 64
"""So many selectors of named methods are kept."""


@dataclass(frozen=True, slots=True)
class Routed:
    """A session of this selector, with these options of `Selector.session`."""

    selector: Selector
    options: Mapping[str, Any]
    may_be_chat: bool
    """Whether the first solution may show that there is nothing to vote on: not where a method is named."""
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Single:
    """One sample of a policy, put to it as it was asked."""

    policy: Policy
    why: str
    is_plain: bool = True
    """Whether the client named the policy: what it says of sampling holds then."""


@dataclass(slots=True)
class Catalogue:
    """The models of a server. `load` makes one, which takes as long as its models take to load."""

    selector: Selector
    options: Mapping[str, Any]
    """Those of each of its sessions."""
    policies: Mapping[str, Policy]
    prms: Mapping[str, RewardModel]
    config: Config | None
    by_level: Mapping[str, Selector]
    """A selector for each effort, where the router itself knows none."""
    _named: OrderedDict[tuple[Any, ...], tuple[Selector, dict[str, Any]]] = field(default_factory=OrderedDict)

    @classmethod
    def load(cls, settings: ServeSettings) -> Catalogue:
        """Load the router and all models.

        Raises:
            InputError: there is no such router, or a model cannot be used.
            BackendError: a model cannot be loaded.
        """
        given: dict[str, Any] = {"config": settings.config, "router": settings.router}
        given = {name: value for name, value in given.items() if value is not None}
        selector, options = selector_for(given, outcomes=settings.outcomes)
        selector.models.load(selector.router.portfolio)
        by_level = {}
        if not selector.router.prices:
            by_level = {
                level: selector_for({**given, "effort": level}, outcomes=settings.outcomes)[0]
                for level in LEVELS
            }
        policies, prms = _models(selector, settings.config)
        return cls(selector, options, policies, prms, settings.config, by_level)

    @property
    def names(self) -> list[str]:
        """The ids of all models."""
        return [AUTO, *(PREFIX + level for level in LEVELS), FAST, *self.policies]

    def check_name(self, name: str) -> None:
        """Check that there is a model.

        Raises:
            ApiError: there is none of this name.
        """
        if name not in self.names:
            message = f"there is no model '{name[:80]}': choose from {', '.join(self.names)}"
            raise ApiError(NOT_FOUND, message, code="model_not_found", param="model")

    def who(self, request: ChatRequest, caps: Caps) -> Routed | Single:
        """Who decides on a request for one of the models.

        Raises:
            ApiError: what it names does not go together.
        """
        name, tts = request.model, request.tts
        if name in self.policies:
            _refuse_routing(request)
            return Single(self.policies[name], "asked for", is_plain=True)
        if name == FAST or (name == AUTO and request.effort == "none" and not tts.names_something):
            _refuse_routing(request)
            return Single(self.fast, "one sample", is_plain=True)
        try:
            return self._named_choice(request, caps) if tts.names_something else self._routed(request, caps)
        except TtsSelectError as error:
            raise as_api_error(error) from error

    @property
    def fast(self) -> Policy:
        """The policy for a quick sample: the one that is probed, else the first."""
        router = self.selector.router
        name = router.first_look.policy if router.first_look else router.portfolio.policies[0]
        return self.selector.models.policy(name)

    def _routed(self, request: ChatRequest, caps: Caps) -> Routed:
        level, ignored = self._level(request)
        selector, options = self.selector, dict(self.options)
        if request.tts.price is not None:
            options["price"] = request.tts.price
        elif level is not None and not selector.router.prices:
            selector = self.by_level[level]
        elif level is not None:
            options["effort"] = level
        options |= caps.as_options
        selector.check(**{k: v for k, v in options.items() if k != "logprobs"})
        return Routed(selector, options, may_be_chat=True, ignored=ignored)

    def _level(self, request: ChatRequest) -> tuple[str | None, tuple[str, ...]]:
        """The effort, and what is said of a field that does not count."""
        effort = None if request.effort is None else _AS_LEVEL.get(request.effort, "low")
        if request.model == AUTO:
            return effort, ()
        fixed = request.model.removeprefix(PREFIX)
        if effort is None or request.tts.price is not None:
            return fixed, ()
        return fixed, (f"reasoning_effort: the effort of {request.model} is {fixed}",)

    def _named_choice(self, request: ChatRequest, caps: Caps) -> Routed:
        """A session of the method and the models that the request names, as `solve` has it."""
        tts = request.tts
        if caps.max_flops is not None and tts.max_flops is None:
            raise ApiError(
                FORBIDDEN,
                "this server caps FLOPs, which holds for the router's choices alone: name no method or model",
                code="not_permitted",
                param="tts",
            )
        level, ignored = self._level(request)
        effort = level if tts.budget is None and tts.price is None else None
        key = (tts.policy, tts.prm, tts.method, tts.budget, effort, tts.price, tts.max_flops)
        if key not in self._named:
            named = {
                "config": self.config,
                "effort": effort,
                "price": tts.price,
                "max_flops": tts.max_flops,
            }
            given = {**self._models_named(request), **named, "method": tts.method, "budget": tts.budget}
            is_set = {k: v for k, v in given.items() if v is not None or k == "prm"}
            self._named[key] = selector_for(is_set)
            if len(self._named) > _KEPT:
                self._named.popitem(last=False)
        self._named.move_to_end(key)
        selector, options = self._named[key]
        may_be_chat = tts.method is None
        return Routed(selector, {**options, **caps.as_options}, may_be_chat, ignored)

    def _models_named(self, request: ChatRequest) -> dict[str, Any]:
        """The policy and the PRM; what is not named is what `solve` would take."""
        tts = request.tts
        policy = self._usual_policy() if tts.policy is None else _found("policy", tts.policy, self.policies)
        chosen: dict[str, Any] = {"policy": self.policies[policy]}
        needs = tts.method is not None and METHODS[tts.method].needs_prm
        if tts.prm == NO_PRM:
            chosen["prm"] = None
        elif tts.prm is not None:
            chosen["prm"] = self.prms[_found("PRM", tts.prm, self.prms)]
        elif needs and (usual := self._usual_prm(policy)) is not None:
            chosen["prm"] = self.prms[usual]
        if self.config is not None and (most := self.config.policy(policy).max_new_tokens) is not None:
            chosen["max_new_tokens"] = most
        return chosen

    def _usual_policy(self) -> str:
        if self.config is not None and self.config.pairs:
            first = next(iter(self.config.pairs.values())).policy
            if first in self.policies:
                return first
        return DEFAULT_POLICY if DEFAULT_POLICY in self.policies else next(iter(self.policies))

    def _usual_prm(self, policy: str) -> str | None:
        pairs = self.config.pairs.values() if self.config else ()
        paired = [pair.prm for pair in pairs if pair.policy == policy and pair.prm in self.prms]
        if paired:
            return paired[0]
        return next(iter(self.prms)) if len(self.prms) == 1 else None


def _models(selector: Selector, config: Config | None) -> tuple[dict[str, Policy], dict[str, RewardModel]]:
    """All policies and PRMs by the names that clients know: those of the config, else those of the router."""
    portfolio, models = selector.router.portfolio, selector.models
    policies = {name: models.policy(name) for name in portfolio.policies}
    prms = {name: models.prm(name) for name in portfolio.prms}
    if config is None:
        return policies, prms
    p_spec = {entry.spec: name for name, entry in config.policies.items()}
    r_spec = {entry.spec: name for name, entry in config.prms.items()}
    policies = {p_spec.get(name, name): model for name, model in policies.items()}
    prms = {r_spec.get(name, name): model for name, model in prms.items()}
    rest = ModelGroup(
        [n for n in config.policies if n not in policies], [n for n in config.prms if n not in prms]
    )
    loaders = loaders_for(config, [rest])
    policies |= {name: loaders.policy(name) for name in rest.policies}
    prms |= {name: loaders.prm(name) for name in rest.prms}
    return policies, prms


def _found(kind: str, name: str, known: Mapping[str, Any]) -> str:
    if name not in known:
        raise UnknownName(kind, name, known) if known else InputError(f"this server has no {kind}: drop it")
    return name


def _refuse_routing(request: ChatRequest) -> None:
    """One sample leaves nothing to choose."""
    tts = request.tts
    for name in ("price", "max_flops", "min_confidence", "policy", "prm", "method", "budget"):
        if getattr(tts, name) is not None:
            raise bad_field(
                f"tts.{name}", f"{request.model} writes one sample: drop tts.{name}, or ask {AUTO}"
            )
