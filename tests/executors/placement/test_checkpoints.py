from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tts_select import BackendError
from tts_select.data.world.artifacts import folder_of, manifests
from tts_select.executors.placement.checkpoints import checkpoint_of

GIB = 1 << 30


@pytest.mark.parametrize(
    ("name", "n_parameters", "kv_bytes"),
    [
        # parameters as their model cards count them (1.54B, 7.61B, 8.03B); keys and values of a token are
        # 2 x layers x key-value heads x head dimension x 2 bytes
        ("Qwen2.5-1.5B-Instruct", 1_543_714_304, 2 * 28 * 2 * 128 * 2),
        ("Qwen2.5-7B-Instruct", 7_615_616_512, 2 * 28 * 4 * 128 * 2),
        ("Llama-3.1-8B", 8_030_261_248, 2 * 32 * 8 * 128 * 2),
    ],
)
def test_published_models_have_their_published_sizes(
    published: Callable[..., str], name: str, n_parameters: int, kv_bytes: int
) -> None:
    found = checkpoint_of(published(name))
    assert found.n_parameters == n_parameters
    assert found.weight_bytes("bfloat16") == 2 * n_parameters
    assert found.weight_bytes("float32") == 4 * n_parameters
    assert (found.kv_bytes("bfloat16"), found.kv_bytes("float32")) == (kv_bytes, 2 * kv_bytes)
    assert found.dtype == "bfloat16"


def test_without_its_vocabulary_a_model_lacks_the_output_layer(published: Callable[..., str]) -> None:
    folder = published("Qwen2.5-Math-PRM-7B")
    whole, layers = checkpoint_of(folder), checkpoint_of(folder, has_vocabulary=False)
    assert whole.n_parameters - layers.n_parameters == 152064 * 3584
    assert layers.context == 4096


@pytest.mark.parametrize("name", ["small", "large"])
def test_an_embedded_model_has_the_parameters_that_were_counted_in_its_weights(name: str) -> None:
    found = checkpoint_of(str(folder_of("policy", name)))
    assert found.n_parameters == manifests()[name]["n_parameters"]


def test_a_quantised_checkpoint_takes_what_its_files_take(published: Callable[..., str]) -> None:
    folder = published("Qwen2.5-7B-Instruct", quantization_config={"quant_method": "awq", "bits": 4})
    with pytest.raises(BackendError, match=r"quantised, and its files are not in a folder here"):
        checkpoint_of(folder)
    (Path(folder) / "model.safetensors").write_bytes(b"0" * 1000)
    assert checkpoint_of(folder).weight_bytes("bfloat16") == 1000
    index: dict[str, Any] = {"metadata": {"total_size": 5_570_000_000}, "weight_map": {}}
    (Path(folder) / "model.safetensors.index.json").write_text(json.dumps(index))
    assert checkpoint_of(folder).weight_bytes("bfloat16") == 5_570_000_000


def test_a_configuration_that_tells_no_size_is_refused_in_one_line(tmp_path: Path) -> None:
    for content in ("{}", "no json", '{"model_type": "t5", "d_model": 8}'):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(BackendError, match="cannot be told from its configuration") as refused:
            checkpoint_of(str(tmp_path))
        assert "\n" not in str(refused.value)
