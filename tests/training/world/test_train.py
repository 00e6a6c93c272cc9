"""A world of one-layer models, from nothing to folders that load."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tts_select import load_policy, load_prm
from tts_select.core.protocols import SampleRequest
from tts_select.data.world.artifacts import manifests
from tts_select.data.world.suite import FAMILIES
from tts_select.executors.accounting import Ledger
from tts_select.training.world import corpus
from tts_select.training.world import train as world_train
from tts_select.training.world.corpus import gold_chunk
from tts_select.training.world.models import Size
from tts_select.training.world.recipe import FULL, PolicyStage, PrmStage, Recipe
from tts_select.training.world.train import train_world

PROBLEM = "Start with 14. Multiply by 3. What is the result?"
SPECIAL = ("story", "machine", "machine")
TINY = Recipe(
    stages=(
        PolicyStage("base", Size(32, 1), cycles=(2,)),
        PolicyStage("grown", Size(32, 2), cycles=(1,), start_from="base"),
        PolicyStage("special", Size(32, 1), cycles=(1,), start_from="base", families=SPECIAL),
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
    assert trained == ["base", "base", "grown", "special", "judge"]
    for name, kind in {"base": "policy", "grown": "policy", "special": "policy", "judge": "prm"}.items():
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


def test_a_specialist_learns_from_its_families_alone_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, set[tuple[str, ...]]] = {}

    def chunk(name: str, tokenizer: Any, families: tuple[str, ...] = ()) -> Any:
        asked.setdefault(name.split(":")[1], set()).add(families)
        return gold_chunk(name, tokenizer, families=families)

    monkeypatch.setattr(corpus, "CHUNK_PROBLEMS", 32)
    monkeypatch.setattr(world_train, "gold_chunk", chunk)
    train_world(tmp_path, TINY, device="cpu", report=lambda *_: None)
    assert asked == {
        "base": {()},
        "grown": {()},
        "special": {SPECIAL},
        "judge": {()},  # what a PRM learns beside its samples
    }
    sources = {
        name: json.loads((tmp_path / name / "manifest.json").read_text())["trained_on"]
        for name in ("base", "special", "judge")
    }
    assert sources == {
        "base": "right derivations",
        "special": "right derivations, mostly machine",
        "judge": "samples of base",
    }


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
def test_every_stage_of_the_recipe_starts_from_one_before_it_that_is_no_deeper(stage: PolicyStage) -> None:
    names = FULL.names()
    parent = FULL.stages[names.index(stage.start_from or "")]
    assert names.index(parent.name) < names.index(stage.name)
    assert parent.size.hidden == stage.size.hidden
    assert parent.size.layers < stage.size.layers or stage.size == parent.size


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_has_a_specialist_that_goes_on_from_a_generalist(family: str) -> None:
    """On problems of its own, most but not all of them of its family."""
    (special,) = [
        s
        for s in FULL.stages
        if isinstance(s, PolicyStage) and s.families and s.families.count(family) > len(s.families) / 2
    ]
    (parent,) = [s for s in FULL.stages if s.name == special.start_from]
    assert isinstance(parent, PolicyStage)
    assert (parent.families, parent.size) == ((), special.size)
    assert special.stream not in {s.stream or s.name for s in FULL.stages if s is not special}
    assert set(special.families) == set(FAMILIES)
    assert manifests()[special.name]["trained_on"] == f"right derivations, mostly {family}"
