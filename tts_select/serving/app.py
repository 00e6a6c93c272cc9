"""The application: the routes over a `Service`, and what holds for all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from tts_select.serving.bodies import Json
from tts_select.serving.endpoints import Endpoints
from tts_select.serving.errors import INTERNAL, ApiError
from tts_select.serving.playground import Playground
from tts_select.serving.service import Service

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""The hosts by which a server without keys is asked: a page that was led here by its own name is refused."""

_log = logging.getLogger(__name__)


def app_for(
    service: Service,
    routes: Sequence[BaseRoute] = (),
    *,
    on_failure: Callable[[], None] | None = None,
) -> Starlette:
    """The application of a service, with further routes if there are any. It takes requests at once, and
    answers them when its models are loaded; `on_failure` is called if they cannot be.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        loading = asyncio.create_task(_loaded(service, on_failure))
        yield
        await loading
        await service.close()

    guards = [Middleware(TrustedHostMiddleware, allowed_hosts=list(LOOPBACK))]
    return Starlette(
        routes=[*Endpoints(service).routes, *Playground(service).routes, *routes],
        lifespan=lifespan,
        middleware=[] if len(service.keys) else guards,
        exception_handlers={ApiError: _told, HTTPException: _told_by_starlette, Exception: _unexpected},
    )


async def _loaded(service: Service, on_failure: Callable[[], None] | None) -> None:
    if service.is_ready:
        return
    try:
        await asyncio.to_thread(service.load)
    except Exception:
        _log.debug("the models cannot be loaded", exc_info=True)
        if on_failure is None:
            raise
        on_failure()


async def _told(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return Json(error.as_dict(), status_code=error.status, headers=dict(error.headers))


async def _told_by_starlette(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}"
    told = ApiError(error.status_code, message, code="no_such_endpoint")
    return Json(told.as_dict(), status_code=error.status_code, headers=error.headers)


async def _unexpected(_request: Request, _error: Exception) -> Response:
    """Starlette raises it again behind the response, so that it is in the server's log."""
    told = ApiError(INTERNAL, "the server failed", code="internal_error")
    return Json(told.as_dict(), status_code=INTERNAL)
