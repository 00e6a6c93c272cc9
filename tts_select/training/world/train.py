"""`tts-select world train`: runs the recipe's stages in order and writes ordinary Hugging Face folders.

The folder may be given again after an interruption: finished stages are skipped and the current one goes on
from its checkpoint.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM
from transformers.utils import logging as hf_logging

from tts_select.data.world.tokenizer import build_tokenizer, save_tokenizer
from tts_select.training.world import prm
from tts_select.training.world.corpus import Example, gold_chunk
from tts_select.training.world.loop import Chunks, Loss, Progress, lm_loss, train
from tts_select.training.world.models import grow, new_model, sharpen
from tts_select.training.world.recipe import PolicyStage, PrmStage, Recipe, Stage

Report = Callable[[Stage, Progress], None]


def train_world(
    out: Path,
    recipe: Recipe,
    *,
    device: str,
    report: Report,
    stages: tuple[str, ...] = (),
    compiled: bool = False,
) -> None:
    """Train every stage of `recipe` (or only those named) whose folder has no manifest yet."""
    hf_logging.disable_progress_bar()  # each model is one small file; the bars are ours
    workshop = _Workshop(out, recipe, device, report, compiled)
    for stage in recipe.stages:
        if not stages or stage.name in stages:
            workshop.make(stage)


@dataclass(frozen=True, slots=True)
class _Workshop:
    out: Path
    recipe: Recipe
    device: str
    report: Report
    compiled: bool
    tokenizer: Tokenizer = field(default_factory=build_tokenizer)

    def make(self, stage: Stage) -> None:
        """Train and write the stage's model, unless its manifest, which is written last, is there."""
        if (self.out / stage.name / "manifest.json").exists():
            return
        model = self._initial(stage).to(self.device)  # type: ignore[arg-type]  # transformers' stub
        chunks, loss_of = self._lessons(stage)
        progress = train(
            model,
            chunks,
            loss_of,
            stage=stage,
            recipe=self.recipe,
            checkpoint=self._checkpoint(stage.name),
            report=lambda progress: self.report(stage, progress),
            compiled=self.compiled,
        )
        self._write(stage, model, progress)

    def _checkpoint(self, name: str) -> Path:
        self.out.mkdir(parents=True, exist_ok=True)
        return self.out / f"{name}.checkpoint.pt"

    def _initial(self, stage: Stage) -> LlamaForCausalLM:
        if stage.start_from is None:
            return new_model(stage.size, self.tokenizer, self.recipe.seed)
        parent = next(s for s in self.recipe.stages if s.name == stage.start_from)
        model = new_model(parent.size, self.tokenizer, self.recipe.seed)
        # the checkpoint, not the published folder: that one is rounded to bfloat16
        state = torch.load(self._checkpoint(parent.name), weights_only=True)
        model.load_state_dict(state["model"])
        return grow(model, stage.size.layers, self.tokenizer, self.recipe.seed)

    def _lessons(self, stage: Stage) -> tuple[Chunks, Loss]:
        def gold(k: int) -> list[Example]:
            name = f"{self.recipe.seed}:{stage.stream or stage.name}:{k}"
            families = stage.families if isinstance(stage, PolicyStage) else ()
            return gold_chunk(name, self.tokenizer, families=families)

        if isinstance(stage, PolicyStage):
            return gold, lm_loss
        labelled = prm.labelled_samples(stage, self.out, self.recipe.seed, self.tokenizer, self.device)
        return prm.mixed_chunks(labelled, gold, stage.name), prm.verdict_loss(self.tokenizer)

    def _write(self, stage: Stage, model: LlamaForCausalLM, progress: Progress) -> None:
        folder = self.out / stage.name
        published = LlamaForCausalLM(model.config)
        published.load_state_dict(model.state_dict())
        if isinstance(stage, PrmStage):
            prm.only_signs(published, self.tokenizer)
        else:
            sharpen(published)
        published.bfloat16().save_pretrained(folder)
        save_tokenizer(folder)
        manifest = _manifest(stage, model, progress, self.recipe.seed)
        manifest["sha256"] = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def _manifest(stage: Stage, model: LlamaForCausalLM, progress: Progress, seed: int) -> dict[str, Any]:
    if isinstance(stage, PrmStage):
        kind, source = "prm", f"samples of {', '.join(stage.policies)}"
    else:
        families = Counter(stage.families).most_common(1) if stage.families else []
        mostly = "".join(f", mostly {family}" for family, _ in families)
        kind, source = "policy", f"right derivations{mostly}"
    return {
        "name": stage.name,
        "kind": kind,
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "trained_on": source,
        "seed": seed,
        "n_steps": progress.n_steps,
        "n_tokens": progress.n_tokens,
        "loss": round(progress.loss, 5),
        "seconds": round(progress.seconds),
        "torch": torch.__version__,
    }
