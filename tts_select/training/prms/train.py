"""Trains a value head on a model that is there, from the samples and verdicts of a sweep."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tts_select.core.errors import InputError
from tts_select.core.json_text import without_nan
from tts_select.executors.prms.head_card import MANIFEST, SCHEMA, WEIGHTS, HeadCard
from tts_select.executors.runtime.loading import load_backbone
from tts_select.training.log.reading import read_log
from tts_select.training.prms.hidden import States, states_of
from tts_select.training.prms.judged import Judged, judged
from tts_select.training.prms.solutions import SPLITS, Solution, solutions_of
from tts_select.training.prms.value_head import ValueHead, fit_head, labels_of

_KEPT = "states"
"""The folder of what is computed so far, beside the head; it goes when the head is written."""


@dataclass(frozen=True, slots=True)
class TrainedPrm:
    """What was learned, and what it is worth on the test problems."""

    head: ValueHead
    n_layers_of_base: int
    judged: tuple[Judged, ...]
    facts: dict[str, Any]
    """What the manifest says of the training."""


def train_prm(
    log_folder: Path,
    out: Path,
    *,
    base: str,
    policies: Sequence[str] = (),
    seed: int = 0,
    device: str | None = None,
    dtype: str = "auto",
    progress: Callable[[int, int], None] = lambda *_: None,
) -> TrainedPrm:
    """Train a head on the log's solutions and write it into `out`. What was computed before a crash is used.

    Raises:
        InputError: the folder holds something else, the log cannot teach a PRM, or the base cannot be read.
        BackendError: the base cannot be loaded.
    """
    check_out(out)
    solutions = solutions_of(read_log(log_folder), policies=policies, seed=seed)
    loaded = load_backbone(base, device=device, dtype=dtype)
    is_chat = bool(loaded.tokenizer.chat_template)
    n_layers = len(loaded.model.layers)
    kept = out / _KEPT
    states = states_of(solutions, loaded, is_chat=is_chat, name=base, kept=kept, progress=progress)
    head = fit_head(states, labels_of(solutions, states))
    verdicts = _judged(solutions, states, head, seed)
    facts = {
        "log": log_folder.absolute().name,
        "policies": sorted({s.policy for s in solutions}),
        "seed": seed,
        "problems": {split: len({s.problem for s in solutions if s.split == split}) for split in SPLITS},
        "solutions": len(solutions),
        "steps": len(states.solution),
        "penalty": head.penalty,
        "validation_loss": head.loss,
        "test": [found.as_dict() for found in verdicts],
    }
    card = HeadCard(_lasting(base), loaded.fingerprint, head.n_layers, is_chat)
    _write(out, head, card, facts)
    shutil.rmtree(kept)
    return TrainedPrm(head, n_layers, verdicts, facts)


def check_out(out: Path) -> None:
    """Check that a head may be written into this folder.

    Raises:
        InputError: it holds something else.
    """
    others = [p.name for p in out.iterdir()] if out.is_dir() else []
    if strange := sorted(set(others) - {MANIFEST, WEIGHTS, _KEPT}):
        raise InputError(f"'{out}' holds other files ({strange[0]}): choose a new folder for the PRM")


def _judged(solutions: Sequence[Solution], states: States, head: ValueHead, seed: int) -> tuple[Judged, ...]:
    depth = states.layers.index(head.n_layers)
    last = np.flatnonzero(states.is_last)
    logits = head.logits(states.values[depth, last])
    score = dict(zip(states.solution[last].tolist(), (0.5 * (1 + np.tanh(logits / 2))).tolist(), strict=True))
    found = []
    for policy in sorted({s.policy for s in solutions}):
        own = [k for k, s in enumerate(solutions) if s.policy == policy and s.split == "test" and k in score]
        if own:
            found.append(judged(policy, [solutions[k] for k in own], [score[k] for k in own], seed=seed))
    return tuple(found)


def _lasting(base: str) -> str:
    """A folder by its whole path, so that the head finds it from anywhere; a hub name as it is."""
    return str(Path(base).absolute()) if Path(base).exists() else base


def _write(out: Path, head: ValueHead, card: HeadCard, facts: dict[str, Any]) -> None:
    from safetensors.numpy import save_file

    weight = np.ascontiguousarray(head.weight[None], dtype=np.float32)
    save_file({"score.weight": weight, "score.bias": np.array([head.bias], np.float32)}, out / WEIGHTS)
    digest = hashlib.sha256((out / WEIGHTS).read_bytes()).hexdigest()
    manifest = {"schema": SCHEMA, "reads": card.as_dict(), "sha256": digest, "trained": facts}
    (out / MANIFEST).write_text(json.dumps(without_nan(manifest), indent=2) + "\n", encoding="utf-8")
