"""Byte for byte: what real template styles make of a prompt, with the assistant's turn left open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tts_select import InputError
from tts_select.core.problem import Message
from tts_select.core.protocols import SampleRequest
from tts_select.executors.prompts.rendering import Renderer, renderer_for, without_thought

TEMPLATES = {
    file.stem: file.read_text() for file in (Path(__file__).parent / "chat_templates").glob("*.jinja")
}
"""As the public tokenizer configurations have them, without tools: ChatML as in Qwen2.5-Instruct, Llama-3 as
in Meta-Llama-3-Instruct, DeepSeek-R1 as in its distilled models, Mistral as in Mistral-7B-Instruct-v0.1, and
of Qwen3 what says whether it thinks."""
CHATML, LLAMA_3, DEEPSEEK_R1, MISTRAL, QWEN_3 = (
    TEMPLATES[name] for name in ("chatml", "llama-3", "deepseek-r1", "mistral", "qwen-3")
)
BAR = "\uff5c"
"""A wide vertical line, of which DeepSeek's special tokens are made."""

SYSTEM = (
    "Solve the problem step by step, with a blank line between the steps. "
    "Give the final answer in \\boxed{} at the end."
)
STEPS = ("Add {them}.  ", "So 2.")
BEGUN = "Add {them}.  \n\nSo 2.\n\n"


def tokenizer_with(template: str | None) -> Any:
    """A tokenizer of words and spaces, that puts `<s>` before a text."""
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "[UNK]"}
    words = models.WordLevel({"<s>": 0, "</s>": 1, "[UNK]": 2, "1": 3}, unk_token=special["unk_token"])
    inner = Tokenizer(words)
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=inner, **special)
    wrapped.chat_template = template
    return wrapped


def renderer(template: str | None, **options: Any) -> Renderer:
    return renderer_for(tokenizer_with(template), delimiter="\n\n", **options)


@pytest.mark.parametrize(
    ("template", "opening"),
    [
        (
            CHATML,
            f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n1 + 1?<|im_end|>\n"
            "<|im_start|>assistant\n",
        ),
        (
            LLAMA_3,
            f"<s><|start_header_id|>system<|end_header_id|>\n\n{SYSTEM}<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\n1 + 1?<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        (
            DEEPSEEK_R1,
            f"<s><{BAR}User{BAR}>1 + 1?\n\nGive the final answer in \\boxed{{}}."
            f"<{BAR}Assistant{BAR}><think>\n",
        ),
        (MISTRAL, f"<s>[INST] {SYSTEM}\n\n1 + 1? [/INST]"),
    ],
    ids=["chatml", "llama-3", "deepseek-r1", "mistral"],
)
def test_the_assistants_turn_is_left_open(template: str, opening: str) -> None:
    found = renderer(template)
    assert found.text("1 + 1?") == opening
    assert found.text("1 + 1?", STEPS) == opening + BEGUN


def test_a_base_model_gets_the_plain_prompt() -> None:
    assert renderer(None).text("1 + 1?", STEPS) == "1 + 1?\n" + BEGUN
    boxed = renderer(None, prompt="boxed@1").text("1 + 1?")
    assert boxed.startswith("Problem: 1 + 1?\n\nSolution")


def test_a_chat_is_rendered_whole_and_one_as_it_is_without_a_word_of_ours() -> None:
    chat = (Message("user", "1 + 1?"), Message("assistant", "2"), Message("user", "Sure?"))
    found = renderer(CHATML)
    asked = found.text_of(SampleRequest("all of it", chat=chat))
    bare = found.text_of(SampleRequest("all of it", chat=chat, as_is=True))
    assert "all of it" not in asked + bare
    assert asked.index("1 + 1?") < asked.index("assistant\n2") < asked.index("Sure?")
    assert "step by step" in asked
    assert "step by step" not in bare
    assert renderer(None, prompt="boxed@1").text_of(SampleRequest("1?", as_is=True)) == "1?\n"


def test_a_text_begins_with_one_bos_token() -> None:
    for template in (LLAMA_3, None):
        found = renderer(template)
        assert found.ids(found.text("1"))[:2].count(0) == 1


def test_a_server_is_sent_no_bos_token_since_it_adds_its_own() -> None:
    assert (
        renderer(LLAMA_3).text_without_bos(SampleRequest("1", STEPS))
        == renderer(LLAMA_3).text("1", STEPS)[3:]
    )
    assert renderer(CHATML).text_without_bos(SampleRequest("1")) == renderer(CHATML).text("1")


@pytest.mark.parametrize(
    ("template", "thinks"),
    [(CHATML, False), (LLAMA_3, False), (MISTRAL, False), (DEEPSEEK_R1, True), (QWEN_3, True), (None, False)],
)
def test_thinking_models_are_known_by_their_template(template: str | None, thinks: bool) -> None:
    found = renderer(template)
    assert found.thinks is thinks
    assert (found.prompt.name == "thinking@1") is thinks


def test_thinking_can_be_switched_off() -> None:
    assert renderer(QWEN_3).text("1").endswith("<|im_start|>assistant\n")
    off = renderer(QWEN_3, thinking=False)
    assert off.text("1").endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    assert not off.thinks


@pytest.mark.parametrize(
    ("written", "ended", "solution"),
    [
        ("<think>\nHm.\n\n\\boxed{3}?\n</think>\n\nSo.\n\n\\boxed{2}", True, "So.\n\n\\boxed{2}"),
        ("Hm, \\boxed{3}?\n</think>\n\n\\boxed{2}", True, "\\boxed{2}"),
        ("<think>\nHm, \\boxed{3}", False, ""),
        ("Hm, \\boxed{3}", False, ""),
        ("<think>\nHm, \\boxed{3}", True, ""),
        ("\\boxed{2}", True, "\\boxed{2}"),
    ],
)  # fmt: skip
def test_a_thought_is_no_part_of_the_solution(written: str, ended: bool, solution: str) -> None:
    assert without_thought(written, ended=ended) == solution
    assert renderer(DEEPSEEK_R1).solution(written, ended=ended) == solution
    shows = "think>" in written
    assert renderer(CHATML).solution(written, ended=ended) == (solution if shows else written)


BY_THINKING = "{{ messages[-1].content }}<A>{% if thinking %}<think>{% else %}</think>{% endif %}"
"""As DeepSeek-V3.1's: it does not think unless it is told to."""
ALWAYS = "{{ messages[-1].content + '<A><think>\n' }}"
BY_ITSELF = "{{ messages[-1].content.split('</think>')[-1] }}<A>"
"""It knows thoughts; whether one begins is the model's affair."""
NEVER = "{{ messages[-1].content + '<A><think>\n\n</think>\n\n' }}"


@pytest.mark.parametrize(
    ("template", "thinking", "thinks", "end"),
    [
        (BY_THINKING, True, True, "<A><think>"),
        (BY_THINKING, False, False, "<A></think>"),
        (BY_THINKING, None, False, "<A></think>"),
        (ALWAYS, None, True, "<A><think>\n"),
        (ALWAYS, True, True, "<A><think>\n"),
        (DEEPSEEK_R1, True, True, "<think>\n"),
        (BY_ITSELF, None, True, "<A>"),
        (BY_ITSELF, True, True, "<A>"),
        (NEVER, None, False, "</think>\n\n"),
        (NEVER, False, False, "</think>\n\n"),
        (QWEN_3, True, True, "assistant\n"),
        (CHATML, True, True, "assistant\n"),  # the user's word: the template knows no thoughts
        (CHATML, False, False, "assistant\n"),
    ],
)
def test_a_template_is_told_whether_to_think_in_its_own_word(
    template: str, thinking: bool | None, thinks: bool, end: str
) -> None:
    found = renderer(template, thinking=thinking)
    assert found.thinks is thinks
    assert found.text("1").endswith(end)


@pytest.mark.parametrize(
    ("template", "thinking", "reason"),
    [
        (ALWAYS, False, "has no switch"),
        (DEEPSEEK_R1, False, "has no switch"),
        (BY_ITSELF, False, "has no switch"),
        (NEVER, True, "drop thinking=true"),
    ],
)
def test_what_a_template_cannot_do_is_refused(template: str, thinking: bool, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as refused:
        renderer(template, thinking=thinking)
    assert "\n" not in str(refused.value)


def test_a_template_that_cannot_be_used_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no chats today"):
        renderer("{{ raise_exception('no chats today') }}")
