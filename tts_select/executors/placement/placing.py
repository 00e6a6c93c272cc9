"""Turns specs and their options into models that can be placed: where each runs, its dtype and its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tts_select.data.world.artifacts import folder_of
from tts_select.executors.backend_options import TransformersOptions
from tts_select.executors.placement.checkpoints import BYTES, Checkpoint, checkpoint_of
from tts_select.executors.placement.devices import CPU, Device
from tts_select.executors.placement.memory import ModelPlacement
from tts_select.executors.prms.formats import format_named
from tts_select.executors.prms.rules import Classes, LogRatio, Rule, Value, Verdict
from tts_select.executors.registry import WORLD, format_of, split_spec

_HALF = "bfloat16"
_IN_PROCESS = (WORLD, "hf", "vllm")
"""The schemes of what is loaded here; other models are on a server."""

Options = Mapping[str, Any]


def placed_policy(name: str, spec: str, options: Options, devices: Sequence[Device]) -> ModelPlacement | None:
    """A policy as it is loaded with these options; None: it is not loaded here.

    Raises:
        BackendError: its configuration cannot be read.
    """
    scheme, source = split_spec(spec)
    if scheme not in _IN_PROCESS:
        return None
    folder = str(folder_of("policy", source)) if scheme == WORLD else source
    rows = None if scheme == "vllm" else options.get("max_rows", TransformersOptions().max_rows)
    return _placed(name, scheme, options, devices, parts=[checkpoint_of(folder)], writes=True, rows=rows)


def placed_prm(
    name: str, spec: str, format: str | None, options: Options, devices: Sequence[Device]
) -> ModelPlacement | None:
    """The same for a PRM.

    Raises:
        InputError: its format is not known.
        BackendError: its configuration cannot be read.
    """
    scheme, source = split_spec(spec)
    if scheme not in _IN_PROCESS:
        return None
    folder = str(folder_of("prm", source)) if scheme == WORLD else source
    rule = (format_named(format or WORLD) if scheme == WORLD else format_of(spec, format)).rule
    writes = isinstance(rule, Verdict)
    return _placed(name, scheme, options, devices, parts=_parts(folder, rule), writes=writes, rows=None)


def _parts(source: str, rule: Rule) -> list[Checkpoint]:
    parts = [checkpoint_of(source, has_vocabulary=not isinstance(rule, Classes | Value))]
    return [*parts, checkpoint_of(rule.reference)] if isinstance(rule, LogRatio) else parts


def _placed(
    name: str,
    scheme: str,
    options: Options,
    devices: Sequence[Device],
    *,
    parts: Sequence[Checkpoint],
    writes: bool,
    rows: int | None,
) -> ModelPlacement:
    device = _device(scheme, options, devices)
    is_vllm = scheme == "vllm"
    return ModelPlacement(
        name,
        "vllm" if is_vllm else "transformers",
        device,
        _dtype(str(options.get("dtype", "auto")), parts[0].dtype, device, is_vllm=is_vllm),
        parts,
        writes=writes,
        n_devices=int(options.get("tensor_parallel_size", 1)) if is_vllm else 1,
        most_rows=rows,
        share=options.get("gpu_memory_utilization") if is_vllm else None,
        longest=options.get("max_model_len") if is_vllm else None,
    )


def _device(scheme: str, options: Options, devices: Sequence[Device]) -> str:
    """Return the device that the backends choose: the first GPU, unless one is specified."""
    has_gpu = any(d.is_gpu for d in devices)
    if scheme == "vllm":
        ids = options.get("device_ids") or [0]
        return f"cuda:{ids[0]}" if has_gpu else CPU
    asked_for = options.get("device") or ("cuda" if has_gpu else CPU)
    return "cuda:0" if asked_for == "cuda" else str(asked_for)


def _dtype(asked_for: str, saved: str, device: str, *, is_vllm: bool) -> str:
    """`auto` as the runtimes read it: float32 on a CPU in ours, never more than half precision in vLLM."""
    if asked_for in BYTES:
        return asked_for
    if is_vllm:
        return saved if saved in BYTES and saved != "float32" else _HALF
    return saved if device != CPU and saved in BYTES else "float32"
