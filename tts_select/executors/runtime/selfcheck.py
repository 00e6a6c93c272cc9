"""Whether this runtime runs a model as `transformers` does: found out by trying, since names tell too little.

The ragged cache suits decoder-only models with full attention and keys and values of one shape. State-space
models, attention biases made from a two-dimensional mask (ALiBi) and compressed caches (MLA) are not such.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tts_select.core.errors import InputError
from tts_select.executors.runtime.ragged import RaggedCache, right_aligned

_ROWS = (np.array([3, 5, 7, 4, 6]), np.array([6, 4, 5]))
"""Token ids of two lengths, that every vocabulary has."""
_HALF_TOLERANCE, _FLOAT_TOLERANCE = 5e-2, 1e-3
"""The largest tolerated difference between outputs, as a share of their spread."""
_LEAST_WINDOW = 2048
"""The fewest tokens of a window: less leaves no room for a problem and its solution."""


def check_architecture(model: Any, name: str) -> None:
    """Check that this runtime runs the model as it is meant.

    Raises:
        InputError: this runtime would run the model wrongly, or not at all.
    """
    kind = type(model).__name__
    window = attention_window(model.config)
    if window is not None and window < _LEAST_WINDOW:
        raise InputError(
            f"{name} is a {kind} with layers that read the last {window:,} tokens alone, which the "
            "transformers runtime cannot run: run it as vllm: or behind a server (openai:)"
        )
    try:
        with torch.inference_mode():
            error = _difference(model)
    except Exception as failure:  # models of any code are tried, and may fail in any way
        raise InputError(_refusal(name, kind, f"{type(failure).__name__}: {failure}")) from failure
    tolerance = _FLOAT_TOLERANCE if model.dtype == torch.float32 else _HALF_TOLERANCE
    if not error <= tolerance:
        raise InputError(_refusal(name, kind, f"its outputs would be off by {error:.0%} of their spread"))


def attention_window(config: Any) -> int | None:
    """The fewest tokens that a layer with a sliding window reads, or None; texts no longer than it are read
    as if there were no window."""
    text = config.get_text_config()
    window = getattr(text, "sliding_window", None)
    types = getattr(text, "layer_types", None)
    slides = "sliding_attention" in types if types else getattr(text, "use_sliding_window", True)
    return int(window) if window and slides else None


def _difference(model: Any) -> float:
    """Return the difference between the outputs at the end of each row, computed with the cache in one batch,
    and without it one by one."""
    alone = torch.stack([_last(model(right_aligned([i], model.device), use_cache=False))[0] for i in _ROWS])
    starts = [ids[:-1] for ids in _ROWS]
    lengths = np.array([len(ids) for ids in starts])
    cache = RaggedCache.from_segments(model, [[] for _ in _ROWS], lengths.tolist())
    cache.forward(model, right_aligned(starts, model.device), lengths)
    ends = right_aligned([ids[-1:] for ids in _ROWS], model.device)
    together = _last(cache.forward(model, ends, np.ones(len(_ROWS), dtype=np.int64)))
    spread = float(alone.std()) or 1.0
    return float((together - alone).abs().max()) / spread


def _last(output: Any) -> torch.Tensor:
    """The logits at the end of each row, or the hidden states of a model without a head."""
    states: torch.Tensor = output.logits if "logits" in output else output.last_hidden_state
    return states[:, -1].float()


def _refusal(name: str, kind: str, reason: str) -> str:
    return (
        f"the transformers runtime cannot run {name}, a {kind} ({' '.join(reason.split())[:120]}); it runs "
        "decoder-only models with full attention, as Llama, Qwen, Mistral and Gemma: run it as vllm: or "
        "behind a server (openai:)"
    )
