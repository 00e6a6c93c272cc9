"""Calls of actors, and what comes of them when an actor is gone."""

from __future__ import annotations

from typing import Any

from tts_select.core.errors import BackendError, InputError


class WorkerLost(Exception):
    """A worker is gone, or does not answer; the message says why."""


def check_same(what: str, *, there: str, host: str, here: str) -> None:
    """Raises:
    InputError: a machine has another version of what is named.
    """
    if there != here:
        raise InputError(f"{what} is {there} on {host}, and {here} here: all machines need the same version")


async def answer(call: Any) -> Any:
    """What an actor returns.

    Raises:
        WorkerLost: it is gone.
        InputError: this package cannot be imported where it is.
    """
    from ray.exceptions import RayError, RayTaskError

    try:
        return await call
    except RayTaskError as error:
        raise BackendError(f"a worker failed: {error.cause!r}") from error
    except RayError as error:
        if "ModuleNotFoundError" in str(error) or "ImportError" in str(error):
            raise InputError(f"a worker cannot import tts-select: {_last_line(error)}") from error
        raise WorkerLost(_last_line(error)) from error


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
