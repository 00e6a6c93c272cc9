"""The forward pass of training in half precision, about twice as fast as in single on a processor with AMX.

On a CPU attention stays in single precision: torch's own in bfloat16 is eight times slower backwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AttentionInterface, LlamaForCausalLM

from tts_select.executors.runtime.loading import computes_in_bfloat16

SINGLE_ATTENTION = "single_precision_causal"

Forward = Callable[[torch.Tensor], torch.Tensor]
"""From token ids, shape (batch, length), to logits in single precision, (batch, length, vocabulary)."""


def forward_of(model: LlamaForCausalLM, *, compiled: bool = False) -> Forward:
    """The model's forward pass, in bfloat16 where its device computes in it; `compiled` fuses what lies
    between the products, which needs a C++ compiler on a CPU and pays off after some hundred batches."""
    device = model.device.type
    half = device == "cuda" or computes_in_bfloat16()
    if half and device == "cpu":
        AttentionInterface.register(SINGLE_ATTENTION, _single_attention)
        model.set_attn_implementation(SINGLE_ATTENTION)
    run: Callable[..., Any] = torch.compile(model, dynamic=True) if compiled else model

    def forward(ids: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
            logits: torch.Tensor = run(ids).logits
        return logits.float()

    return forward


def _single_attention(
    _: torch.nn.Module, *states: torch.Tensor | None, scaling: float | None = None, **__: object
) -> tuple[torch.Tensor, None]:
    """Causal attention over right-padded rows: query, key and value, (batch, heads, length, size) each, and a
    mask, which is not needed."""
    query, key, value = (state.float() for state in states[:3] if state is not None)
    with torch.autocast(query.device.type, enabled=False):
        found = F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling)
    return found.transpose(1, 2).contiguous(), None
