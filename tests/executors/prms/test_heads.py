"""A head is read from the checkpoint's own weights, or the checkpoint is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tts_select import InputError, load_prm
from tts_select.core.errors import BackendError
from tts_select.executors.prms.formats import FORMATS
from tts_select.executors.prms.heads import load_head
from tts_select.executors.prms.rules import Classes, Head, Value

WEIGHTS = "model.safetensors"
HIDDEN = 32


@pytest.fixture
def folder(checkpoint: Callable[[str], Path], tmp_path: Path) -> Path:
    """A checkpoint with a head of two layers, to be broken."""
    return Path(shutil.copytree(checkpoint("qwen2.5-math-prm"), tmp_path / "prm"))


def head_of(name: str) -> Head:
    rule = FORMATS[name].rule
    assert isinstance(rule, Classes | Value)
    return rule.head


def test_a_head_may_be_spread_over_the_files_of_a_checkpoint(folder: Path) -> None:
    whole = load_head(str(folder), head_of("qwen2.5-math-prm"), HIDDEN)
    weights = load_file(folder / WEIGHTS)
    places = {name: f"part-{int('score.2' in name)}.safetensors" for name in weights}
    for file in set(places.values()):
        save_file({n: w for n, w in weights.items() if places[n] == file}, folder / file, {"format": "pt"})
    (folder / WEIGHTS).unlink()
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    spread = load_head(str(folder), head_of("qwen2.5-math-prm"), HIDDEN)
    hidden = torch.randn(3, HIDDEN)
    assert torch.equal(whole(hidden), spread(hidden))
    assert load_prm(str(folder), "qwen2.5-math-prm", device="cpu", fresh=True).n_parameters > 0


def test_a_token_classifier_of_one_layer_is_read_too(
    new_tokenizer: dict[str, Callable[..., Any]], tmp_path: Path, in_time: Callable[..., Any]
) -> None:
    from transformers import Qwen2Config, Qwen2ForTokenClassification

    tokenizer = new_tokenizer["qwen"]("<extra_0>")
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=HIDDEN, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, num_labels=2,
    )  # fmt: skip
    model = Qwen2ForTokenClassification(config).eval()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    prm: Any = load_prm(str(tmp_path), "qwen2.5-math-prm", device="cpu", fresh=True)
    (score,) = in_time(prm.score("1 + 1?", ["It is 2."]))
    ids, _ = prm._encoder("1 + 1?", ["It is 2."])
    with torch.inference_mode():
        expected = model(torch.tensor([ids.tolist()])).logits[0, -1].softmax(-1)[1]
    assert score == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize("format_name", ["skywork-o1", "reason-eval"])
def test_a_checkpoint_without_the_head_is_refused(folder: Path, format_name: str) -> None:
    with pytest.raises(InputError, match=r"has no weights (v_head|score_head).*--prm-format"):
        load_head(str(folder), head_of(format_name), HIDDEN)


def test_a_head_of_another_shape_is_refused(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    weights["score.2.weight"] = torch.zeros(3, HIDDEN)
    save_file(weights, folder / WEIGHTS, {"format": "pt"})
    with pytest.raises(InputError, match=r"score.2 .* of the shape \(3, 32\), not \(2, 32\)"):
        load_head(str(folder), head_of("qwen2.5-math-prm"), HIDDEN)


def test_a_checkpoint_without_safetensors_is_refused_with_the_way_out(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "elsewhere.safetensors")
    with pytest.raises(BackendError, match="save the PRM as safetensors"):
        load_head(str(folder), head_of("qwen2.5-math-prm"), HIDDEN)


def test_a_checkpoint_without_an_output_layer_is_no_causal_lm(folder: Path) -> None:
    """Else its signs would be weighed by a layer of random numbers."""
    with pytest.raises(BackendError, match=r"lack weights, as lm_head.weight"):
        load_prm(str(folder), "world", device="cpu", fresh=True)


def test_layers_that_are_missing_are_found_out(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / WEIGHTS, {"format": "pt"})
    with pytest.raises(BackendError, match=r"lack weights, as layers.1.mlp.up_proj.weight"):
        load_prm(str(folder), "qwen2.5-math-prm", device="cpu", fresh=True)
