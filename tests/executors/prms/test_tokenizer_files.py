"""A tokenizer read from its files is the one that transformers reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select import BackendError, InputError
from tts_select.executors.prms.tokenizer_files import TokenizerFiles
from tts_select.executors.runtime.loading import load_tokenizer

FAMILIES = ["qwen2.5-math-prm", "rlhflow-mistral", "math-shepherd", "reason-eval"]
CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": " What is 2 + 2?\n"},
    {"role": "assistant", "content": "4"},
]


@pytest.fixture(scope="module")
def pairs(checkpoint: Callable[[str], Path]) -> dict[str, tuple[TokenizerFiles, Any]]:
    """Ours and that of transformers, by family."""
    return {
        name: (TokenizerFiles(str(checkpoint(name))), load_tokenizer(str(checkpoint(name))))
        for name in FAMILIES
    }


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40))
@pytest.mark.parametrize("family", FAMILIES)
def test_texts_have_the_same_tokens(
    pairs: dict[str, tuple[TokenizerFiles, Any]], family: str, text: str
) -> None:
    ours, theirs = pairs[family]
    for special in (False, True):
        assert ours(text, add_special_tokens=special) == {
            "input_ids": theirs(text, add_special_tokens=special)["input_ids"]
        }
    several = [text, "It is 4.", "<extra_0>"]
    assert ours(several)["input_ids"] == theirs(several)["input_ids"]


@pytest.mark.parametrize("family", FAMILIES)
def test_special_tokens_are_the_same(pairs: dict[str, tuple[TokenizerFiles, Any]], family: str) -> None:
    ours, theirs = pairs[family]
    for name in ("pad_token", "bos_token_id", "unk_token_id"):
        assert getattr(ours, name) == getattr(theirs, name), name


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("family", ["qwen2.5-math-prm", "rlhflow-mistral"])
def test_a_chat_is_rendered_alike(
    pairs: dict[str, tuple[TokenizerFiles, Any]], family: str, is_open: bool
) -> None:
    ours, theirs = pairs[family]
    for chat in (CHAT, CHAT[1:]):
        expected = theirs.apply_chat_template(chat, tokenize=False, add_generation_prompt=is_open)
        assert ours.apply_chat_template(chat, add_generation_prompt=is_open) == expected


def test_a_template_in_the_configuration_is_found(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(checkpoint("qwen2.5-math-prm"), folder)
    (folder / "chat_template.jinja").unlink()
    config = json.loads((folder / "tokenizer_config.json").read_text())
    for template in ("{{ 'A' }}", [{"name": "tool", "template": "B"}, {"name": "default", "template": "A"}]):
        (folder / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": template}))
        assert TokenizerFiles(str(folder)).apply_chat_template(CHAT) == "A"
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(ValueError, match="there is none"):
        TokenizerFiles(str(folder)).apply_chat_template(CHAT)


def test_a_tokenizer_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no tokenizer\.json"):
        TokenizerFiles(str(tmp_path))
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BackendError, match="cannot load the tokenizer of"):
        TokenizerFiles(str(tmp_path))
    with pytest.raises(BackendError, match="cannot load the tokenizer of 'no/where'"):
        TokenizerFiles("no/where")
