"""Reads what a server answered. What is missing or odd in it is an error, and never a text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tts_select.executors.openai_api.client import ServerError
from tts_select.executors.openai_api.credentials import hide
from tts_select.executors.prompts.rendering import has_thought

MATCHED_FIELDS = ("stop_reason", "matched_stop")
"""The fields in which vLLM and SGLang say which stop string was met; null there means the end of the text."""
_THOUGHT_FIELDS = ("reasoning_content", "reasoning")
"""The fields in which vLLM (the second, since 0.12), SGLang and hosted models put a thought, apart from the
text."""
ENDED = frozenset(("stop", "eos", "eos_token", "end_turn", "stop_sequence", "stop_token"))
"""Reasons to finish, in lower case: the model ended its text, or wrote a stop string. The first is OpenAI's;
others are of Text Generation Inference and of gateways to Anthropic's models."""
CUT = frozenset(("length", "max_tokens", "max_new_tokens", "max_length", "model_length"))
"""Reasons that mean the text was cut, by the limit asked for or by the model's context."""


@dataclass(slots=True)
class Choice:
    """One continuation, so far. `n_tokens` counts its tokens, or their log-probabilities; None: the server
    tells neither."""

    text: str = ""
    finish: str | None = None
    matched: str | int | None = None
    """The stop string that was met, or the id of the token."""
    n_tokens: int | None = None
    logprob: float = math.nan
    top_logprobs: list[list[float]] = field(default_factory=list)
    """For each token the log-probabilities of the most likely ones, where they were asked for."""
    fault: str | None = None
    """Why it cannot be read."""

    def take(self, piece: Choice) -> None:
        """Add what a stream brought."""
        self.text += piece.text
        self.finish = piece.finish or self.finish
        self.matched = piece.matched or self.matched
        self.top_logprobs += piece.top_logprobs
        if piece.n_tokens is not None:
            self.logprob = piece.logprob + (self.logprob if self.n_tokens else 0.0)
            self.n_tokens = (self.n_tokens or 0) + piece.n_tokens


@dataclass(frozen=True, slots=True)
class Usage:
    """What the server says that it computed; prompt tokens found in its cache are among the prompt's."""

    prompt: int
    cached: int
    generated: int


def choices_of(response: Any) -> list[Choice]:
    """Return the choices in the order of their indices.

    Raises:
        ServerError: there are none, or not one can be read.
    """
    found = getattr(response, "choices", None)
    if not isinstance(found, list) or not found:
        raise ServerError(f"the server's response has no choices: {_excerpt(response)}")
    choices = [_read_or_fault(c) for c in sorted(found, key=lambda c: getattr(c, "index", None) or 0)]
    if all(choice.fault for choice in choices):
        raise ServerError(str(choices[0].fault))
    return choices


def read_choice(choice: Any) -> Choice:
    """Read a choice of a whole response or of a piece of a stream, of completions or of a chat.

    Raises:
        ServerError: it has no text.
    """
    message = getattr(choice, "message", None) or getattr(choice, "delta", None)
    text = getattr(message, "content", None) if message is not None else getattr(choice, "text", None)
    if message is not None and text is None:
        text = ""  # a piece with the role alone, or a message that is all thought
    if not isinstance(text, str):
        raise ServerError(f"the server's response has no text: {_excerpt(choice)}")
    told = getattr(choice, "logprobs", None)
    logprobs = _logprobs(told)
    counted = choice_ids(choice) if logprobs is None else logprobs
    return Choice(
        text,
        getattr(choice, "finish_reason", None),
        _matched(choice),
        None if counted is None else len(counted),
        math.nan if logprobs is None else math.fsum(logprobs),
        top_logprobs(told),
    )


def _read_or_fault(choice: Any) -> Choice:
    try:
        return read_choice(choice)
    except ServerError as error:
        return Choice(fault=str(error))


def thought_of(choice: Any) -> str | None:
    """What the server keeps apart from the text as a thought, which may be empty; None: nothing is apart."""
    message = getattr(choice, "message", None) or getattr(choice, "delta", None)
    found = [getattr(message, name, None) for name in _THOUGHT_FIELDS]
    return next((thought for thought in found if isinstance(thought, str)), None)


def shows_thought(response: Any) -> bool:
    """Whether the model thought, or began to: apart from the text, in it, or in tokens that are told alone.

    A field for thoughts that is empty says so only where there is no text yet either: some servers give it to
    every model.
    """
    (choice, *_), details = response.choices, getattr(response.usage, "completion_tokens_details", None)
    thought, text = thought_of(choice), read_choice(choice).text
    is_begun = thought == "" and not text.strip()
    n_hidden = getattr(details, "reasoning_tokens", None) or 0
    return bool(thought) or is_begun or n_hidden > 0 or has_thought(text)


def tells_stops(choice: Any) -> bool:
    """Whether the server tells a stop string from the end of the text."""
    return any(hasattr(choice, name) for name in MATCHED_FIELDS)


def prompt_ids(response: Any) -> list[int] | None:
    """The tokens of the prompt, where the server was asked for them and tells them."""
    choices = getattr(response, "choices", None) or [None]
    told = [getattr(place, "prompt_token_ids", None) for place in (response, choices[0])]
    return next((ids for ids in told if isinstance(ids, list)), None)


def choice_ids(choice: Any) -> list[int] | None:
    """The tokens of a choice, where the server was asked for them and tells them."""
    ids = getattr(choice, "token_ids", None)
    return ids if isinstance(ids, list) else None


def usage_of(response: Any) -> Usage | None:
    """Return the usage; None if the response (or this piece of it) says nothing of it."""
    usage = getattr(response, "usage", None)
    counts = [getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")]
    if not all(isinstance(count, int) for count in counts):
        return None
    details = getattr(usage, "prompt_tokens_details", None)
    return Usage(counts[0] or 0, getattr(details, "cached_tokens", None) or 0, counts[1] or 0)


def _matched(choice: Any) -> str | int | None:
    values: Iterable[Any] = (getattr(choice, name, None) for name in MATCHED_FIELDS)
    return next((v for v in values if isinstance(v, (str, int))), None)


def _logprobs(logprobs: Any) -> list[float] | None:
    """Return one log-probability a token, of chats or completions; a first token without one counts as 0."""
    content = getattr(logprobs, "content", None)
    if isinstance(content, list):
        return [_told(entry, "logprob") or 0.0 for entry in content]
    tokens = getattr(logprobs, "token_logprobs", None)
    return [value or 0.0 for value in tokens] if isinstance(tokens, list) else None


def top_logprobs(logprobs: Any) -> list[list[float]]:
    """Return the log-probabilities of the most likely tokens, for each token of chats or completions; of
    completions the sampled token may be there too, which need not be among them; in vLLM's chats it then
    stands for the least likely of them."""
    content = getattr(logprobs, "content", None)
    if isinstance(content, list):
        rows = [_told(entry, "top_logprobs") or [] for entry in content]
        found = [[_told(other, "logprob") for other in row] for row in rows]
    else:
        told = getattr(logprobs, "top_logprobs", None)
        rows = told if isinstance(told, list) else []
        found = [list(row.values()) if isinstance(row, dict) else [] for row in rows]
    return [[value for value in row if isinstance(value, (int, float))] for row in found]


def _told(entry: Any, name: str) -> Any:
    """A field of a token's entry. The SDK reads those of chats; where a server tells them so in completions
    too, as llama.cpp's does, they stay as they came."""
    return entry.get(name) if isinstance(entry, Mapping) else getattr(entry, name, None)


def _excerpt(response: Any) -> str:
    return " ".join(hide(str(response)).split())[:200] or "it is empty"
