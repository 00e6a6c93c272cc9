from __future__ import annotations

import pytest

from tts_select.core.errors import UnknownName
from tts_select.data.world.artifacts import describe, folder_of, manifests


def test_every_embedded_model_has_its_files_and_its_kind() -> None:
    assert "small" in manifests()
    for name, manifest in manifests().items():
        folder = folder_of(manifest["kind"], name)
        for file in ("config.json", "tokenizer.json", "model.safetensors"):
            assert (folder / file).is_file()


def test_every_embedded_model_can_be_described() -> None:
    small = next(d for d in describe() if d["spec"] == "world:small")
    assert small["kind"] == "policy"
    assert small["bytes"] > 100_000
    assert small["n_parameters"] == manifests()["small"]["n_parameters"]


def test_a_policy_is_no_prm() -> None:
    with pytest.raises(UnknownName, match="embedded prm 'small'"):
        folder_of("prm", "small")


def test_a_misspelt_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(UnknownName, match="did you mean 'small'"):
        folder_of("policy", "smal")
