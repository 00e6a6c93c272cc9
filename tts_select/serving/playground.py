"""The page at /ui: a problem is solved, its rounds are watched, and the answer is seen as a trace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tts_select.core.json_text import to_json
from tts_select.core.methods import METHODS
from tts_select.core.solution import Solution
from tts_select.data.world.suite import generate
from tts_select.serving.bodies import read_json
from tts_select.serving.catalogue import AUTO
from tts_select.serving.chat import read_chat
from tts_select.serving.endpoints import for_keys
from tts_select.serving.errors import ApiError
from tts_select.serving.service import Service
from tts_select.serving.streaming import HEARTBEAT, EventStream, Stream, event
from tts_select.solving.history import History
from tts_select.solving.session import Session
from tts_select.tracing.document import PLAY_SCRIPTS, document, header_policy
from tts_select.tracing.folder import off_the_loop
from tts_select.tracing.recording import last_decision

N_EXAMPLES = 8


class Playground:
    """The page of one service, and what it asks for."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._examples = [p.problem for p in generate(N_EXAMPLES, seed=3)]

    @property
    def routes(self) -> list[Route]:
        """The page is for everyone; it tells nothing of the models where there are keys."""
        return [
            Route("/ui", self._page, methods=["GET"]),
            Route("/ui/solve", for_keys(self._service, self._solve), methods=["POST"]),
        ]

    async def _page(self, _: Request) -> Response:
        service = self._service
        has_keys = len(service.keys) > 0
        names = service.catalogue.names if service.is_ready and not has_keys else [AUTO]
        data = {
            "kind": "playground",
            "title": "playground",
            "subtitle": "type a problem, and watch how it is solved",
            "models": list(names),
            "methods": list(METHODS),
            "has_keys": has_keys,
            "examples": self._examples,
        }
        html = "".join(document(data, scripts=PLAY_SCRIPTS, connects=True))
        headers = {
            "content-security-policy": header_policy(PLAY_SCRIPTS),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
        }
        return HTMLResponse(html, headers=headers)

    async def _solve(self, request: Request) -> Response:
        """A chat as of the API; its stream has a decision after each step, and the trace at the end."""
        service = self._service
        ticket = service.admit(read_chat(await read_json(request)), request.state.key)
        found: dict[str, Any] = {}

        async def keep(history: History, solution: Solution) -> None:
            found.update(await off_the_loop(history, solution))

        stream = Stream(service, ticket, tell=_round, done=keep)
        return EventStream(stream, {"x-tts-run-id": ticket.run.id}, _events(stream, found))


async def _events(stream: Stream, trace: dict[str, Any]) -> AsyncIterator[bytes]:
    """A step is `{"decision": ..., "bill": ...}`; the end `{"tts": ..., "text": ..., "trace": ...}`, whose
    trace is null where nothing was voted on, or an error as of the API."""
    async for line in stream.lines():
        yield HEARTBEAT if line is None else f"data: {line}\n\n".encode()
    reply = stream.reply()
    if isinstance(reply, ApiError):
        yield event(reply.as_dict())
    else:
        yield event({"tts": dict(reply.tts), "text": reply.text, "trace": trace or None})


def _round(session: Session) -> str:
    """What a step came to, on one line."""
    return to_json({"decision": last_decision(session.history()), "bill": session.bill.total.as_dict()})
