"""The training loop of every stage: seeded batches in, checkpoints out; a cut run goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import LlamaForCausalLM

from tts_select.training.world.corpus import IGNORE, Batch, Example, batches
from tts_select.training.world.fast import forward_of
from tts_select.training.world.optimizer import Optimizer
from tts_select.training.world.recipe import Recipe, Stage

CHECKPOINT_EVERY_SECONDS = 60

Chunks = Callable[[int], Sequence[Example]]
"""The examples of the k-th chunk; asked for in order, for ever."""

Loss = Callable[[torch.Tensor, Batch], torch.Tensor]
"""A function of the logits, shape (batch, length, vocabulary), on a batch."""


@dataclass(slots=True)
class Progress:
    """The state of a stage; saved with its checkpoint."""

    n_steps: int = 0
    chunk: int = 0
    batch: int = 0
    n_tokens: int = 0
    loss: float = float("nan")
    seconds: float = 0.0


def lm_loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Cross-entropy of the next tokens that are to be predicted."""
    return F.cross_entropy(logits.flatten(0, 1), batch.next_ids.flatten(), ignore_index=IGNORE)


def train(
    model: LlamaForCausalLM,
    chunks: Chunks,
    loss_of: Loss,
    *,
    stage: Stage,
    recipe: Recipe,
    checkpoint: Path,
    report: Callable[[Progress], None],
    compiled: bool = False,
) -> Progress:
    """Train `model` in place for all cycles of `stage`, resuming from `checkpoint` if it exists."""
    optimizer = Optimizer(model, recipe, stage.cycles, stage.lr_scale)
    progress = _resume(model, optimizer, checkpoint)
    model.train()
    forward = forward_of(model, compiled=compiled)
    began, saved = time.monotonic() - progress.seconds, time.monotonic()
    stream = _stream(chunks, progress, stage.stream or stage.name, recipe)
    while progress.n_steps < stage.n_steps:
        batch = next(stream).to(model.device)
        loss = loss_of(forward(batch.ids), batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(progress.n_steps)
        value = loss.item()
        first = progress.n_steps == 0
        progress.loss = value if first else 0.98 * progress.loss + 0.02 * value
        progress.n_steps += 1
        progress.n_tokens += batch.ids.numel()
        progress.seconds = time.monotonic() - began
        report(progress)
        if time.monotonic() - saved > CHECKPOINT_EVERY_SECONDS:
            _save(model, optimizer, progress, checkpoint)
            saved = time.monotonic()
    _save(model, optimizer, progress, checkpoint)
    model.eval()
    return progress


def _stream(chunks: Chunks, progress: Progress, name: str, recipe: Recipe) -> Iterator[Batch]:
    """Yield batches from where `progress` stands; it moves along as they are taken."""
    while True:
        seed = f"{recipe.seed}:{name}:{progress.chunk}"
        cut = batches(chunks(progress.chunk), tokens=recipe.batch_tokens, seed=seed)
        for batch in cut[progress.batch :]:
            progress.batch += 1
            yield batch
        progress.chunk, progress.batch = progress.chunk + 1, 0


def _save(model: LlamaForCausalLM, optimizer: Optimizer, progress: Progress, path: Path) -> None:
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": {name: getattr(progress, name) for name in Progress.__slots__},
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def _resume(model: LlamaForCausalLM, optimizer: Optimizer, path: Path) -> Progress:
    if not path.exists():
        return Progress()
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return Progress(**state["progress"])
