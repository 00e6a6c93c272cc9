"""The packages that only some commands and models need, and the line that says how to install them."""

from __future__ import annotations

from importlib.util import find_spec

from tts_select.core.errors import InputError

EXTRAS: dict[str, tuple[str, ...]] = {
    "local": ("torch", "transformers", "safetensors"),
    "datasets": ("datasets",),
    "plot": ("matplotlib",),
    "otel": ("opentelemetry",),
    "ray": ("ray",),
    "serve": ("starlette", "uvicorn", "prometheus_client"),
}
"""The modules that each extra of this package installs; pyproject.toml has their versions."""


def missing_from(extra: str) -> tuple[str, ...]:
    """The modules of an extra that are not installed."""
    return tuple(name for name in EXTRAS[extra] if find_spec(name) is None)


def how_to_install(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'tts-select[{extra}]'"


def require(extra: str, who: str) -> None:
    """Do nothing if all modules of the extra are installed. `who` needs it, as in "the embedded models".

    Raises:
        InputError: one of them is not installed.
    """
    if missing := missing_from(extra):
        raise InputError(
            f"{who} need the extra '{extra}' ({', '.join(missing)} not installed): {how_to_install(extra)}"
        )
