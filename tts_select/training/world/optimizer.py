"""Muon for the matrices in the layers, AdamW for the rest: two thirds of AdamW's loss (docs/lab/log.md)."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from tts_select.training.world.recipe import Recipe


class Optimizer:
    """An optimizer with cycles of a warm-up and a linear fall of the learning rate."""

    def __init__(
        self, model: PreTrainedModel, recipe: Recipe, cycles: tuple[int, ...], lr_scale: float
    ) -> None:
        self._recipe, self._cycles, self._lr_scale = recipe, cycles, lr_scale
        self._parameters = list(model.parameters())
        matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and ".layers." in n]
        inside = {id(p) for p in matrices}
        rest = [p for p in self._parameters if id(p) not in inside]
        self._parts: list[tuple[float, torch.optim.Optimizer]] = [
            (
                recipe.muon_lr,
                torch.optim.Muon(
                    matrices,
                    lr=recipe.muon_lr,
                    weight_decay=0.01,
                    adjust_lr_fn="match_rms_adamw",
                ),
            ),
            (
                recipe.adam_lr,
                torch.optim.AdamW(rest, lr=recipe.adam_lr, betas=(0.9, 0.95), weight_decay=0.0),
            ),
        ]

    def step(self, n_done: int) -> None:
        """Apply the gradients at the learning rate of step `n_done`, then clear them."""
        share = self._lr_share(n_done)
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        for lr, part in self._parts:
            for group in part.param_groups:
                group["lr"] = lr * share
            part.step()
            part.zero_grad()

    def _lr_share(self, n_done: int) -> float:
        """Return the share of the learning rate: in each cycle it warms up, then falls; each peak is lower
        than the last."""
        peak, place = self._lr_scale, n_done
        for n_steps in self._cycles:
            if place < n_steps:
                warm = min(1.0, (place + 1) / self._recipe.warmup_steps)
                return peak * warm * max(self._recipe.final_lr_share, 1 - place / n_steps)
            peak, place = peak * self._recipe.cycle_lr_decay, place - n_steps
        return peak * self._recipe.final_lr_share

    def state_dict(self) -> list[dict[str, object]]:
        """Return the state for a checkpoint."""
        return [part.state_dict() for _, part in self._parts]

    def load_state_dict(self, states: list[dict[str, object]]) -> None:
        """Restore the state of a checkpoint."""
        for (_, part), state in zip(self._parts, states, strict=True):
            part.load_state_dict(state)
