"""Clients that mean no good, or are only clumsy: an error each, and nothing is left running or reserved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from starlette.requests import Request

from tests.serving.fakes import QUESTION, Served, catalogue_of, solutions
from tts_select.serving.app import app_for
from tts_select.serving.bodies import read_json, while_there
from tts_select.serving.chat import read_chat
from tts_select.serving.errors import ApiError
from tts_select.serving.planning import plan_of
from tts_select.serving.service import Service
from tts_select.serving.settings import Caps, ServeSettings
from tts_select.serving.streaming import EventStream, Stream
from tts_select.testing import FakePolicy

InTime = Callable[[Coroutine[Any, Any, Any]], Any]
BODY = {"model": "tts-select/auto", "messages": [{"role": "user", "content": QUESTION}]}
SCOPE = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}


def post(served: Served, content: str) -> tuple[int, str]:
    said = served.http.post(
        "/v1/chat/completions", content=content.encode(), headers={"content-type": "application/json"}
    )
    return said.status_code, said.json()["error"]["code"]


@pytest.mark.parametrize(
    "content",
    [
        '{"model": "tts-select/auto", "messages": [{"role": "user", "content": "\\ud800"}]}',
        '{"model": "\\ud800", "messages": []}',
        '{"model": "fake", "frequency_penalty": 1e999, "messages": [{"role": "user", "content": "?"}]}',
        '{"model": "fake", "model": "tts-select/high", "messages": [{"role": "user", "content": "?"}]}',
        '{"tools": ' + "[" * 5000 + "]" * 5000 + "}",
    ],
    ids=["surrogate", "surrogate-name", "infinite", "twice", "deep"],
)
def test_a_body_that_would_break_something_behind_is_refused(
    serve: Callable[..., Served], content: str
) -> None:
    served = serve()
    assert post(served, content) == (400, "invalid_json")
    assert served.policy.requests == []


@pytest.mark.parametrize("seed", [-1, -(1 << 63) + 1, (1 << 63) - 1])
def test_any_seed_of_64_bits_is_one(serve: Callable[..., Served], seed: int) -> None:
    served = serve()
    assert served.chat(seed=seed).status_code == 200
    assert served.chat(seed=seed, model="fake", max_tokens=(1 << 63) - 1).status_code == 200


def test_a_body_that_drips_is_given_up(in_time: InTime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_select.serving.bodies.LONGEST_S", 0.1)

    async def drips() -> dict[str, Any]:
        await asyncio.sleep(0.03)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def leaves() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    for receive, status in ((drips, 408), (leaves, 400)):
        with pytest.raises(ApiError) as refused:
            in_time(read_json(Request(SCOPE, receive)))
        assert refused.value.status == status


def test_a_client_that_leaves_before_its_stream_begins_ends_its_run(in_time: InTime) -> None:
    async def go() -> None:
        service = Service(ServeSettings(), catalogue_of(FakePolicy(solutions, delay=60)))
        ticket = service.admit(read_chat({**BODY, "stream": True}), service.keys.named({}))
        response = EventStream(Stream(service, ticket), {})

        async def gone(message: Any) -> None:
            raise OSError("gone")

        async def receive() -> Any:
            await asyncio.sleep(60)

        with pytest.raises(BaseException):  # noqa: B017, PT011  whatever the response makes of it
            await response({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, gone)
        while ticket.run.status != "cancelled":
            await asyncio.sleep(0.01)
        await service.close()

    in_time(go())


def test_a_client_that_leaves_while_it_waits_takes_no_place_and_keeps_no_reservation(
    in_time: InTime,
) -> None:
    async def go() -> None:
        policy = FakePolicy(solutions, delay=0.5)
        service = Service(
            ServeSettings(concurrency=1, caps=Caps(max_tokens=9)), catalogue_of(policy, method="cot")
        )
        first, late = (service.admit(read_chat(BODY), service.keys.named({})) for _ in range(2))
        running = service.start(first)

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0.1)
            return {"type": "http.disconnect"}

        assert await while_there(Request(SCOPE, receive), service, late) is None
        await asyncio.sleep(0.01)
        assert (service.room.n_running, service.room.n_waiting) == (1, 0)
        await running
        await service.close()
        assert (late.run.status, late.run.record["bill"]["policy_calls"]) == ("cancelled", 0)
        assert len(policy.requests) == 1

    in_time(go())


@pytest.mark.parametrize("stream", [False, True])
def test_who_is_cut_off_at_the_end_is_told_to_come_again(in_time: InTime, stream: bool) -> None:
    async def go() -> Any:
        service = Service(ServeSettings(), catalogue_of(FakePolicy(solutions, delay=60)))
        ticket = service.admit(read_chat(BODY), service.keys.named({}))
        asyncio.get_running_loop().call_later(0.1, lambda: closing.append(asyncio.ensure_future(end())))
        closing: list[Any] = []

        async def end() -> None:
            await service.close()

        if not stream:

            async def receive() -> Any:
                await asyncio.sleep(60)

            with pytest.raises(ApiError) as told:
                await while_there(Request(SCOPE, receive), service, ticket)
            found = told.value.as_dict()
        else:
            lines = [line async for line in Stream(service, ticket).events()]
            found = json.loads(lines[-1][6:])
        await asyncio.gather(*closing)
        return found

    assert in_time(go())["error"]["code"] == "not_ready"


def test_a_plan_that_probes_waits_for_its_turn_and_pays_for_it(in_time: InTime) -> None:
    async def go() -> None:
        catalogue = catalogue_of(FakePolicy(solutions))
        service = Service(ServeSettings(concurrency=1), catalogue)
        me = service.keys.named({})
        async with service.room.place(me.name):
            asked = asyncio.create_task(plan_of(service, {**BODY, "probe": True}, me))
            await asyncio.sleep(0.05)
            assert (asked.done(), service.room.n_waiting) == (False, 1)
            free = await plan_of(service, BODY, me)
            assert (free["probes"], free["bill"]["policy_calls"]) == (0, 0)
        probed = await asked
        assert probed["chosen"]
        assert (probed["probes"], probed["bill"]["policy_calls"]) == (2, 2)  # a greedy solution and a sample
        await service.close()

    in_time(go())


def test_a_reservation_is_only_made_for_what_is_let_in(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails before is no one's spending."""
    served = serve()

    def fail(*_: object) -> None:
        raise RuntimeError("no span")

    monkeypatch.setattr("tts_select.serving.tickets.RunSpan", fail)
    with pytest.raises(RuntimeError, match="no span"):
        served.service.admit(read_chat(BODY), served.service.keys.named({}))
    assert served.service.purses._db.execute("SELECT count(*) FROM reserved").fetchone() == (0,)


def test_texts_of_keys_and_errors_are_in_no_log(
    serve: Callable[..., Served], caplog: pytest.LogCaptureFixture, key_file: Any
) -> None:
    served = serve(api_keys=key_file(alice=""))
    for name, secret in (("authorization", "Bearer s3cret"), ("x-api-key", "s3cret")):
        said = served.http.get("/v1/models", headers={name: secret})
        assert said.status_code == 401
        assert "s3cret" not in said.text
    assert "s3cret" not in caplog.text
    assert app_for(served.service).debug is False
