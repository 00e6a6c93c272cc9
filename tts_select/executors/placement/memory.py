"""How much memory a model takes on each of its devices: weights, keys and values, and working memory.

Weights and cache are exact sums over the configuration. Working memory is an estimate on the safe side: what
a runtime computes with at its largest batch, logits in float32, and a fixed part for the GPU's own libraries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from tts_select.executors.placement.checkpoints import BYTES, Checkpoint
from tts_select.executors.placement.devices import GIB, Device

Runtime = Literal["transformers", "vllm"]

_LIBRARIES = {"transformers": 1 * GIB, "vllm": 2 * GIB}
"""The memory of the libraries on a GPU: CUDA's context and kernels; in vLLM also the captured graphs."""
_BATCH_TOKENS = 8192
"""The most that the transformers runtime computes at once."""
_LARGE_GPU = 70 * GIB
_VLLM_BATCH = {False: (8192, 256), True: (16384, 1024)}
"""vLLM's own defaults (0.32) for tokens and rows at once, on small and on large GPUs."""
PREFIX_BYTES, LEAST_PREFIX_TOKENS = 1 * GIB, 4096
"""The most that a model of the transformers runtime keeps of keys and values on a GPU; several share it
(`runtime/cache_budget.py`), so this is on the safe side."""
_LOGIT_COPIES = {"transformers": 3, "vllm": 2}
"""Logits, their probabilities, and the sorted ones of top-p."""
_GROWTH = 2
"""The transformers runtime copies its rows when they need more room."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What is in flight at the same time."""

    concurrency: int = 64
    """Solutions; more of them wait."""
    context: int = 4096
    """Tokens of a problem and its solution."""


@dataclass(frozen=True, slots=True)
class ModelPlacement:
    """A model, and where it is to run."""

    name: str
    runtime: Runtime
    device: str
    dtype: str
    parts: Sequence[Checkpoint]
    """The checkpoints that are loaded: one; an implicit PRM has its reference too."""
    writes: bool = True
    """Whether it samples text: a policy, or a PRM that writes critiques."""
    n_devices: int = 1
    """The number of devices, from `device` on, that share it (tensor parallelism)."""
    most_rows: int | None = None
    """Texts that the runtime has at work at once, however many are in flight."""
    share: float | None = None
    """The share of each device's memory, if one is specified (vLLM's `gpu_memory_utilization`)."""
    longest: int | None = None
    """Tokens of the longest text that vLLM is to take (`max_model_len`); None: the checkpoint's context."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one model needs on one of its devices, in bytes."""

    model: str
    weights: int
    cache: int
    """Keys and values."""
    working: int

    @property
    def total(self) -> int:
        """The sum of all parts."""
        return self.weights + self.cache + self.working


def need_of(model: ModelPlacement, workload: Workload, device: Device) -> Need:
    """What the model takes on `device`, one of its own."""
    parts = model.parts
    weights = sum(part.weight_bytes(model.dtype) for part in parts) / model.n_devices
    cache = sum(_cache(model, part, workload) for part in parts)
    working = sum(_working(model, part, workload, device) for part in parts)
    fixed = _LIBRARIES[model.runtime] if device.is_gpu else 0
    return Need(model.name, ceil(weights), ceil(cache), ceil(working + fixed))


def _cache(model: ModelPlacement, part: Checkpoint, workload: Workload) -> float:
    token = part.kv_bytes(model.dtype)
    context = min(workload.context, part.context)
    if model.runtime == "vllm":
        # one text of the greatest length must fit, else vLLM does not start; heads are shared by the devices
        tokens = max(workload.concurrency * context, model.longest or part.context)
        return token * tokens * ceil(part.key_value_heads / model.n_devices) / part.key_value_heads
    kept = max(PREFIX_BYTES, LEAST_PREFIX_TOKENS * token)
    if not model.writes:
        return 2 * kept  # a batch takes no more than what is kept
    return kept + _GROWTH * _rows(model, workload) * context * token


def _working(model: ModelPlacement, part: Checkpoint, workload: Workload, device: Device) -> float:
    tokens, rows = _BATCH_TOKENS, _rows(model, workload)
    if model.runtime == "vllm":
        tokens, rows = _VLLM_BATCH[device.total >= _LARGE_GPU]
    activations = tokens * (4 * part.hidden + 3 * part.intermediate) * BYTES[model.dtype]
    logits = rows * part.vocabulary * 4 * _LOGIT_COPIES[model.runtime] if model.writes else 0
    return activations / model.n_devices + logits


def _rows(model: ModelPlacement, workload: Workload) -> int:
    return min(workload.concurrency, model.most_rows or workload.concurrency)
