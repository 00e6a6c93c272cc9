"""Starts and ends vLLM's engine, in a background loop: it lives in the loop that it was started in."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib.util import find_spec
from typing import Any

from tts_select.core.errors import BackendError, UnknownName
from tts_select.executors.runtime.background import BackgroundLoop

_MEMORY_SHARE = 0.6
"""The share of a GPU, unless another is specified: vLLM's own would leave a PRM on the same GPU no room."""

_CPU_BLOCK_TOKENS = 32
_REMEDY = "install it as docs/models.md says, or write hf: for vllm:"
_FORGET_TRIES, _FORGET_SECONDS = 50, 0.1


@dataclass(frozen=True, slots=True)
class Vllm:
    """What is used of the package."""

    engine_args: Any
    engine: Any
    sampling_params: Any
    output_kind: Any
    failures: tuple[type[Exception], ...]
    """The errors of the engine, in a request."""
    refusal: type[Exception]
    """The error of a request with a value that the engine does not take."""
    is_on_cpu: Callable[[], bool]
    of_one_request: dict[str, Any]
    """Sampling parameters by which it knows that they are of no other, and need not be copied deeply."""


def check_vllm() -> None:
    """Check that vLLM is installed.

    Raises:
        BackendError: it is not installed.
    """
    if find_spec("vllm") is None:
        raise BackendError(f"vLLM is not installed: {_REMEDY}")


def imported_vllm() -> Vllm:
    """Import vLLM.

    Raises:
        BackendError: it is not installed, or cannot be imported.
    """
    check_vllm()
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")  # read when it is imported
    try:
        from vllm import AsyncEngineArgs, SamplingParams
        from vllm.exceptions import VLLMValidationError
        from vllm.platforms import current_platform
        from vllm.sampling_params import RequestOutputKind
        from vllm.v1.engine.async_llm import AsyncLLM
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError
    except ImportError as error:
        raise BackendError(f"vLLM cannot be imported ({error}): {_REMEDY}") from error
    failures = (EngineDeadError, EngineGenerateError)
    return Vllm(
        AsyncEngineArgs,
        AsyncLLM,
        SamplingParams,
        RequestOutputKind,
        failures,
        refusal=VLLMValidationError,
        is_on_cpu=current_platform.is_cpu,
        of_one_request={"skip_clone": True} if "skip_clone" in SamplingParams.__struct_fields__ else {},
    )


def started_engine(vllm: Vllm, source: str, arguments: dict[str, Any], background: BackgroundLoop) -> Any:
    """An engine for the model at `source`. After a failure the background loop is stopped.

    Raises:
        UnknownName: vLLM has no such argument.
        BackendError: it cannot load the model.
    """
    try:
        return background.wait_for(_start(vllm, source, arguments))
    except BaseException:
        background.stop(_nothing)
        raise


def as_prompt(ids: list[int]) -> dict[str, Any]:
    """What the engine takes as it is: without the type it hands the ids to a thread that renders prompts, and
    each has to wait for it."""
    return {"type": "token", "prompt_token_ids": ids}


async def forget_prefixes(engine: Any, name: str) -> None:
    """Empty the engine's prefix cache.

    Raises:
        BackendError: something still computes with it.
    """
    for _ in range(_FORGET_TRIES):
        if await engine.reset_prefix_cache():
            return
        await asyncio.sleep(_FORGET_SECONDS)  # a request that was aborted is on its way out
    raise BackendError(f"{name} does not empty its prefix cache: requests are in flight")


def shut_down(engine: Any, background: BackgroundLoop) -> None:
    """End the engine, its processes and the loop."""

    async def close() -> None:
        engine.shutdown()

    background.stop(close)


async def _start(vllm: Vllm, source: str, arguments: dict[str, Any]) -> Any:
    known = [f.name for f in fields(vllm.engine_args)]
    for name in arguments:
        if name not in known:
            raise UnknownName("option of vllm policies, and engine argument of vLLM,", name, known)
    ours: dict[str, Any] = {
        "gpu_memory_utilization": _MEMORY_SHARE,
        "enable_prefix_caching": True,
        "disable_log_stats": True,
    }
    if vllm.is_on_cpu():
        # a prompt with a seed of its own that is read in two parts would end the engine: on a CPU it cannot
        # take the random number back that it draws after the first part (vLLM 0.32)
        ours["enable_chunked_prefill"] = False
        # prefixes are found in whole blocks, and those of 128 tokens, its default here, are longer than steps
        ours["block_size"] = _CPU_BLOCK_TOKENS
    try:
        return vllm.engine.from_engine_args(vllm.engine_args(model=source, **{**ours, **arguments}))
    except (RuntimeError, ValueError, OSError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BackendError(f"vLLM cannot load the model '{source}': {reason}") from error


async def _nothing() -> None:
    pass
