"""Seeded sampling: a row's token depends on its own seed and position, never on its neighbours."""

from __future__ import annotations

import math

import numpy as np
import torch

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def uniforms(seeds: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """One number in [0, 1) a row, from its seed and the position of the token (SplitMix64)."""
    with np.errstate(over="ignore"):
        z = seeds.astype(np.uint64) + (positions.astype(np.uint64) + np.uint64(1)) * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    numbers: np.ndarray = (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)
    return numbers


def sample_tokens(
    logits: torch.Tensor, temperature: np.ndarray, top_p: np.ndarray, uniform: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens of shape (rows,) and their log-probabilities at temperature 1; temperature 0 is greedy."""
    logits = logits.float()
    greedy = logits.argmax(-1)
    if (temperature > 0).any():
        heat = torch.as_tensor(np.maximum(temperature, 1e-6), dtype=torch.float32).to(logits.device)
        probs = torch.softmax(logits / heat[:, None], -1)
        if (top_p < 1).any():
            probs = _nucleus(probs, torch.as_tensor(top_p, dtype=torch.float32).to(logits.device))
        cdf = probs.double().cumsum(-1)
        point = torch.as_tensor(uniform, device=logits.device)[:, None] * cdf[:, -1:]
        drawn = torch.searchsorted(cdf, point, right=True)[:, 0].clamp(max=logits.shape[-1] - 1)
        cold = torch.as_tensor(temperature == 0, device=logits.device)
        tokens = torch.where(cold, greedy, drawn)
    else:
        tokens = greedy
    logprobs = torch.log_softmax(logits, -1).gather(-1, tokens[:, None])[:, 0]
    return tokens, logprobs


def token_certainties(logits: torch.Tensor, top: np.ndarray) -> torch.Tensor:
    """`core.certainty.token_certainty` of each row, by its `top` most likely tokens; NaN where that is 0."""
    n = int(min(top.max(), logits.shape[-1]))
    logprobs = logits.topk(n, -1).values.float() - logits.float().logsumexp(-1, keepdim=True)
    sizes = torch.as_tensor(np.minimum(top, n), device=logits.device)[:, None]
    sums = logprobs.cumsum(-1).gather(-1, (sizes - 1).clamp(min=0))
    return torch.where(sizes > 0, -sums / sizes, math.nan)[:, 0]


def _nucleus(probs: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    ranked, order = probs.sort(-1, descending=True)
    before = ranked.cumsum(-1) - ranked
    ranked = ranked.masked_fill(before >= top_p[:, None], 0.0)
    return torch.zeros_like(probs).scatter(-1, order, ranked)
