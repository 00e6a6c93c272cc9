"""The text that a policy continues: the prompt as its tokenizer's chat template has it, then the steps.

The chat ends with the assistant's turn left open, and the steps are put behind it as they are: some templates
strip a message, and with it the blank line that the next step begins after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tts_select.core.errors import InputError
from tts_select.core.protocols import SampleRequest
from tts_select.executors.prompts.templates import BARE, BOXED, PLAIN, THINKING, Prompt, prompt_named

THOUGHT_BEGINS, THOUGHT_ENDS = "<think>", "</think>"
SWITCHES = ("enable_thinking", "thinking")
"""What chat templates call the variable that says whether to think: Qwen3's and GLM's, DeepSeek-V3.1's and
Granite's. One that a template does not read changes nothing."""
THOUGHTFUL_TOKENS, PLAIN_TOKENS = 8192, 2048
"""The most new tokens of a solution with and without a thought: those that the paper gives to whole solutions
and to steps (arXiv 2502.06703, section 3.1)."""
NO_STEPS_WHEN_THINKING = (
    "it thinks before it answers, so it has no steps to search over: use cot, majority, adaptive or "
    "best_of_n, or switch its thinking off (--policy-option thinking=false)"
)


@dataclass(frozen=True, slots=True)
class Renderer:
    """Prompts of one tokenizer; `thinks` says whether solutions come after a thought."""

    prompt: Prompt
    tokenizer: Any
    delimiter: str
    thinks: bool
    merged: bool
    """Whether the template takes no system message."""

    @property
    def is_chat(self) -> bool:
        """Whether the text has the special tokens of a chat template, so that no others are to be added."""
        return bool(self.tokenizer.chat_template)

    def text(self, problem: str, steps: Sequence[str] = ()) -> str:
        """What is to be continued, byte for byte."""
        return self.text_of(SampleRequest(problem, tuple(steps)))

    def text_of(self, request: SampleRequest) -> str:
        """The same for a request, which may have a chat."""
        begun = "".join(step + self.delimiter for step in request.steps)
        return self._opening(request) + begun

    def text_without_bos(self, request: SampleRequest) -> str:
        """The same for a server, whose tokenizer puts the beginning-of-text token before it by itself."""
        text, bos = self.text_of(request), self.tokenizer.bos_token
        adds_bos = bos is not None and self.tokenizer("")["input_ids"][:1] == [self.tokenizer.bos_token_id]
        return text.removeprefix(bos) if adds_bos else text

    def ids(self, text: str) -> list[int]:
        """The tokens of a rendered text, without a second beginning-of-text token."""
        found: list[int] = self.tokenizer(text, add_special_tokens=not self.is_chat)["input_ids"]
        return found

    def solution(self, written: str, *, ended: bool) -> str:
        """See `solution_in`."""
        return solution_in(written, ended=ended, thinks=self.thinks)

    def _opening(self, request: SampleRequest) -> str:
        prompt = BARE if request.as_is else self.prompt
        if not self.is_chat:
            return prompt.text(request.problem)
        messages = prompt.messages(request.problem, merged=self.merged, chat=request.chat)
        return _rendered(self.tokenizer, messages, thinks=self.thinks)


def solution_tokens_for(*, thinks: bool) -> int:
    """See `protocols.solution_tokens`."""
    return THOUGHTFUL_TOKENS if thinks else PLAIN_TOKENS


def renderer_for(
    tokenizer: Any, *, delimiter: str, prompt: str | None = None, thinking: bool | None = None
) -> Renderer:
    """The prompt of this name, else the one that suits the tokenizer: `plain@1` without a chat template,
    `thinking@1` or `boxed@1` with one. `thinking`: whether it thinks; None asks its template.

    Raises:
        UnknownName, InputError: there is no such prompt, the chat template cannot be used, or there is none
            and the prompt has examples.
    """
    template = tokenizer.chat_template or ""
    thinks = _thinks(tokenizer, thinking) if template else bool(thinking)
    by_template = THINKING if thinks else BOXED if template else PLAIN
    found = prompt_named(prompt or by_template, chats=bool(template))
    merged = bool(template) and not _takes(tokenizer, found, thinks=thinks)
    return Renderer(found, tokenizer, delimiter, thinks, merged)


def has_thought(written: str) -> bool:
    """Whether a thought shows in it, as of a model that nobody said of that it thinks."""
    return THOUGHT_ENDS in written or written.lstrip().startswith(THOUGHT_BEGINS)


def solution_in(written: str, *, ended: bool, thinks: bool) -> str:
    """What was written, without the thought before it: that of a model that thinks, or one that shows."""
    return without_thought(written, ended=ended) if thinks or has_thought(written) else written


def without_thought(written: str, *, ended: bool) -> str:
    """The part behind the last `</think>`; without one all of it if the writing ended, else nothing.

    >>> without_thought("<think>\\n2 and 2?\\n</think>\\n\\nIt is 4.", ended=True)
    'It is 4.'
    """
    thought, closed, rest = written.rpartition(THOUGHT_ENDS)
    if closed:
        return rest.lstrip("\n")
    return "" if not ended or THOUGHT_BEGINS in thought + rest else written


def _thinks(tokenizer: Any, wanted: bool | None) -> bool:
    """Whether solutions come after a thought, by how the chat template begins the assistant's turn: it may
    open a thought, or write an empty one, and the model itself may open one if the template knows thoughts.

    Raises:
        InputError: the template does not let the model think, or not think, as it is wanted to.
    """
    knows = THOUGHT_ENDS in str(tokenizer.chat_template)
    begun = _begun(tokenizer, wanted)
    is_open = begun.rfind(THOUGHT_BEGINS) > begun.rfind(THOUGHT_ENDS)
    is_over = begun.rfind(THOUGHT_ENDS) > begun.rfind(THOUGHT_BEGINS)
    if wanted is None:
        return is_open or (knows and not is_over)
    if wanted and is_over:
        raise InputError("the chat template begins every answer behind a thought: drop thinking=true")
    if not wanted and (is_open or (knows and not is_over and begun == _begun(tokenizer, True))):
        raise InputError(
            f"the chat template has no switch for its thoughts ({' or '.join(SWITCHES)}): drop "
            "thinking=false, and use cot, majority, adaptive or best_of_n"
        )
    return wanted


def _begun(tokenizer: Any, thinks: bool | None) -> str:
    """What the template writes behind a question."""
    question = "@@question@@"
    text = _rendered(tokenizer, [{"role": "user", "content": question}], thinks=thinks)
    return text.rpartition(question)[2]


def _takes(tokenizer: Any, prompt: Prompt, *, thinks: bool) -> bool:
    """Whether the template renders the prompt as it is, system message and all."""
    for merged in (False, True):
        try:
            _rendered(tokenizer, prompt.messages("?", merged=merged), thinks=thinks)
        except InputError:
            if merged or prompt.system is None:
                raise
        else:
            return not merged
    raise AssertionError("the loop returns or raises")


def _rendered(tokenizer: Any, messages: list[dict[str, str]], *, thinks: bool | None) -> str:
    from jinja2.exceptions import TemplateError

    switched = {} if thinks is None else dict.fromkeys(SWITCHES, thinks)
    try:
        text: str = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **switched
        )
    except (TemplateError, TypeError, ValueError) as error:
        raise InputError(f"the chat template cannot be used: {str(error).splitlines()[0]}") from error
    return text
