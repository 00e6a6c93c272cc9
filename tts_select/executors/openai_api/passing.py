"""A chat passed on to a server as its client sent it, whole or as a stream that is told as it comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tts_select.core.protocols import Told
from tts_select.executors.openai_api.bounds import most_of, text_bytes
from tts_select.executors.openai_api.client import Client, ServerError
from tts_select.executors.openai_api.responses import Usage, choices_of, read_choice, usage_of

_GROWING = ("content", "refusal", "reasoning_content", "reasoning", "arguments")
"""The texts of a message that come piece by piece; whatever else comes twice is said twice."""

_REFUSED = (400, 422, 501)


class Passing:
    """One request of one choice, and what has come of it so far."""

    def __init__(
        self, client: Client, body: Mapping[str, Any], *, context: int | None, counts_pieces: bool
    ) -> None:
        """`counts_pieces`: the server can say the usage in every piece of a stream."""
        self._client, self._body, self._context = client, dict(body), context
        self._counts_pieces = counts_pieces
        self._message: dict[str, Any] = {"role": "assistant", "content": None}
        self._logprobs: dict[str, Any] = {}
        self._finish: str | None = None
        self.usage: Usage | None = None
        """What the server has told of it."""
        self.has_begun = False
        """Whether anything has come."""

    @property
    def at_most(self) -> Usage:
        """The most that it can have cost, where the server does not tell."""
        return most_of(self._body, context=self._context, n_bytes=text_bytes(self._message))

    async def whole(self) -> dict[str, Any]:
        """The response.

        Raises:
            BackendError: there is none, or it cannot be read.
        """
        response = await self._client.completion(self._body)
        self.usage = usage_of(response)
        choices_of(response)  # raises if there are none
        found: dict[str, Any] = response.model_dump(warnings=False)
        self.has_begun, self._message = True, found["choices"][0].get("message") or {}
        return found

    async def in_pieces(self, told: Told) -> dict[str, Any]:
        """The same, put together from a stream, of which each choice is told as it comes. A server that
        refuses to stream is asked for the whole.

        Raises:
            BackendError: it cannot be read, or is not whole.
        """
        try:
            return await self._read(told)
        except ServerError as error:
            if self.has_begun or error.status not in _REFUSED or "stream" not in str(error):
                raise
        return await self.whole()

    async def _read(self, told: Told) -> dict[str, Any]:
        options = {"include_usage": True, **({"continuous_usage_stats": True} if self._counts_pieces else {})}
        async with self._client.stream({**self._body, "stream_options": options}) as pieces:
            async for piece in pieces:
                self.usage = usage_of(piece) or self.usage
                for choice in getattr(piece, "choices", None) or []:
                    self._take(choice, told)
        if self._finish is None:
            raise ServerError(f"{self._client.where} ended its response too early")
        choice = {"index": 0, "message": self._message, "finish_reason": self._finish}
        return {"choices": [{**choice, "logprobs": self._logprobs or None}], "usage": self.usage}

    def _take(self, choice: Any, told: Told) -> None:
        read_choice(choice)  # raises if it is no choice
        found = choice.model_dump(exclude_unset=True, warnings=False)  # as it came
        delta, logprobs = found.get("delta"), found.get("logprobs")
        if not isinstance(delta, dict):
            raise ServerError(f"{self._client.where} sent a piece without a delta")
        self.has_begun = True
        self._finish = found.get("finish_reason") or self._finish
        grow(self._message, delta)
        if not isinstance(logprobs, dict):
            logprobs = None
        for name, some in (logprobs or {}).items():
            if isinstance(some, list):
                self._logprobs[name] = [*self._logprobs.get(name, []), *some]
        told({"delta": delta, "logprobs": logprobs})


def grow(whole: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Add a piece of a message, or of a part of it; what has indices is grown by these.

    >>> whole = {"content": None}
    >>> for piece in ({"content": "It is "}, {"role": "assistant", "content": "4."}, {"content": None}):
    ...     grow(whole, piece)
    >>> whole
    {'content': 'It is 4.', 'role': 'assistant'}
    """
    for name, value in piece.items():
        if value is None or value == "":
            whole.setdefault(name, value)
        elif name == "tool_calls" and isinstance(value, list):
            _grow_calls(whole, value)
        elif name in _GROWING and isinstance(value, str):
            whole[name] = (whole.get(name) or "") + value
        elif isinstance(value, Mapping):
            inner = whole.get(name)
            whole[name] = inner = inner if isinstance(inner, dict) else {}
            grow(inner, value)
        else:
            whole[name] = value


def _grow_calls(whole: dict[str, Any], pieces: list[Any]) -> None:
    calls: list[dict[str, Any]] = whole.get("tool_calls") or []
    whole["tool_calls"] = calls
    for k, piece in enumerate(pieces):
        at = piece.get("index") if isinstance(piece, Mapping) else None
        place = k if at is None else at
        if not isinstance(piece, Mapping) or not isinstance(place, int) or not 0 <= place <= len(calls):
            raise ServerError("the server sent a tool call out of order")
        if place == len(calls):
            calls.append({})
        grow(calls[place], {name: value for name, value in piece.items() if name != "index"})
