"""Whether a server is ready: its models are loaded, and their servers answer."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.serving.fakes import catalogue_of
from tts_select import BackendError, load_policy
from tts_select.core.protocols import check_alive
from tts_select.executors.accounting import Ledger
from tts_select.serving.app import app_for
from tts_select.serving.readiness import Readiness
from tts_select.serving.service import Service
from tts_select.serving.settings import ServeSettings
from tts_select.testing import FakePolicy, FakeServer


class Moody(FakePolicy):
    """Is there, or is not."""

    is_down, n_asked = False, 0

    async def check_alive(self) -> None:
        self.n_asked += 1
        await asyncio.sleep(0.01)
        if self.is_down:
            raise BackendError("http://10.0.0.1 is gone")


@pytest.fixture
def behind() -> Iterator[FakeServer]:
    with FakeServer(lambda prompt, seed: "It is \\boxed{2}.") as server:
        yield server


def test_a_backend_that_is_gone_is_named_and_its_address_is_not(
    behind: FakeServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    policy: Any = load_policy("openai:fake", base_url=behind.url, fresh=True)
    service = Service(ServeSettings(), catalogue_of(policy))
    with TestClient(app_for(service), base_url="http://localhost") as http:
        monkeypatch.setattr("tts_select.serving.readiness.KEPT_S", 0.0)
        assert http.get("/readyz").json() == {"status": "ready", "models": 6}
        behind.stop()
        with caplog.at_level(logging.WARNING, "tts_select"):
            late = [http.get("/readyz") for _ in range(2)]
        assert http.get("/healthz").status_code == 200
    assert [(said.status_code, said.headers["retry-after"]) for said in late] == [(503, "10")] * 2
    error = late[0].json()["error"]
    assert (error["code"], error["message"]) == ("backend_down", "no answer from openai:fake")
    assert len(caplog.records) == 1
    assert "127.0.0.1" in caplog.text
    policy.close()


def test_backends_are_asked_once_in_ten_seconds_however_many_want_to_know() -> None:
    clock = [100.0]
    policy, other = Moody("?"), FakePolicy("?")

    async def go() -> None:
        readiness = Readiness(lambda: clock[0])
        models = {"moody": policy, "here": other}
        assert await asyncio.gather(*(readiness.down(models) for _ in range(5))) == [[]] * 5
        policy.is_down = True
        clock[0] += 9
        assert await readiness.down(models) == []
        clock[0] += 1
        assert await readiness.down(models) == ["moody"]
        assert policy.n_asked == 2

    asyncio.run(go())


def test_a_server_that_is_busy_is_there_and_one_that_hangs_is_not(
    behind: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts_select.executors.openai_api.client._ALIVE_S", 0.1)
    policy: Any = load_policy("openai:fake", base_url=behind.url, fresh=True, concurrency=1)
    slow, go_on = threading.Event(), threading.Event()

    def answer(handler: BaseHTTPRequestHandler, status: int = 429) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        slow.set()
        go_on.wait(5)

    async def ask() -> None:
        behind.faults.append(hang)
        meter = Ledger().phase("sample")
        room = asyncio.create_task(policy.pass_on({"messages": [{"role": "user", "content": "1"}]}, meter))
        await asyncio.to_thread(slow.wait, 5)
        await check_alive(policy)  # though the only place is taken
        room.cancel()
        monkeypatch.setattr(handler_of(behind), "do_GET", answer)
        await check_alive(policy)
        monkeypatch.setattr(handler_of(behind), "do_GET", lambda self: answer(self, 401))
        with pytest.raises(BackendError, match="refused the key"):
            await check_alive(policy)
        monkeypatch.setattr(handler_of(behind), "do_GET", hang)
        with pytest.raises(BackendError, match="did not answer within"):
            await check_alive(policy)

    asyncio.run(ask())
    go_on.set()
    policy.close()


def handler_of(server: FakeServer) -> Any:
    assert server._http is not None
    return server._http.RequestHandlerClass
