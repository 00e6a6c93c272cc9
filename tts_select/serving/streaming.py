"""Server-sent events of one reply: the role at once, what is done meanwhile, the text, the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tts_select.core.json_text import to_json
from tts_select.serving.errors import INTERNAL, ApiError, shutting_down
from tts_select.serving.replies import Reply, piece
from tts_select.serving.runs import Run
from tts_select.serving.service import Service
from tts_select.serving.tickets import Ticket
from tts_select.solving.api import Done
from tts_select.solving.session import Session

_log = logging.getLogger(__name__)
_DONE = b"data: [DONE]\n\n"
HEARTBEAT = b": still at it\n\n"


class Stream:
    """The stream of a run, which begins now; whoever stops reading its events cancels it."""

    def __init__(
        self,
        service: Service,
        ticket: Ticket,
        *,
        tell: Callable[[Session], str] | None = None,
        done: Done | None = None,
    ) -> None:
        """`tell` makes a line of a step, and `done` is as in `Service.start`."""
        self._ticket, self._heartbeat_s = ticket, service.settings.heartbeat_s
        self._lines: asyncio.Queue[str | Mapping[str, Any]] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        if tell is None:
            ticket.told = self._hear
        say = tell or progress
        self._task = service.start(ticket, lambda session: self._lines.put_nowait(say(session)), done)

    def _hear(self, choice: Mapping[str, Any]) -> None:
        """Take what a server behind us streams, from the thread of its client."""
        self._loop.call_soon_threadsafe(self._lines.put_nowait, choice)

    async def events(self) -> AsyncIterator[bytes]:
        """The events; an error is one of them, and the last."""
        run, request = self._ticket.run, self._ticket.request
        try:
            yield event(piece(run, {"role": "assistant", "content": ""}))
            is_told = False
            async for line in self.lines():
                if isinstance(line, Mapping):
                    is_told = True
                    yield event(part) if (part := passed_on(run, line)) else HEARTBEAT
                else:
                    tells = line is not None and request.tts.progress
                    yield event(piece(run, {"reasoning_content": line})) if tells else HEARTBEAT
            reply = self.reply()
            if isinstance(reply, ApiError):
                yield event(reply.as_dict())
                return
            for part in [] if is_told else reply.pieces(run):
                yield event(part)
            for part in reply.ending(run, with_usage=request.with_usage):
                yield event(part)
            yield _DONE
        finally:
            self.end()

    def reply(self) -> Reply | ApiError:
        """What it came to, when it has ended. What an error of ours was is in the log alone."""
        if self._task.cancelled():
            return shutting_down()
        error = self._task.exception()
        if error is None:
            return self._task.result()
        if isinstance(error, ApiError):
            return error
        _log.error("a request failed", exc_info=error)
        return ApiError(INTERNAL, "the server failed", code="internal_error")

    def end(self) -> None:
        """Nothing runs on for it."""
        self._task.cancel()

    async def lines(self) -> AsyncIterator[str | Mapping[str, Any] | None]:
        """The lines and the choices of pieces as they come, and None after each silence."""
        while not self._task.done():
            line = asyncio.ensure_future(self._lines.get())
            try:
                await asyncio.wait(
                    (self._task, line), timeout=self._heartbeat_s, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                if not line.done():
                    line.cancel()
            if line.done() and not line.cancelled():
                yield line.result()
            elif not self._task.done():
                yield None
        while not self._lines.empty():
            yield self._lines.get_nowait()


class EventStream(StreamingResponse):
    """The response that sends a stream. Whatever becomes of it, even if it never began, nothing runs on."""

    def __init__(
        self, stream: Stream, headers: Mapping[str, str], events: AsyncIterator[bytes] | None = None
    ) -> None:
        """`events` are made of the stream, if they are not its own."""
        headers = {**headers, "cache-control": "no-store"}
        super().__init__(events or stream.events(), headers=headers, media_type="text/event-stream")
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `StreamingResponse`."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.end()


def passed_on(run: Run, choice: Mapping[str, Any]) -> dict[str, Any] | None:
    """The piece that a client gets of one that a server behind us sent; None: there is nothing in it. The
    role and the end have pieces of their own."""
    delta = {k: v for k, v in choice["delta"].items() if k != "role" and v not in (None, "", [])}
    logprobs = choice["logprobs"]
    return piece(run, delta, logprobs=logprobs) if delta or logprobs else None


def progress(session: Session) -> str:
    """A line about the last step of a session."""
    step = session.steps[-1]
    sure = "" if step.p_after is None else f", confidence {step.p_after:.2f}"
    votes = ", ".join(f"{t.count} for {t.answer}" for t in session.tallies()[:3])
    tokens = session.bill.total.policy_generated_tokens
    return f"{step.arm}, {step.n} done: {votes or 'no answer yet'}{sure}; {tokens:,} tokens so far\n"


def event(data: dict[str, Any]) -> bytes:
    """One event."""
    return b"data: " + to_json(data).encode() + b"\n\n"
