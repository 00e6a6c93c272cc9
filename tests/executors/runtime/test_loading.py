from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tts_select.core.errors import BackendError, InputError
from tts_select.executors.runtime.loading import load_causal_lm, unknown_words


def test_a_model_knows_its_size_and_context(loaded: Any) -> None:
    assert loaded.n_parameters == sum(p.numel() for p in loaded.model.parameters()) > 50_000
    assert loaded.context == loaded.model.config.max_position_embeddings
    assert not loaded.model.training


def test_models_have_fingerprints_of_their_own(tiny_llama: Any, tiny_qwen2: Any) -> None:
    assert len({tiny_llama.fingerprint, tiny_qwen2.fingerprint}) == 2
    again = load_causal_lm(tiny_llama.model.config.name_or_path, device="cpu")
    assert again.fingerprint == tiny_llama.fingerprint


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a model folder: it has no config.json"):
        load_causal_lm(str(tmp_path))


def test_a_broken_model_is_a_backend_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BackendError, match="cannot load the model") as caught:
        load_causal_lm(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_unknown_words_are_named_once_and_in_order(tiny_llama: Any) -> None:
    text = "Zebra has 14 apples. Quokka has 3 more than Zebra; how?"
    assert unknown_words(text, tiny_llama.tokenizer) == ["Zebra", "Quokka", ";", "how"]
    assert unknown_words("Mia has 14 apples.", tiny_llama.tokenizer) == []
