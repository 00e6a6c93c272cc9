"""Server-sent events of one reply: the role at once, what is done meanwhile, the text, the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from tts_select.core.json_text import to_json
from tts_select.serving.errors import INTERNAL, ApiError
from tts_select.serving.replies import Reply, piece
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
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        say = tell or progress
        self._task = service.start(ticket, lambda session: self._lines.put_nowait(say(session)), done)

    async def events(self) -> AsyncIterator[bytes]:
        """The events; an error is one of them, and the last."""
        run, request = self._ticket.run, self._ticket.request
        try:
            yield event(piece(run, {"role": "assistant", "content": ""}))
            async for line in self.lines():
                tells = line is not None and request.tts.progress
                yield event(piece(run, {"reasoning_content": line})) if tells else HEARTBEAT
            reply = self.reply()
            if isinstance(reply, ApiError):
                yield event(reply.as_dict())
                return
            for part in reply.pieces(run, with_usage=request.with_usage):
                yield event(part)
            yield _DONE
        finally:
            self.end()

    def reply(self) -> Reply | ApiError:
        """What it came to, when it has ended."""
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

    async def lines(self) -> AsyncIterator[str | None]:
        """The lines as they come, and None after each silence."""
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
