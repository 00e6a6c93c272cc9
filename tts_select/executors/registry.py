"""Turns a spec such as `world:small` into a loaded policy or PRM. A model is loaded once a process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tts_select.core.errors import InputError, UnknownName
from tts_select.core.extras import require
from tts_select.core.imported import is_imported
from tts_select.core.pricing import TokenPrice
from tts_select.core.protocols import Policy, RewardModel
from tts_select.data.world.artifacts import folder_of
from tts_select.executors.backend_options import (
    Backend,
    Given,
    OpenAIOptions,
    ServedPrmOptions,
    TransformersOptions,
    TransformersPrmOptions,
    VllmOptions,
    VllmPrmOptions,
    WorldOptions,
)

if TYPE_CHECKING:
    from tts_select.executors.prms.formats import PrmFormat

L = TypeVar("L")
M = TypeVar("M", Policy, RewardModel)

WORLD = "world"


@dataclass(frozen=True, slots=True)
class Loaders:
    """The functions that load models by their names."""

    policy: Callable[[str], Policy]
    prm: Callable[[str], RewardModel]


def load_policy(spec: str, *, device: str | None = None, fresh: bool = False, **options: Any) -> Policy:
    """`world:NAME`, `hf:ORG/NAME` or a folder (transformers), `vllm:ORG/NAME` or `vllm:FOLDER` (vLLM in this
    process), `openai:MODEL` (a server). `options` are the backend's, as in `base_url` (docs/models.md),
    and `price`: what its tokens cost, as in {"input": 0.15, "output": 0.60} dollars per million.
    `fresh`: not the one that the process shares, so that it has computed nothing yet.

    Raises:
        InputError: there is no such policy, or an option cannot be used.
        BackendError: it cannot be loaded, or its server not be reached.
    """
    given = _as_key(options, device)
    return _load_policy.__wrapped__(spec, given) if fresh else _load_policy(spec, given)


def load_prm(
    spec: str, format: str | None = None, *, device: str | None = None, fresh: bool = False, **options: Any
) -> RewardModel:
    """`world:NAME`, `hf:ORG/NAME` or a folder (transformers), `vllm:ORG/NAME` or `vllm:FOLDER` (vLLM in this
    process), `served:MODEL` (a server of vLLM's). `format` is how it reads a solution; the families that are
    known by their names need none. `options` are the backend's (docs/prms.md). `price` and `fresh` as for
    policies.

    Raises:
        InputError: there is no such PRM, its format is not known, it is not a PRM of that format, or an
            option cannot be used.
        BackendError: it cannot be loaded.
    """
    given = _as_key(options, device)
    return _load_prm.__wrapped__(spec, format, given) if fresh else _load_prm(spec, format, given)


def _as_key(options: Given, device: str | None) -> str:
    """The options, for a cache that is looked up by them."""
    given = {**options, **({"device": device} if device else {})}
    return json.dumps(given, sort_keys=True, default=_as_plain)


def _as_plain(value: Any) -> Any:
    return value.as_dict() if isinstance(value, TokenPrice) else str(value)


BY_SPEC = Loaders(load_policy, load_prm)
"""The names are specs."""


def check_policy(spec: str, options: Mapping[str, Any]) -> None:
    """What can be known of them without loading anything; arguments of an engine are not checked.

    Raises:
        InputError: `load_policy` would not take them.
    """
    scheme, backend = _by_scheme("policy", spec, POLICIES)
    _, own = _split_price(f"{scheme} policies", options)
    backend.read(f"{scheme} policies", own)


def check_prm(spec: str, format: str | None, options: Mapping[str, Any]) -> None:
    """`check_policy` for PRMs.

    Raises:
        InputError: `load_prm` would not take them.
    """
    from tts_select.executors.prms.formats import format_named

    scheme, backend = _by_scheme("PRM", spec, PRMS)
    _, own = _split_price(f"{scheme} PRMs", options, writes=False)
    backend.read(f"{scheme} PRMs", own)
    if format is not None:
        format_named(format)


@lru_cache(maxsize=8)
def _load_policy(spec: str, given: str) -> Policy:
    scheme, backend = _by_scheme("policy", spec, POLICIES)
    price, own = _split_price(f"{scheme} policies", json.loads(given))
    options, engine = backend.read(f"{scheme} policies", own)
    _require(backend, scheme)
    return _priced(backend.load(spec, options, engine), price)


@lru_cache(maxsize=8)
def _load_prm(spec: str, format: str | None, given: str) -> RewardModel:
    scheme, backend = _by_scheme("PRM", spec, PRMS)
    price, own = _split_price(f"{scheme} PRMs", json.loads(given), writes=False)
    options, engine = backend.read(f"{scheme} PRMs", own)
    _require(backend, scheme)
    return _priced(backend.load(spec, format, options, engine), price)


def _split_price(
    whose: str, given: Mapping[str, Any], *, writes: bool = True
) -> tuple[TokenPrice | None, Given]:
    """The price, which any model may have, and the options of its backend."""
    own = dict(given)
    said = own.pop("price", None)
    price = None if said is None else TokenPrice.read(said, f"the option price of {whose}", writes=writes)
    return price, own


def _priced(model: M, price: TokenPrice | None) -> M:
    """The model, which says what its tokens cost if that is known; its backend need not know it."""
    if price is not None:
        model.price = price  # type: ignore[attr-defined]
    return model


def _require(backend: Backend[Any], scheme: str) -> None:
    """Check that the extra of a backend is installed.

    Raises:
        InputError: the extra that installs what the backend runs on is missing.
    """
    if backend.extra is not None:
        require(backend.extra, "the embedded models" if scheme == WORLD else f"models of '{scheme}:'")


def _by_scheme(kind: str, spec: str, backends: Mapping[str, Backend[L]]) -> tuple[str, Backend[L]]:
    scheme, name = split_spec(spec)
    if not name:
        raise InputError(f"'{spec}' is no {kind}: write SCHEME:NAME, as in world:small, or a folder")
    if is_imported(spec):
        raise InputError(
            f"'{spec}' is a model of an imported log: there is nothing to run; bind its name to a model "
            f"in a config, as in policies: {{{name}: openai:MODEL}}, and specify that with --config"
        )
    if scheme not in backends:
        raise UnknownName(f"kind of {kind}", scheme, backends)
    return scheme, backends[scheme]


def is_embedded(spec: str) -> bool:
    """Whether a model is one of the embedded world's, which knows that world's problems alone.

    >>> is_embedded("world:prm"), is_embedded("hf:ORG/NAME")
    (True, False)
    """
    return split_spec(spec)[0] == WORLD


def embedded_mismatch(policy: str, prm: str) -> str | None:
    """What is to be said of a policy and a PRM of which one alone is embedded; None: they go together."""
    if is_embedded(policy) == is_embedded(prm):
        return None
    inner, outer = (prm, policy) if is_embedded(prm) else (policy, prm)
    return f"{inner} is of the embedded world and knows its problems alone: with {outer} it means nothing"


def split_spec(spec: str) -> tuple[str, str]:
    """The scheme of a spec, and what follows it.

    >>> split_spec("world:small"), split_spec("./folder")
    (('world', 'small'), ('hf', './folder'))
    """
    scheme, colon, name = spec.partition(":")
    return (scheme, name) if colon else ("hf", spec)


def _world_policy(spec: str, options: WorldOptions, _: Given) -> Policy:
    folder = str(folder_of("policy", split_spec(spec)[1]))
    return _transformers_policy(spec, folder, TransformersOptions(device=options.device))


def _hf_policy(spec: str, options: TransformersOptions, _: Given) -> Policy:
    return _transformers_policy(spec, split_spec(spec)[1], options)


def _transformers_policy(spec: str, source: str, options: TransformersOptions) -> Policy:
    from tts_select.executors.policies.transformers import TransformersPolicy
    from tts_select.executors.runtime.loading import load_causal_lm

    loaded = load_causal_lm(source, device=options.device, dtype=options.dtype)
    return TransformersPolicy(
        loaded, name=spec, prompt=options.prompt, thinking=options.thinking, max_rows=options.max_rows
    )


def _openai_policy(spec: str, options: OpenAIOptions, _: Given) -> Policy:
    from tts_select.executors.policies.openai import OpenAIPolicy

    return OpenAIPolicy(split_spec(spec)[1], options, name=spec)


def _vllm_policy(spec: str, options: VllmOptions, engine: Given) -> Policy:
    from tts_select.executors.policies.vllm import VllmPolicy

    return VllmPolicy(split_spec(spec)[1], options, engine, name=spec)


def _world_prm(spec: str, format: str | None, options: WorldOptions, _: Given) -> RewardModel:
    from tts_select.executors.prms.formats import format_named

    folder = str(folder_of("prm", split_spec(spec)[1]))
    return _transformers_prm(
        spec, folder, format_named(format or WORLD), TransformersPrmOptions(device=options.device)
    )


def _hf_prm(spec: str, format: str | None, options: TransformersPrmOptions, _: Given) -> RewardModel:
    source = split_spec(spec)[1]
    from tts_select.executors.prms.head_card import is_trained

    if is_trained(source):
        from tts_select.executors.prms.trained import load_trained

        if format is not None:
            raise InputError(f"'{source}' says itself how it reads a solution: leave --prm-format out")
        own = {"base": options.base, "device": options.device}
        return load_trained(Path(source), name=spec, dtype=options.dtype, **own)
    if options.base is not None:
        raise InputError(f"'{source}' is no PRM of train-prm, which alone has a base: leave base out")
    return _transformers_prm(spec, source, format_of(spec, format), options)


def _vllm_prm(spec: str, format: str | None, options: VllmPrmOptions, engine: Given) -> RewardModel:
    layout = format_of(spec, format)
    if is_asked(layout):
        return _judge(_vllm_policy(spec, VllmOptions(params=options.params), engine), layout)
    from tts_select.executors.prms.vllm import VllmRewardModel

    return VllmRewardModel(split_spec(spec)[1], layout, engine, name=spec, params=options.params)


def _served_prm(spec: str, format: str | None, options: ServedPrmOptions, _: Given) -> RewardModel:
    layout = format_of(spec, format)
    from tts_select.executors.prms.served import ServedRewardModel

    return ServedRewardModel(split_spec(spec)[1], layout, options, name=spec)


def _openai_prm(spec: str, format: str | None, options: OpenAIOptions, _: Given) -> RewardModel:
    from tts_select.executors.prms.formats import JUDGE, format_named

    asked = format_named(format or JUDGE)
    if not is_asked(asked):
        raise InputError(
            f"a server of chats cannot read the PRM format '{asked.name}': it is asked in words, "
            f"--prm-format {JUDGE} or generative; served: reads qwen2.5-math-prm (docs/prms.md)"
        )
    return _judge(_openai_policy(spec, options, {}), asked)


def _judge(policy: Policy, format: PrmFormat) -> RewardModel:
    from tts_select.executors.prms.judge import PolicyJudge
    from tts_select.executors.prms.rules import Verdict

    assert isinstance(format.rule, Verdict)
    return PolicyJudge(policy, format.rule, name=policy.name, format_name=format.name)


def is_asked(format: PrmFormat) -> bool:
    """Whether a model of this format is asked in words, as any policy can be."""
    from tts_select.executors.prms.rules import Verdict

    return isinstance(format.rule, Verdict)


def format_of(spec: str, format: str | None) -> PrmFormat:
    """The format of a PRM: the one of this name, else the one that its checkpoint's names tell.

    Raises:
        InputError: it is not known.
    """
    from tts_select.executors.prms.formats import format_for, format_named
    from tts_select.executors.prms.identity import checkpoint_names

    if format is not None:
        return format_named(format)
    return format_for(spec, checkpoint_names(split_spec(spec)[1]))


def _transformers_prm(
    spec: str, source: str, format: PrmFormat, options: TransformersPrmOptions
) -> RewardModel:
    from tts_select.executors.prms.checkpoints import load_parts
    from tts_select.executors.prms.generative import GenerativeRewardModel
    from tts_select.executors.prms.rules import Verdict
    from tts_select.executors.prms.transformers import TransformersRewardModel

    if isinstance(format.rule, Verdict) and not format.rule.max_tokens:
        policy = TransformersOptions(device=options.device, dtype=options.dtype)
        return _judge(_transformers_policy(spec, source, policy), format)
    parts = load_parts(source, format, device=options.device, dtype=options.dtype)
    if isinstance(format.rule, Verdict):
        return GenerativeRewardModel(parts[0], name=spec, format=format)
    return TransformersRewardModel(parts, name=spec, format=format)


POLICIES: dict[str, Backend[Callable[[str, Any, Given], Policy]]] = {
    WORLD: Backend(_world_policy, WorldOptions, "transformers", "local"),
    "hf": Backend(_hf_policy, TransformersOptions, "transformers", "local"),
    "openai": Backend(_openai_policy, OpenAIOptions, "openai"),
    "vllm": Backend(_vllm_policy, VllmOptions, "vllm", has_engine=True),
}
"""The backends of policies, by scheme."""
PRMS: dict[str, Backend[Callable[[str, str | None, Any, Given], RewardModel]]] = {
    WORLD: Backend(_world_prm, WorldOptions, "transformers", "local"),
    "hf": Backend(_hf_prm, TransformersPrmOptions, "transformers", "local"),
    "openai": Backend(_openai_prm, OpenAIOptions, "openai"),
    "served": Backend(_served_prm, ServedPrmOptions, "openai"),
    "vllm": Backend(_vllm_prm, VllmPrmOptions, "vllm", has_engine=True),
}
"""The backends of PRMs, by scheme."""
