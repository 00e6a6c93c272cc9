"""A tokenizer that does not suit a format is found out when the PRM is loaded, whatever the format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_select import InputError
from tts_select.executors.prms.encoding import Encoder, single_token
from tts_select.executors.prms.formats import FORMATS

Tokenizers = dict[str, Callable[..., Any]]

SUITED = {
    "math-shepherd": ("llama-2", {}),
    "rlhflow-mistral": ("llama-3", {}),
    "skywork-o1": ("qwen", {"bos": "<|im_start|>"}),
    "eurus": ("qwen", {}),
    "reason-eval": ("llama-2", {"pad_token": "<s>"}),
}


def encoder_of(name: str, tokenizer: Any) -> Encoder:
    return Encoder(FORMATS[name].layout, tokenizer, "tiny")


@pytest.mark.parametrize(
    ("format_name", "tokenizer", "more", "reason"),
    [
        ("math-shepherd", "qwen", {"merged": False}, "no single token ' ки'"),
        ("qwen2.5-math-prm", "qwen", {}, "no single token '<extra_0>'"),
        ("skywork-o1", "llama-2", {}, r"no single token '\\n'"),
        ("skywork-o1", "qwen", {}, "no beginning-of-text token"),
        ("reason-eval", "llama-2", {}, "no padding token"),
    ],
)
def test_a_tokenizer_without_what_a_format_needs_is_refused(
    new_tokenizer: Tokenizers, format_name: str, tokenizer: str, more: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as refused:
        encoder_of(format_name, new_tokenizer[tokenizer](**more))
    assert "tiny" in str(refused.value)
    assert "--prm-format" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("sign", ["++", "Yes and no", "語"])
def test_a_sign_that_the_tokenizer_splits_is_refused(new_tokenizer: Tokenizers, sign: str) -> None:
    with pytest.raises(InputError, match="tiny has no single token"):
        single_token(sign, new_tokenizer["qwen"](), "tiny")


def test_a_tokenizer_that_joins_text_over_the_ends_of_steps_is_refused(new_tokenizer: Tokenizers) -> None:
    """Here a step would begin with the blank line that the one before it has ended with."""
    layout = replace(FORMATS["eurus"].layout, before="\n", close=".\n")
    with pytest.raises(InputError, match="joins text over the ends of steps"):
        Encoder(layout, new_tokenizer["qwen"](), "tiny")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (None, "cannot be used"),
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ("{% for m in messages %}{{ m['role'] }}{% endfor %}", "leaves out what is written"),
        (
            "{% for m in messages %}{{ loop.index }}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}",
            "renders equal turns differently",
        ),
    ],
)
def test_a_chat_template_that_a_solution_cannot_be_put_into_is_refused(
    new_tokenizer: Tokenizers, template: str | None, reason: str
) -> None:
    tokenizer = new_tokenizer["llama-3"]()
    tokenizer.chat_template = template
    with pytest.raises(InputError, match=reason):
        encoder_of("rlhflow-deepseek", tokenizer)


@pytest.fixture(scope="session", params=SUITED)
def encoder(request: pytest.FixtureRequest, new_tokenizer: Tokenizers) -> Encoder:
    kind, more = SUITED[request.param]
    return encoder_of(request.param, new_tokenizer[kind](**more))


@settings(max_examples=40)
@given(steps=st.lists(st.text(min_size=1).filter(str.strip), min_size=2, max_size=4), problem=st.text())
def test_the_tokens_of_a_step_do_not_depend_on_what_follows(
    encoder: Encoder, problem: str, steps: Sequence[str]
) -> None:
    whole = encoder(problem, steps)
    for k in range(1, len(steps)):
        part = encoder(problem, steps[:k])
        assert part.closed == whole.closed[: k + 1]
        assert part.ids.tolist() == whole.ids[: len(part.ids)].tolist()
