"""One request for continuations: whole, or in pieces where a deadline may cut it short."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from tts_select.core.errors import BackendError
from tts_select.executors.openai_api.abilities import Abilities
from tts_select.executors.openai_api.bounds import most_of
from tts_select.executors.openai_api.client import Body, Client, ServerError
from tts_select.executors.openai_api.responses import (
    Choice,
    Usage,
    choices_of,
    read_choice,
    thought_of,
    usage_of,
)


class ContextFull(BackendError):
    """The prompt leaves no room in the model's context."""


@dataclass(slots=True)
class Reply:
    """What came of a request: the choices that are whole (or cut by the deadline), and the usage of every
    HTTP request that it took; `error` is why other choices are missing."""

    choices: list[Choice]
    usages: list[Usage]
    error: BackendError | None = None


async def ask(
    client: Client,
    body: Body,
    *,
    deadline: float | None,
    can: Abilities,
    cut_off: Callable[[Usage], None],
) -> Reply:
    """Ask. Where the context has no room for so many tokens, as many are asked for as fit: vLLM writes no
    more than these by itself; for a server that refuses, the prompt is measured by a request for one token.
    If it is cancelled, `cut_off` is called with the most that it can have come to.

    Raises:
        ContextFull: not one fits.
        BackendError: nothing came, or nothing that can be read.
    """
    if can.context is not None:
        body = {**body, "max_tokens": min(body["max_tokens"], can.context - 1)}
    try:
        return await _asked(client, body, deadline, can, cut_off)
    except ServerError as error:
        if not error.is_too_long:
            raise
        measured = await _measured(client, body)
        if can.context is None:
            raise
    room = can.context - measured.prompt
    if room < 1:
        raise ContextFull(f"the prompt has {measured.prompt:,} tokens")
    body = {**body, "max_tokens": min(room, body["max_tokens"])}
    answer = await _asked(client, body, deadline, can, cut_off)
    answer.usages.append(measured)
    return answer


async def _measured(client: Client, body: Body) -> Usage:
    """The usage of the same prompt for one token."""
    try:
        response = await client.completion({**body, "n": 1, "max_tokens": 1})
    except ServerError as error:
        if error.is_too_long:
            raise ContextFull(str(error)) from error
        raise
    return _usage(client, response)


async def _asked(
    client: Client, body: Body, deadline: float | None, can: Abilities, cut_off: Callable[[Usage], None]
) -> Reply:
    try:
        if deadline is not None:
            return await _Stream(client, body, deadline, counts_pieces=can.counts_pieces).read()
        response = await client.completion(body)
    except asyncio.CancelledError:
        cut_off(most_of(body, context=can.context))
        raise
    choices, usage = choices_of(response), _usage(client, response)
    alone = body["n"] == 1
    return Reply([_counted(c, usage, alone=alone) for c in choices], [_of_all(usage, choices)])


def _usage(client: Client, response: Any) -> Usage:
    usage = usage_of(response)
    if usage is None:
        raise ServerError(f"{client.where} does not say what its response cost: it has no usage")
    return usage


def _of_all(usage: Usage, choices: Iterable[Choice]) -> Usage:
    """Return the usage with no fewer tokens than its choices have: llama.cpp's server counts those of the
    first one alone."""
    return replace(usage, generated=max(usage.generated, sum(c.n_tokens or 0 for c in choices)))


def _counted(choice: Choice, usage: Usage, *, alone: bool) -> Choice:
    """Return the choice with its own tokens, where the server tells those of all choices together and it is
    the only one."""
    return replace(choice, n_tokens=usage.generated) if alone and choice.n_tokens is None else choice


class _Stream:
    """A response that comes in pieces."""

    def __init__(self, client: Client, body: Body, deadline: float, *, counts_pieces: bool) -> None:
        options = {"include_usage": True, **({"continuous_usage_stats": True} if counts_pieces else {})}
        self._client, self._deadline = client, deadline
        self._body = {**body, "stream_options": options}
        self._totals: dict[int, Usage] = {}
        """What was said of the whole response, by how many choices had ended: vLLM says it once, llama.cpp's
        server as each of them ends, of that one."""
        self._prompt = Usage(0, 0, 0)
        self._parts = {k: Choice() for k in range(body["n"])}
        self._pieces = dict.fromkeys(self._parts, 0)

    async def read(self) -> Reply:
        """Read until all is written, the deadline, or a failure after which what is whole remains."""
        error: BackendError | None = None
        try:
            async with asyncio.timeout(max(0.0, self._deadline - time.monotonic())):
                await self._read_all()
        except TimeoutError:
            self._cut()
        except BackendError as failure:
            if not any(part.finish for part in self._parts.values()):
                raise
            error = failure
        return self._answer(error)

    async def _read_all(self) -> None:
        async with self._client.stream(self._body, deadline=self._deadline) as pieces:
            async for piece in pieces:
                self._take(piece)
        if any(part.finish is None for part in self._parts.values()):
            raise ServerError(f"{self._client.where} ended its response too early")

    def _take(self, piece: Any) -> None:
        found = getattr(piece, "choices", None) or []
        usage = usage_of(piece)
        if usage is not None and found:
            self._prompt = usage  # of one choice: only what it says of the prompt holds for all
        elif usage is not None:
            self._totals[sum(part.finish is not None for part in self._parts.values())] = usage
        for choice in found:
            index, read = choice.index or 0, read_choice(choice)
            self._parts.setdefault(index, Choice()).take(read)
            self._pieces[index] = self._pieces.get(index, 0) + bool(read.text or thought_of(choice))

    def _cut(self) -> None:
        for part in self._parts.values():
            part.finish = part.finish or "deadline"

    def _answer(self, error: BackendError | None) -> Reply:
        parts = [self._with_count(k, part) for k, part in sorted(self._parts.items())]
        usage = _of_all(self._total() or replace(self._prompt, generated=0), parts)
        return Reply([part for part in parts if part.finish], [usage], error)

    def _with_count(self, k: int, part: Choice) -> Choice:
        """Where a choice tells no tokens a request is for one; cut short, its pieces are its tokens."""
        if part.n_tokens is not None:
            return part
        total = self._total()
        return replace(part, n_tokens=self._pieces[k] if total is None else total.generated)

    def _total(self) -> Usage | None:
        if not self._totals:
            return None
        (first, *_), generated = self._totals.values(), sum(u.generated for u in self._totals.values())
        return replace(first, generated=generated)
