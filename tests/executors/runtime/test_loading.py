from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.errors import InputError
from tts_select.executors.runtime import loading
from tts_select.executors.runtime.loading import load_causal_lm, unknown_words


def test_unknown_words_are_named_once_and_in_order(tiny_llama: Any) -> None:
    text = "Zebra has 14 apples. Quokka has 3 more than Zebra; how?"
    assert unknown_words(text, tiny_llama.tokenizer) == ["Zebra", "Quokka", ";", "how"]
    assert unknown_words("Mia has 14 apples.", tiny_llama.tokenizer) == []


@given(text=st.text(max_size=30))
def test_a_text_has_unknown_words_exactly_if_it_has_the_unknown_token(tiny_llama: Any, text: str) -> None:
    tokenizer = tiny_llama.tokenizer
    assert bool(unknown_words(text, tokenizer)) == (tokenizer.unk_token_id in tokenizer(text)["input_ids"])


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json"):
        load_causal_lm(str(tmp_path))


@pytest.fixture
def in_half(tiny_llama: Any, tmp_path: Path) -> str:
    """The folder of a checkpoint in bfloat16."""
    folder = tmp_path / "half"
    copy.deepcopy(tiny_llama.model).bfloat16().save_pretrained(folder)
    tiny_llama.tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize(
    ("least", "is_able", "asked", "expected"),
    [
        (1, True, "auto", torch.bfloat16),
        (1, False, "auto", torch.float32),
        (10**9, True, "auto", torch.float32),
        (1, True, "float32", torch.float32),
        (10**9, False, "bfloat16", torch.bfloat16),
    ],
)
def test_a_large_checkpoint_stays_in_half_precision_where_the_processor_computes_in_it(
    in_half: str, monkeypatch: pytest.MonkeyPatch, *, least: int, is_able: bool, asked: str, expected: Any
) -> None:
    monkeypatch.setattr(loading, "LEAST_IN_HALF", least)
    monkeypatch.setattr(loading, "computes_in_bfloat16", lambda: is_able)
    assert load_causal_lm(in_half, device="cpu", dtype=asked).model.dtype == expected


def test_a_checkpoint_in_float32_stays_so(tiny_llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LEAST_IN_HALF", 1)
    monkeypatch.setattr(loading, "computes_in_bfloat16", lambda: True)
    folder = tiny_llama.model.config.name_or_path
    assert load_causal_lm(folder, device="cpu").model.dtype == torch.float32
