"""From a spec such as `world:small` to a loaded policy or PRM. A model is loaded once a process."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from tts_select.core.errors import InputError, UnknownName
from tts_select.core.protocols import Policy, RewardModel
from tts_select.data.world.artifacts import folder_of
from tts_select.executors.backend_options import (
    OpenAIOptions,
    TransformersOptions,
    TransformersPrmOptions,
    VllmOptions,
    VllmPrmOptions,
    WorldOptions,
    checked,
)

if TYPE_CHECKING:
    from tts_select.executors.rewards.formats import PrmFormat

T = TypeVar("T")
Given = dict[str, Any]
"""Options of a backend by name, not checked yet."""

WORLD = "world"
LOG = "log"
"""Of models that are known by their samples alone."""


def load_policy(spec: str, *, device: str | None = None, fresh: bool = False, **options: Any) -> Policy:
    """`world:NAME`, `hf:ORG/NAME` or a folder (transformers), `vllm:ORG/NAME` or `vllm:FOLDER` (vLLM in this
    process), `openai:MODEL` (a server). `options` are the backend's, as in `base_url` (docs/models.md).
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
    process). `format` is how it reads a solution; the families that are known by their names need none.
    `options` are the backend's (docs/prms.md). `fresh` as for policies.

    Raises:
        InputError: there is no such PRM, its format is not known, it is not a PRM of that format, or an
            option cannot be used.
        BackendError: it cannot be loaded.
    """
    given = _as_key(options, device)
    return _load_prm.__wrapped__(spec, format, given) if fresh else _load_prm(spec, format, given)


def _as_key(options: Given, device: str | None) -> str:
    """The options, for a cache that is looked up by them."""
    return json.dumps({**options, **({"device": device} if device else {})}, sort_keys=True, default=str)


@lru_cache(maxsize=8)
def _load_policy(spec: str, given: str) -> Policy:
    return _by_scheme("policy", spec, _POLICIES)(spec, json.loads(given))


@lru_cache(maxsize=8)
def _load_prm(spec: str, format: str | None, given: str) -> RewardModel:
    return _by_scheme("PRM", spec, _PRMS)(spec, format, json.loads(given))


def _by_scheme(kind: str, spec: str, loaders: dict[str, T]) -> T:
    scheme, colon, name = spec.partition(":")
    if not colon:
        scheme = "hf"
    if not spec or (colon and not name):
        raise InputError(f"'{spec}' is no {kind}: write SCHEME:NAME, as in world:small, or a folder")
    if scheme not in loaders:
        raise UnknownName(f"kind of {kind}", scheme, loaders)
    return loaders[scheme]


def _world_policy(spec: str, given: Given) -> Policy:
    options = checked("world policies", WorldOptions, given)
    folder = str(folder_of("policy", spec.partition(":")[2]))
    return _transformers_policy(spec, folder, TransformersOptions(device=options.device))


def _hf_policy(spec: str, given: Given) -> Policy:
    return _transformers_policy(
        spec, spec.removeprefix("hf:"), checked("hf policies", TransformersOptions, given)
    )


def _transformers_policy(spec: str, source: str, options: TransformersOptions) -> Policy:
    from tts_select.executors.policies.transformers import TransformersPolicy
    from tts_select.executors.runtime.loading import load_causal_lm

    loaded = load_causal_lm(source, device=options.device, dtype=options.dtype)
    return TransformersPolicy(
        loaded, name=spec, prompt=options.prompt, thinking=options.thinking, max_rows=options.max_rows
    )


def _openai_policy(spec: str, given: Given) -> Policy:
    options = checked("openai policies", OpenAIOptions, given)
    from tts_select.executors.policies.openai import OpenAIPolicy

    return OpenAIPolicy(spec.partition(":")[2], options, name=spec)


def _vllm_policy(spec: str, given: Given) -> Policy:
    """What is no option of ours is an engine argument."""
    ours = {name: value for name, value in given.items() if name in VllmOptions.__slots__}
    options = checked("vllm policies", VllmOptions, ours)
    from tts_select.executors.policies.vllm import VllmPolicy

    engine = {name: value for name, value in given.items() if name not in ours}
    return VllmPolicy(spec.partition(":")[2], options, engine, name=spec)


def _world_prm(spec: str, format: str | None, given: Given) -> RewardModel:
    from tts_select.executors.rewards.formats import format_named

    options = checked("world PRMs", WorldOptions, given)
    folder = str(folder_of("prm", spec.partition(":")[2]))
    return _transformers_prm(
        spec, folder, format_named(format or WORLD), TransformersPrmOptions(device=options.device)
    )


def _hf_prm(spec: str, format: str | None, given: Given) -> RewardModel:
    options, source = checked("hf PRMs", TransformersPrmOptions, given), spec.removeprefix("hf:")
    return _transformers_prm(spec, source, _format_of(spec, source, format), options)


def _vllm_prm(spec: str, format: str | None, given: Given) -> RewardModel:
    """What is no option of ours is an engine argument."""
    ours = {name: value for name, value in given.items() if name in VllmPrmOptions.__slots__}
    options, source = checked("vllm PRMs", VllmPrmOptions, ours), spec.partition(":")[2]
    layout = _format_of(spec, source, format)
    from tts_select.executors.rewards.vllm import VllmRewardModel

    engine = {name: value for name, value in given.items() if name not in ours}
    return VllmRewardModel(source, layout, engine, name=spec, params=options.params)


def _format_of(spec: str, source: str, format: str | None) -> PrmFormat:
    from tts_select.executors.rewards.formats import format_for, format_named
    from tts_select.executors.rewards.identity import checkpoint_names

    return format_named(format) if format is not None else format_for(spec, checkpoint_names(source))


def _transformers_prm(
    spec: str, source: str, format: PrmFormat, options: TransformersPrmOptions
) -> RewardModel:
    from tts_select.executors.rewards.checkpoints import load_parts
    from tts_select.executors.rewards.generative import GenerativeRewardModel
    from tts_select.executors.rewards.rules import Verdict
    from tts_select.executors.rewards.transformers import TransformersRewardModel

    parts = load_parts(source, format, device=options.device, dtype=options.dtype)
    if isinstance(format.rule, Verdict):
        return GenerativeRewardModel(parts[0], name=spec, format=format)
    return TransformersRewardModel(parts, name=spec, format=format)


def _nothing_to_run(spec: str, *_: Any) -> NoReturn:
    raise InputError(
        f"'{spec}' is a model of an imported log: there is nothing to run; "
        "name the model itself, as in hf:ORG/NAME, with a router that was trained on its own sweep"
    )


_POLICIES: dict[str, Callable[[str, Given], Policy]] = {
    WORLD: _world_policy,
    "hf": _hf_policy,
    LOG: _nothing_to_run,
    "openai": _openai_policy,
    "vllm": _vllm_policy,
}
_PRMS: dict[str, Callable[[str, str | None, Given], RewardModel]] = {
    WORLD: _world_prm,
    "hf": _hf_prm,
    LOG: _nothing_to_run,
    "vllm": _vllm_prm,
}
