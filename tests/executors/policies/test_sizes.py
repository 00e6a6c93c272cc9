from __future__ import annotations

from pathlib import Path

import pytest

from tts_select.data.world.artifacts import folder_of, manifests
from tts_select.executors.policies.sizes import size_in_folder, size_in_name


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("Qwen/Qwen2.5-0.5B-Instruct", 0.5e9),
        ("meta-llama/Llama-3.2-1B", 1e9),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", 7e9),
        ("HuggingFaceTB/SmolLM2-135M", 135e6),
        ("Qwen3-30B-A3B", 3e9),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507", 22e9),
        ("mistralai/Mixtral-8x7B-v0.1", None),
        ("gpt-4o", None),
        ("a-7B-merged-with-13B", None),
        ("llama3b", None),
    ],
)
def test_a_size_is_read_in_a_name_only_if_it_is_plain(model: str, size: float | None) -> None:
    assert size_in_name(model) == size


@pytest.mark.parametrize("name", ["small", "large"])
def test_a_folder_is_counted(name: str) -> None:
    assert size_in_folder(folder_of("policy", name)) == manifests()[name]["n_parameters"]


def test_a_folder_without_weights_has_no_size(tmp_path: Path) -> None:
    assert size_in_folder(tmp_path) is None
