"""The constant text around the problem and the steps: a layout with the chat template filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tts_select.core.errors import InputError
from tts_select.executors.prms.layouts import Layout

_PROBLEM, _FIRST, _SECOND, _THIRD, _ANSWER = "@@problem@@", "@@one@@", "@@two@@", "@@three@@", "@@answer@@"
"""Rendered in the place of what is to come, and then looked for."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The constant text around the problem and the steps, with a chat template filled in."""

    opening: str
    to_steps: str
    before_first: str
    before: str
    close: str

    def prompt(self, problem: str) -> str:
        """The text that is read before the first step."""
        return self.opening + problem + self.to_steps

    def step(self, k: int, step: str) -> str:
        """Step k (from 0) without its close."""
        return (self.before if k else self.before_first) + step


def frame_of(layout: Layout, tokenizer: Any, name: str) -> Frame:
    """The frame of a layout.

    Raises:
        InputError: the tokenizer's chat template cannot be used for it.
    """
    if not layout.chat:
        opening, to_steps = layout.prompt.split("{problem}")
        return Frame(opening, to_steps, layout.before_first, layout.before, layout.close)
    if layout.chat == "assistant":
        return _assistant_frame(layout, tokenizer, name)
    return _dialogue_frame(layout, tokenizer, name)


def _assistant_frame(layout: Layout, tokenizer: Any, name: str) -> Frame:
    turns = [("user", layout.prompt.replace("{problem}", _PROBLEM)), ("assistant", _FIRST)]
    if layout.system is not None:
        turns.insert(0, ("system", layout.system))
    opening, to_steps, _ = _cut(rendered(turns, tokenizer, name), (_PROBLEM, _FIRST), name)
    return Frame(opening, to_steps, layout.before_first, layout.before, layout.close)


def _dialogue_frame(layout: Layout, tokenizer: Any, name: str) -> Frame:
    """The answer to a step stands before the next one: it is read before it is known."""
    first = layout.prompt.replace("{problem}", _PROBLEM) + layout.before_first + _FIRST
    turns: list[tuple[str, str]] = []
    for text in (first, _SECOND, _THIRD):
        turns += [("user", text), ("assistant", layout.answer)]
    opening, gap, *betweens = _cut(
        rendered(turns, tokenizer, name), (_PROBLEM, _FIRST, _SECOND, _THIRD), name
    )
    after_one, after_two, after_last = betweens
    if after_one != after_two or not after_last:
        raise InputError(
            f"the chat template of {name} renders equal turns differently: it cannot be scored in"
        )
    marked = [("user", _FIRST), ("assistant", _ANSWER), ("user", _SECOND)]
    _, close, _, _ = _cut(rendered(marked, tokenizer, name), (_FIRST, _ANSWER, _SECOND), name)
    return Frame(opening, "", gap, after_one.removeprefix(close), close)


def rendered(turns: Sequence[tuple[str, str]], tokenizer: Any, name: str, *, is_open: bool = False) -> str:
    """A chat as its template has it; `is_open`: with the beginning of the assistant's next turn.

    Raises:
        InputError: there is no template, or it does not take such a chat.
    """
    from jinja2.exceptions import TemplateError

    try:
        text: str = tokenizer.apply_chat_template(
            [{"role": role, "content": content} for role, content in turns],
            tokenize=False,
            add_generation_prompt=is_open,
        )
    except (TemplateError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"the chat template of {name} cannot be used ({reason}): take the PRM's own tokenizer, or choose "
            "another format with --prm-format"
        ) from error
    return text


def _cut(text: str, marks: Sequence[str], name: str) -> list[str]:
    """The text around the marks, which come in this order, once each."""
    pieces: list[str] = []
    for mark in marks:
        before, found, text = text.partition(mark)
        if not found:
            raise InputError(
                f"the chat template of {name} leaves out what is written: it cannot be scored in"
            )
        pieces.append(before)
    return [*pieces, text]
