from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.errors import InputError
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
