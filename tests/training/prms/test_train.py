"""From a log and a base model to a PRM that loads, scores, and tells what it was told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.prms.logs import log_of, sample
from tts_select import InputError, RewardModel, load_prm
from tts_select.data.world.suite import generate
from tts_select.executors.accounting import Ledger
from tts_select.executors.prms.head_card import MANIFEST, WEIGHTS, trained_format
from tts_select.executors.runtime.loading import load_backbone
from tts_select.training.prms import train as training
from tts_select.training.prms.hidden import states_of
from tts_select.training.prms.solutions import solutions_of
from tts_select.training.prms.train import TrainedPrm, train_prm

N_PROBLEMS = 60
PROBLEMS = generate(N_PROBLEMS, seed=9, split="train")


def wrong(steps: tuple[str, ...]) -> str:
    """The same solution with another first result."""
    return "\n\n".join([steps[0] + "7", *steps[1:]])


@pytest.fixture(scope="module")
def log() -> Any:
    """Of each problem two right solutions and two wrong ones, which only their texts tell apart."""
    return log_of(
        {
            p.id: [sample("\n\n".join(p.steps), right=True), sample(wrong(p.steps), right=False)] * 2
            for p in PROBLEMS
        },
        texts={p.id: p.problem for p in PROBLEMS},
    )


@pytest.fixture(scope="module")
def base(tiny_llama: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("base")
    tiny_llama.model.save_pretrained(folder)
    tiny_llama.tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def trained(log: Any, base: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedPrm, Path]:
    out = tmp_path_factory.mktemp("prm") / "mine"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "read_log", lambda folder: log)
        return train_prm(Path("sweep"), out, base=base, device="cpu"), out


def scores(prm: RewardModel, problem: str, *solutions: list[str]) -> list[list[float]]:
    async def all_at_once() -> list[list[float]]:
        meter = Ledger().phase("search")
        return list(await asyncio.gather(*(prm.score(problem, steps, meter=meter) for steps in solutions)))

    return asyncio.run(all_at_once())


def test_it_tells_right_from_wrong_on_problems_it_has_not_seen(trained: tuple[TrainedPrm, Path]) -> None:
    (found,) = trained[0].judged
    assert found.auc["head"].low > 0.6
    assert found.auc["votes"].value == 0.5
    assert found.n_solutions == 4 * found.n_problems


def test_the_folder_is_small_and_says_what_it_reads(trained: tuple[TrainedPrm, Path], base: str) -> None:
    result, out = trained
    assert sorted(p.name for p in out.iterdir()) == [MANIFEST, WEIGHTS]
    manifest = json.loads((out / MANIFEST).read_text())
    assert manifest["reads"]["base"] == base
    assert manifest["reads"]["n_layers"] == result.head.n_layers
    assert manifest["trained"]["solutions"] == 4 * N_PROBLEMS
    assert sum(p.stat().st_size for p in out.iterdir()) < 20_000


def test_the_loaded_prm_scores_as_the_head_did_in_training(
    trained: tuple[TrainedPrm, Path], log: Any, base: str, tmp_path: Path
) -> None:
    result, out = trained
    prm = load_prm(str(out), device="cpu", fresh=True)
    solutions = solutions_of(log)[:12]
    loaded = load_backbone(base, device="cpu")
    states = states_of(solutions, loaded, is_chat=False, name="base", kept=tmp_path)
    logits = result.head.logits(states.values[states.layers.index(result.head.n_layers)])
    expected = 0.5 * (1 + np.tanh(logits / 2))
    found = [score for s in solutions for steps in scores(prm, s.text, list(s.steps)) for score in steps]
    assert found == pytest.approx(expected.tolist(), abs=5e-3)  # states are kept in half precision


def test_a_head_with_fewer_layers_costs_fewer_parameters(trained: tuple[TrainedPrm, Path], base: str) -> None:
    result, out = trained
    whole = load_backbone(base, device="cpu").n_parameters
    prm = load_prm(str(out), device="cpu", fresh=True)
    assert prm.n_parameters is not None
    head = len(result.head.weight) + 1
    if result.head.n_layers == result.n_layers_of_base:
        assert prm.n_parameters == whole + head
    else:
        assert prm.n_parameters < whole


def test_a_base_that_has_moved_can_be_named_and_another_one_is_refused(
    trained: tuple[TrainedPrm, Path], base: str, tmp_path: Path, tiny_llama: Any
) -> None:
    out = trained[1]
    assert load_prm(str(out), device="cpu", base=base, fresh=True).fingerprint
    other = tmp_path / "other"
    tiny_llama.model.save_pretrained(other)
    tiny_llama.tokenizer.save_pretrained(other)
    (other / "config.json").write_text((other / "config.json").read_text() + "\n")
    with pytest.raises(InputError, match="is not the model that"):
        load_prm(str(out), device="cpu", base=str(other), fresh=True)


@pytest.mark.parametrize("spoil", ["weights", "manifest"])
def test_a_folder_that_was_changed_is_refused(
    trained: tuple[TrainedPrm, Path], tmp_path: Path, spoil: str
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in trained[1].iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    if spoil == "weights":
        (copy / WEIGHTS).write_bytes(b"x" + (copy / WEIGHTS).read_bytes())
    else:
        data = json.loads((copy / MANIFEST).read_text())
        del data["reads"]["n_layers"]
        (copy / MANIFEST).write_text(json.dumps(data))
    with pytest.raises(InputError, match="train it again"):
        load_prm(str(copy), device="cpu", fresh=True)


def test_a_format_is_not_asked_for(trained: tuple[TrainedPrm, Path], base: str) -> None:
    with pytest.raises(InputError, match="leave --prm-format out"):
        load_prm(str(trained[1]), "world", device="cpu", fresh=True)
    with pytest.raises(InputError, match="which alone has a base"):
        load_prm(base, "world", device="cpu", base=base, fresh=True)


def test_a_cut_run_goes_on_where_it_was(
    log: Any, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "read_log", lambda folder: log)

    def cut(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    out = tmp_path / "prm"
    with pytest.raises(KeyboardInterrupt):
        train_prm(Path("sweep"), out, base=base, device="cpu", progress=cut)
    kept = {p: p.stat().st_mtime_ns for p in (out / "states").iterdir()}
    assert kept
    seen: list[int] = []

    def watch(done: int, total: int) -> None:
        seen.append(done)
        assert all(p.stat().st_mtime_ns == when for p, when in kept.items())

    train_prm(Path("sweep"), out, base=base, device="cpu", progress=watch)
    assert seen[-1] == 4 * N_PROBLEMS
    assert not (out / "states").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds other files \(notes.txt\)"):
        train_prm(Path("sweep"), tmp_path, base="nowhere")


def test_layouts_end_steps_at_blank_lines() -> None:
    plain, chat = trained_format(is_chat=False).layout, trained_format(is_chat=True).layout
    assert (plain.close, chat.close, plain.chat, chat.chat) == ("\n\n", "\n\n", "", "assistant")
