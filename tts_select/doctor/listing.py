"""What is known, and what of it runs on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tts_select.config import Config
from tts_select.data.world.artifacts import describe
from tts_select.executors.backend_options import Backend
from tts_select.executors.prms.formats import FORMATS
from tts_select.executors.registry import POLICIES, PRMS, split_spec


def list_models(config: Config | None) -> dict[str, Any]:
    """Embedded models, backends, PRM formats and the entries of the config, for JSON."""
    return {
        "embedded": describe(),
        "backends": [*_backends("policy", POLICIES), *_backends("prm", PRMS)],
        "prm_formats": [_format(name) for name in FORMATS],
        "config": _entries(config) if config else [],
    }


def _backends(kind: str, backends: Mapping[str, Backend[Any]]) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "scheme": scheme, "runs_on": backend.needs, "why_not": backend.why_not()}
        for scheme, backend in backends.items()
    ]


def _format(name: str) -> dict[str, Any]:
    from tts_select.executors.prms.vllm import is_read_in_vllm

    format = FORMATS[name]
    runtimes = ["hf", *(["vllm"] if is_read_in_vllm(format) else [])]
    return {"format": name, "known_by": list(format.ids), "runs_in": runtimes}


def _entries(config: Config) -> list[dict[str, Any]]:
    found = []
    for kind, entries, backends in (("policy", config.policies, POLICIES), ("prm", config.prms, PRMS)):
        for name, entry in entries.items():
            backend: Backend[Any] = backends[split_spec(entry.spec)[0]]
            found.append({"kind": kind, "name": name, "spec": entry.spec, "why_not": backend.why_not()})
    found += [
        {"kind": "pair", "name": name, "spec": f"{pair.policy} + {pair.prm or 'no PRM'}", "why_not": None}
        for name, pair in config.pairs.items()
    ]
    return found
