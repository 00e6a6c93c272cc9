"""A world of one-layer models, from nothing to folders that load."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import pytest

from tts_select import load_policy, load_prm
from tts_select.core.protocols import SampleRequest
from tts_select.executors.accounting import Ledger
from tts_select.training.world import corpus
from tts_select.training.world.models import Size
from tts_select.training.world.recipe import FULL, PolicyStage, PrmStage, Recipe
from tts_select.training.world.train import train_world

PROBLEM = "Start with 14. Multiply by 3. What is the result?"
TINY = Recipe(
    stages=(
        PolicyStage("base", Size(32, 1), cycles=(2,)),
        PolicyStage("grown", Size(32, 2), cycles=(1,), start_from="base"),
        PrmStage(
            "judge",
            Size(32, 2),
            cycles=(1,),
            start_from="base",
            policies=("base",),
            n_problems=2,
            n_samples=2,
        ),
    ),
    batch_tokens=1000,
)


def test_every_stage_becomes_a_model_that_loads_and_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "CHUNK_PROBLEMS", 32)
    trained: list[str] = []
    for _ in range(2):
        train_world(tmp_path, TINY, device="cpu", report=lambda stage, _: trained.append(stage.name))
    assert trained == ["base", "base", "grown", "judge"]
    for name, kind in {"base": "policy", "grown": "policy", "judge": "prm"}.items():
        manifest = json.loads((tmp_path / name / "manifest.json").read_text())
        weights = (tmp_path / name / "model.safetensors").read_bytes()
        assert (manifest["name"], manifest["kind"]) == (name, kind)
        assert manifest["sha256"] == hashlib.sha256(weights).hexdigest()
    policy, prm = load_policy(str(tmp_path / "grown")), load_prm(str(tmp_path / "judge"), "world")

    async def use() -> tuple[str, list[float]]:
        request = SampleRequest(PROBLEM, max_new_tokens=3)
        (written,) = await policy.sample(request, Ledger().phase("search"))
        return written.text, await prm.score(PROBLEM, ["14 * 3 = 42"])

    text, scores = asyncio.run(use())
    assert text
    assert 0 < scores[0] < 1


def test_only_the_stages_that_are_named_are_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "CHUNK_PROBLEMS", 32)
    train_world(tmp_path, TINY, device="cpu", report=lambda *_: None, stages=("base",))
    assert [p.parent.name for p in tmp_path.glob("*/manifest.json")] == ["base"]


def test_a_scaled_recipe_has_fewer_steps_and_samples_but_the_same_models() -> None:
    small = FULL.scaled(0.001)
    assert small.names() == FULL.names()
    for before, after in zip(FULL.stages, small.stages, strict=True):
        assert (after.size, after.start_from) == (before.size, before.start_from)
        assert 1 <= after.n_steps <= max(len(before.cycles), before.n_steps / 500)
    assert FULL.scaled(1.0) == FULL


@pytest.mark.parametrize("stage", [s for s in FULL.stages if s.start_from], ids=lambda s: s.name)
def test_every_stage_of_the_recipe_starts_from_a_smaller_one_before_it(stage: PolicyStage) -> None:
    names = FULL.names()
    parent = FULL.stages[names.index(stage.start_from or "")]
    assert names.index(parent.name) < names.index(stage.name)
    assert parent.size.hidden == stage.size.hidden
    assert parent.size.layers < stage.size.layers
