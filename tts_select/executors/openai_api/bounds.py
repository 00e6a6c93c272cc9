"""The most that a request can have cost, where its server never came to say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tts_select.executors.openai_api.responses import Usage

CANCELLED = "a request was cancelled before its server told the cost: the most that it can be is on the bill"
_NO_TEXT = ("type", "image_url", "input_audio", "file")
UNTOLD = "a server does not tell what its response cost: the most that it can be is on the bill"


def most_of(body: Mapping[str, Any], *, context: int | None, n_bytes: int = 0) -> Usage:
    """The most that the request of `body` can have come to. Where neither it nor the context says how much
    may be written, that is one token for each of the `n_bytes` that came.

    No tokenizer makes more tokens of a text than it has bytes. Images are not counted, nor what a chat
    template adds.
    """
    caps = [n for n in (body.get("max_tokens"), context) if n is not None]
    generated = min(caps) if caps else n_bytes
    return Usage(text_bytes(body.get("messages") or body.get("prompt")), 0, (body.get("n") or 1) * generated)


def text_bytes(said: Any) -> int:
    """The bytes of all texts of a prompt, of messages, or of one message, with its tool calls."""
    if isinstance(said, str):
        return len(said.encode(errors="replace"))
    if isinstance(said, Mapping):
        return sum(text_bytes(value) for name, value in said.items() if name not in _NO_TEXT)
    return sum(map(text_bytes, said)) if isinstance(said, list | tuple) else 0
