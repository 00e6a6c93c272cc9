"""The routes of the API, each with what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tts_select.serving.bodies import Json, read_json, while_there
from tts_select.serving.chat import read_chat
from tts_select.serving.errors import UNAVAILABLE, ApiError, bad_field
from tts_select.serving.planning import plan_of
from tts_select.serving.readiness import KEPT_S, Readiness
from tts_select.serving.service import CLIENT_GONE, Service
from tts_select.serving.streaming import EventStream, Stream

Endpoint = Callable[[Request], Awaitable[Response]]


def for_keys(service: Service, endpoint: Endpoint) -> Endpoint:
    """The endpoint, for those who have a key if there are any."""

    async def checked(request: Request) -> Response:
        request.state.key = service.keys.named(request.headers)
        return await endpoint(request)

    return checked


class Endpoints:
    """Those of one service."""

    def __init__(self, service: Service) -> None:
        self._service, self._readiness = service, Readiness()

    @property
    def routes(self) -> list[Route]:
        """All routes; those that say something of models, runs or spending are for keys."""
        return [
            Route("/v1/chat/completions", self._for_keys(self._chat), methods=["POST"]),
            Route("/v1/models", self._for_keys(self._models), methods=["GET"]),
            Route("/v1/models/{id:path}", self._for_keys(self._model), methods=["GET"]),
            Route("/v1/tts/plan", self._for_keys(self._plan), methods=["POST"]),
            Route("/v1/tts/runs/{id}", self._for_keys(self._run), methods=["GET"]),
            Route("/v1/tts/runs/{id}/outcome", self._for_keys(self._outcome), methods=["POST"]),
            Route("/metrics", self._for_keys(self._metrics), methods=["GET"]),
            Route("/healthz", self._healthz, methods=["GET"]),
            Route("/readyz", self._readyz, methods=["GET"]),
        ]

    def _for_keys(self, endpoint: Endpoint) -> Endpoint:
        return for_keys(self._service, endpoint)

    async def _chat(self, request: Request) -> Response:
        service = self._service
        try:
            ticket = service.admit(read_chat(await read_json(request)), request.state.key)
        except ApiError as error:
            service.metrics.refused(error.code)
            raise
        headers = {"x-request-id": ticket.run.id, "x-tts-run-id": ticket.run.id}
        if ticket.request.stream:
            return EventStream(Stream(service, ticket), headers)
        reply = await while_there(request, service, ticket)
        if reply is None:
            return Response(status_code=CLIENT_GONE)
        return Json(reply.whole(ticket.run), headers={**headers, **reply.headers})

    async def _models(self, _: Request) -> Response:
        return Json({"object": "list", "data": [_card(name) for name in self._service.catalogue.names]})

    async def _model(self, request: Request) -> Response:
        name = request.path_params["id"]
        self._service.catalogue.check_name(name)
        return Json(_card(name))

    async def _plan(self, request: Request) -> Response:
        return Json(await plan_of(self._service, await read_json(request), request.state.key))

    async def _run(self, request: Request) -> Response:
        found = self._service.runs.find(request.path_params["id"], request.state.key.name)
        return Json(found.as_dict())

    async def _outcome(self, request: Request) -> Response:
        found = self._service.runs.find(request.path_params["id"], request.state.key.name)
        body = await read_json(request)
        if not isinstance(body, dict) or not isinstance(body.get("correct"), bool):
            raise bad_field("correct", 'say whether the answer was right, as in {"correct": true}')
        self._service.record(found, correct=body["correct"])
        return Json(found.as_dict())

    async def _metrics(self, _: Request) -> Response:
        return Response(self._service.measured(), media_type="text/plain; version=0.0.4")

    async def _healthz(self, _: Request) -> Response:
        return Json({"status": "ok"})

    async def _readyz(self, _: Request) -> Response:
        catalogue = self._service.catalogue
        down = await self._readiness.down({**catalogue.prms, **catalogue.policies})
        if down:
            message = f"no answer from {', '.join(down)}"
            raise ApiError(UNAVAILABLE, message, code="backend_down", retry_after_s=KEPT_S)
        return Json({"status": "ready", "models": len(catalogue.names)})


def _card(name: str) -> dict[str, object]:
    """What is said of a model."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "tts-select"}
