"""JSON in and out, and a client that goes away before its answer."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tts_select.core.json_text import to_json
from tts_select.serving.errors import (
    BAD_REQUEST,
    NO_MEDIA_TYPE,
    TOO_LARGE,
    TOO_SLOW,
    ApiError,
    shutting_down,
)
from tts_select.serving.replies import Reply
from tts_select.serving.service import Service
from tts_select.serving.strict_json import parse
from tts_select.serving.tickets import Ticket

MOST_BYTES = 32 << 20
"""Of the body of a request; images are in it."""
LONGEST_S = 120.0
"""For a body to come."""
_JSON = "application/json"


class Json(Response):
    """JSON as its standard has it: what is not known is null."""

    media_type = _JSON

    def render(self, content: Any) -> bytes:
        return to_json(content).encode()


async def read_json(request: Request) -> Any:
    """The JSON of a request. Another media type is refused: a page in a browser could send it unasked.

    Raises:
        ApiError: there is none, or too much.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        message = f"the body is to be {_JSON}: say so in Content-Type"
        raise ApiError(NO_MEDIA_TYPE, message, code="bad_media_type")
    try:
        async with asyncio.timeout(LONGEST_S):
            content = await _body(request)
    except TimeoutError as error:
        message = f"the body did not come within {LONGEST_S:g} s"
        raise ApiError(TOO_SLOW, message, code="too_slow") from error
    except ClientDisconnect as error:
        raise ApiError(BAD_REQUEST, "the body ends too early", code="invalid_json") from error
    try:
        return parse(content)
    except ValueError as error:
        raise ApiError(BAD_REQUEST, f"the body is no JSON: {error}", code="invalid_json") from error


async def _body(request: Request) -> bytes:
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > MOST_BYTES:
            raise ApiError(TOO_LARGE, f"the body has more than {MOST_BYTES:,} bytes", code="too_large")
    return bytes(found)


async def while_there(request: Request, service: Service, ticket: Ticket) -> Reply | None:
    """The reply; None if the client goes away before, and then nothing runs on for it.

    Raises:
        ApiError: there is no answer.
    """
    task = service.start(ticket)
    gone = asyncio.create_task(_gone(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if task.cancelled():
            raise shutting_down()
        return task.result() if task.done() else None
    finally:
        task.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
