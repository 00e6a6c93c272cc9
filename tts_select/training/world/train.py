"""`tts-select world train`: runs the recipe's stages in order and writes ordinary Hugging Face folders.

The folder may be given again after an interruption: finished stages are skipped and the current one goes on
from its checkpoint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from tts_select.data.world.tokenizer import build_tokenizer, save_tokenizer
from tts_select.training.world import prm
from tts_select.training.world.corpus import Example, gold_chunk
from tts_select.training.world.loop import Progress, lm_loss, train
from tts_select.training.world.models import grow, new_model
from tts_select.training.world.recipe import PolicyStage, PrmStage, Recipe, Stage

Report = Callable[[Stage, Progress], None]


def train_world(
    out: Path, recipe: Recipe, *, device: str, report: Report, stages: tuple[str, ...] = ()
) -> None:
    """Train every stage of `recipe` (or only those named) whose folder has no manifest yet."""
    tokenizer = build_tokenizer()
    for stage in recipe.stages:
        folder = out / stage.name
        if (folder / "manifest.json").exists() or (stages and stage.name not in stages):
            continue
        folder.mkdir(parents=True, exist_ok=True)
        model = _initial(stage, out, recipe, tokenizer).to(device)
        progress = _train_stage(stage, model, out, recipe, tokenizer, report)
        _write(model, stage, progress, folder, recipe)


def _initial(stage: Stage, out: Path, recipe: Recipe, tokenizer: Tokenizer) -> LlamaForCausalLM:
    if stage.start_from is None:
        return new_model(stage.size, tokenizer, recipe.seed)
    # the checkpoint, not the published folder: that one is rounded to bfloat16
    parent = next(s for s in recipe.stages if s.name == stage.start_from)
    model = new_model(parent.size, tokenizer, recipe.seed)
    state = torch.load(out / f"{stage.start_from}.checkpoint.pt", weights_only=True)
    model.load_state_dict(state["model"])
    return grow(model, stage.size.layers, tokenizer, recipe.seed)


def _train_stage(
    stage: Stage,
    model: LlamaForCausalLM,
    out: Path,
    recipe: Recipe,
    tokenizer: Tokenizer,
    report: Report,
) -> Progress:
    def gold(k: int) -> list[Example]:
        return gold_chunk(f"{recipe.seed}:{stage.name}:{k}", tokenizer)

    chunks, loss = gold, lm_loss
    if isinstance(stage, PrmStage):
        labelled = prm.labelled_samples(stage, out, recipe, tokenizer, str(model.device))
        chunks, loss = prm.mixed_chunks(labelled, gold, stage.name), prm.verdict_loss(tokenizer)
    return train(
        model,
        chunks,
        loss,
        name=stage.name,
        n_steps=stage.n_steps,
        lr_scale=stage.lr_scale,
        recipe=recipe,
        checkpoint=out / f"{stage.name}.checkpoint.pt",
        report=lambda progress: report(stage, progress),
    )


def _write(
    model: LlamaForCausalLM, stage: Stage, progress: Progress, folder: Path, recipe: Recipe
) -> None:
    """The manifest is written last: where it exists, the folder is whole."""
    published = LlamaForCausalLM(model.config).to(torch.bfloat16)
    published.load_state_dict(model.state_dict())
    published.save_pretrained(folder)
    save_tokenizer(folder)
    weights = folder / "model.safetensors"
    manifest: dict[str, Any] = {
        "name": stage.name,
        "kind": "policy" if isinstance(stage, PolicyStage) else "prm",
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "trained_on": _trained_on(stage),
        "seed": recipe.seed,
        "n_steps": progress.n_steps,
        "n_tokens": progress.n_tokens,
        "loss": round(progress.loss, 5),
        "seconds": round(progress.seconds),
        "torch": torch.__version__,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def _trained_on(stage: Stage) -> str:
    if isinstance(stage, PolicyStage):
        return "canonical solutions"
    return f"samples of {', '.join(stage.policies)}"
