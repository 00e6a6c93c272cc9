"""Whether a model on a server thinks before it answers, and whether it lets itself be told not to.

It is seen in a short generation. A server with a reasoning parser keeps the thought apart; one without writes
it into the content, from `<think>` on, or without that word if the chat template has written it already. What
was found is remembered, by server and model.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from tts_select.core.errors import InputError
from tts_select.executors.openai_api.client import Body
from tts_select.executors.openai_api.responses import shows_thought, usage_of
from tts_select.executors.prompts.rendering import SWITCHES

SHORT_TOKENS, LONG_TOKENS = 32, 1024
"""Enough to see a thought begin; and to see one end whose beginning is in the prompt."""

Try = Callable[[Body], Awaitable[Any]]
"""Sends a request; None: the server does not take it."""


class ThinkingMode(NamedTuple):
    """`switch` goes along with every request of a chat, so that the model thinks or not, as is wanted."""

    thinks: bool
    switch: Body


found: dict[tuple[object, ...], ThinkingMode] = {}
"""The modes that were found, by server, model, and what was asked for."""


async def find_thinking(
    send: Try, question: Body, *, wanted: bool | None, n_begun: int | None
) -> ThinkingMode:
    """What a model does with this question; `wanted`: whether it is to think, None leaves it to the server.
    `n_begun`: the tokens of the question with an answer of one token begun, if a server can tell.

    Raises:
        InputError: the model thinks although it is not wanted to.
    """
    switch: Body = {}
    shown = None
    if wanted is not None and "messages" in question:
        switch = {"chat_template_kwargs": dict.fromkeys(SWITCHES, wanted)}
        shown = await _shows(send, {**question, "extra_body": switch}, n_begun)
    if shown is None:  # hosted servers refuse what they do not know
        switch = {}
        shown = await _shows(send, question, n_begun)
    if shown and wanted is False:
        raise InputError(
            f"the model goes on thinking, whatever it is told ({', '.join(SWITCHES)}): drop thinking=false, "
            "and use cot, majority, adaptive or best_of_n"
        )
    return ThinkingMode(bool(shown), switch)


async def _shows(send: Try, question: Body, n_begun: int | None) -> bool | None:
    """Return whether a thought shows; None if the server does not take the request.

    A prompt that is longer than one with an answer begun has something behind the answer's opening: perhaps
    `<think>`. Then only the end of a thought tells it from an answer.
    """
    response = await send({**question, "max_tokens": SHORT_TOKENS})
    if response is None or shows_thought(response):
        return None if response is None else True
    usage = usage_of(response)
    if usage is None or n_begun is None or usage.prompt <= n_begun or not _is_cut(response):
        return False
    longer = await send({**question, "max_tokens": LONG_TOKENS})
    return longer is not None and (shows_thought(longer) or _is_cut(longer))


def _is_cut(response: Any) -> bool:
    return bool(response.choices[0].finish_reason == "length")
