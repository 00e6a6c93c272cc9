"""What the entries of a config, or the models of a server, leave open that somebody will ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tts_select.config import Config, PolicyEntry, PrmEntry
from tts_select.doctor.findings import Finding
from tts_select.executors.policies.sizes import size_in_name
from tts_select.executors.registry import embedded_mismatch, split_spec

_UNKNOWN = "its size is not known, so its FLOPs cannot be counted, and sweeps and routers refuse it"


def examine_entries(config: Config) -> Iterator[Finding]:
    """Report sizes that are not known, and pairs of an embedded model and another one."""
    for name, policy in config.policies.items():
        if not _has_size(policy):
            remedy = "name it, as in options: {params: 7e9}"
            yield Finding(f"policies.{name}", "note", _UNKNOWN, remedy)
    for name, prm in config.prms.items():
        if not _has_size(prm):
            remedy = "name it, as in options: {params: 7e9}"
            yield Finding(f"prms.{name}", "problem", "its size is not known, and it is not loaded so", remedy)
    for name, pair in config.pairs.items():
        prm_spec = config.prm(pair.prm).spec if pair.prm else None
        if prm_spec and (said := embedded_mismatch(config.policy(pair.policy).spec, prm_spec)):
            yield Finding(f"pairs.{name}", "note", said, "pair models of the same world")


def _has_size(entry: PolicyEntry | PrmEntry) -> bool:
    """Whether the parameters that compute a token are told, or counted when it is loaded."""
    scheme, source = split_spec(entry.spec)
    is_counted = scheme not in ("openai", "served", "vllm") or (scheme == "vllm" and Path(source).is_dir())
    return is_counted or entry.options.get("params") is not None or size_in_name(source) is not None
