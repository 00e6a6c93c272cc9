"""Backends that misbehave, through the server: an error with its status, or the answer of what is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.executors.openai_api.faults import POISON, body, hang, reset, status
from tests.serving.fakes import Served, catalogue_of, joined, pieces
from tts_select import load_policy
from tts_select.serving.app import app_for
from tts_select.serving.service import Service
from tts_select.serving.settings import ServeSettings
from tts_select.testing import Abilities, FakeServer, Fault

SOLUTION = "We add one and one.\n\nThat makes \\boxed{2}."


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_select.executors.openai_api.client._FIRST_WAIT_S", 0.01)


@pytest.fixture
def over() -> Iterator[Callable[..., Served]]:
    """A server over a server, with options of the policy between them."""
    with ExitStack() as stack:

        def start(behind: FakeServer, *, named: dict[str, Any] | None = None, **options: Any) -> Served:
            policy: Any = load_policy("openai:fake", base_url=behind.url, fresh=True, **options)
            stack.callback(policy.close)
            behind.requests.clear()
            service = Service(
                ServeSettings(), catalogue_of(policy, **(named or {"method": "majority", "budget": 4}))
            )
            http = stack.enter_context(TestClient(app_for(service), base_url="http://127.0.0.1"))
            return Served(service, http, policy)

        yield start


@pytest.fixture
def behind() -> Iterator[FakeServer]:
    with FakeServer(lambda prompt, seed: SOLUTION) as server:
        yield server


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Served, FakeServer]]:
    """A server over a server with the usual options, for faults that leave nothing behind."""
    with FakeServer(lambda prompt, seed: SOLUTION) as server:
        policy: Any = load_policy("openai:fake", base_url=server.url, fresh=True)
        service = Service(ServeSettings(), catalogue_of(policy, method="majority", budget=4))
        with TestClient(app_for(service), base_url="http://127.0.0.1") as http:
            yield Served(service, http, policy), server
        policy.close()


@pytest.mark.parametrize("fault", [status(429), status(500), status(503), reset])
def test_what_may_pass_is_tried_again(shared: tuple[Served, FakeServer], fault: Fault) -> None:
    served, behind = shared
    behind.faults.extend([fault, fault])
    reply = served.chat().json()
    assert (reply["tts"]["answer"], reply["tts"]["errors"]) == ("2", [])


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (status(400), 424),
        (status(401), 424),
        (status(408), 424),
        (status(409), 424),
        (body(b'{"choices": [{"text": "' + POISON.encode()), 502),
        (body(b""), 502),
        (body(b"<html>" + POISON.encode() + b"</html>", "text/html"), 502),
        (body(b'{"choices": []}'), 502),
        (body(b'{"choices": [{"index": 0, "message": {"content": 7}}]}'), 502),
    ],
)
@pytest.mark.parametrize("model", ["tts-select/auto", "openai:fake"])
def test_what_will_not_pass_is_an_error_and_never_content(
    shared: tuple[Served, FakeServer], fault: Fault, expected: int, model: str
) -> None:
    served, behind = shared
    behind.faults.append(fault)
    said = served.chat(model=model)
    assert said.status_code == expected
    assert POISON not in str(said.json().get("choices", ""))
    behind.faults.append(fault)
    found = pieces(served.chat(model=model, stream=True))
    assert found[-1]["error"]["code"] in ("backend_refused", "backend_failed")
    assert joined(found[:-1]) == ""


def test_the_search_goes_on_with_what_others_wrote(over: Callable[..., Served]) -> None:
    can = Abilities(tells_logprobs=False, tells_tokens=False)  # hence a request for each sample
    with FakeServer(lambda prompt, seed: SOLUTION, can=can) as behind:
        served = over(behind)
        behind.faults.extend([body(b"{"), status(400)])
        partial = served.chat(tts={"method": "majority", "budget": 5}).json()
    assert partial["tts"]["answer"] == "2"
    assert len(partial["tts"]["errors"]) == 1
    assert partial["tts"]["votes"][0]["count"] == 3


def test_a_backend_that_hangs_holds_no_deadline_up(over: Callable[..., Served], behind: FakeServer) -> None:
    served = over(behind)
    behind.faults.extend([hang] * 3)
    began = time.monotonic()
    said = served.chat(tts={"deadline_s": 0.4})
    assert (said.status_code, said.json()["error"]["code"]) == (504, "deadline")
    assert time.monotonic() - began < 3


def test_a_backend_that_hangs_is_an_error_in_its_time(
    over: Callable[..., Served], behind: FakeServer
) -> None:
    served = over(behind, timeout=0.3)
    behind.faults.append(hang)
    said = served.chat()
    assert (said.status_code, said.json()["error"]["code"]) == (502, "backend_failed")


def test_a_backend_that_was_killed_is_an_error_and_the_server_lives_on(
    over: Callable[..., Served], behind: FakeServer
) -> None:
    served = over(behind, retries=1)
    behind.stop()
    said = served.chat()
    assert (said.status_code, said.json()["error"]["code"]) == (502, "backend_failed")
    assert served.http.get("/healthz").status_code == 200
    assert served.service.room.n_running == 0
    assert 'status="502"' in served.http.get("/metrics").text
