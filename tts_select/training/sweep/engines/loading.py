"""What a worker loads, by a config or by specs, and the GPUs that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tts_select.config import Config
from tts_select.config.using import ModelGroup, loaders_for
from tts_select.executors.registry import Loaders, split_spec
from tts_select.solving.models import fresh_loaders
from tts_select.training.sweep.engines.needs import Need

_CPU = "cpu"
_GPU = "cuda"


def loaders_of(config: Config | None, sizes: Mapping[str, float], need: Need) -> Loaders:
    """Return what loads the models of a worker, on the machine that it is on.

    Raises:
        InputError: the models do not fit there.
    """
    if config is None:
        return fresh_loaders(sizes)
    policies, prms = ([name] if name else [] for name in (need.policy, need.prm))
    return loaders_for(config, [ModelGroup(policies, prms)], fresh=True, sizes=sizes)


def gpus_of(config: Config | None, need: Need) -> int:
    """Return how many GPUs a worker takes, on a machine that has some: up to the last one that its models
    name.

    A policy and a PRM on the same GPU, as the options say where none is named, share it. The embedded models
    run on the CPU, unless their option `device` says otherwise; what is on a server takes none.
    """
    entries: list[tuple[str, Mapping[str, Any]]] = []
    for kind, name in (("policy", need.policy), ("prm", need.prm)):
        if name is not None:
            entry = None if config is None else getattr(config, kind)(name)
            entries.append((name, {}) if entry is None else (entry.spec, entry.options))
    return max((_last_gpu(spec, options) for spec, options in entries), default=0)


def _last_gpu(spec: str, options: Mapping[str, Any]) -> int:
    scheme = split_spec(spec)[0]
    if scheme == "vllm":
        return int((options.get("device_ids") or [0])[0]) + int(options.get("tensor_parallel_size", 1))
    device = str(options.get("device") or (_GPU if scheme == "hf" else _CPU))
    kind, _, index = device.partition(":")
    return int(index or 0) + 1 if kind == _GPU else 0
