"""The API in the shape that OpenAI's clients read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from openai.types import Model
from openai.types.chat import ChatCompletion
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.serving.fakes import QUESTION, Served, catalogue_of, solutions
from tts_select import solve
from tts_select.serving.app import app_for
from tts_select.serving.service import Service
from tts_select.serving.settings import ServeSettings
from tts_select.testing import FakePolicy

Serve = Callable[..., Served]
TTS = {
    "run_id", "answer", "confidence", "confidence_kind", "withheld", "plan", "steps", "votes", "bill",
    "limits_met", "errors", "ignored",
}  # fmt: skip


def test_a_reply_has_the_answer_of_solve_and_openais_shape(serve: Serve) -> None:
    said = serve().chat(seed=5)
    expected = solve(QUESTION, policy=FakePolicy(solutions), seed=5)
    reply = said.json()
    parsed = ChatCompletion.model_validate(reply, strict=True)
    assert said.status_code == 200
    assert parsed.choices[0].message.content == expected.text
    assert parsed.choices[0].finish_reason == "stop"
    assert set(reply["tts"]) == TTS
    assert (reply["tts"]["answer"], reply["tts"]["confidence"]) == (expected.answer, expected.confidence)
    assert reply["tts"]["confidence_kind"] == "prior"
    assert reply["tts"]["plan"]["reason"] == expected.plan.reason


def test_usage_is_the_sum_of_all_calls(serve: Serve) -> None:
    served = serve(named={"method": "majority", "budget": 5})
    reply = served.chat().json()
    bill, usage = reply["tts"]["bill"], reply["usage"]
    assert usage["completion_tokens"] == bill["policy_generated_tokens"] == 5 * 5
    assert usage["prompt_tokens"] == bill["policy_prompt_tokens"] + bill["policy_reused_tokens"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens_details"] == {"reasoning_tokens": None}
    assert bill["dollars"] is None


def test_headers_have_the_run_its_confidence_and_its_tokens(serve: Serve) -> None:
    said = serve().chat()
    run = said.json()["tts"]
    assert said.headers["x-tts-run-id"] == said.headers["x-request-id"] == run["run_id"]
    assert float(said.headers["x-tts-confidence"]) == pytest.approx(run["confidence"], abs=1e-3)
    assert int(said.headers["x-tts-total-tokens"]) == said.json()["usage"]["total_tokens"]


def test_votes_are_counted_over_all_that_was_written(serve: Serve) -> None:
    reply = serve(named={"method": "majority", "budget": 6}).chat().json()
    assert [(vote["answer"], vote["count"]) for vote in reply["tts"]["votes"]] == [("2", 4), ("3", 2)]


def test_a_model_can_be_looked_up(serve: Serve) -> None:
    http = serve().http
    assert http.get("/v1/models/tts-select/auto").json()["id"] == "tts-select/auto"
    assert http.get("/v1/models/gpt-9").json()["error"]["code"] == "model_not_found"


def test_models_are_the_efforts_a_quick_one_and_the_policies(serve: Serve) -> None:
    cards = serve().http.get("/v1/models").json()["data"]
    assert [Model.model_validate(card, strict=True).id for card in cards] == [
        *(f"tts-select/{name}" for name in ("auto", "low", "medium", "high", "fast")),
        "fake",
    ]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/chat/completions", b"{", 400, "invalid_json"),
        ("/v1/chat/completions", b"[" * 100_000, 400, "invalid_json"),
        ("/v1/chat/completions", b"[]", 400, "invalid_value"),
        ("/v1/embeddings", b"{}", 404, "no_such_endpoint"),
        ("/v1/models", b"{}", 405, "no_such_endpoint"),
    ],
)
def test_what_is_no_request_gets_openais_error_object(
    serve: Serve, path: str, body: bytes, status: int, code: str
) -> None:
    said = serve().http.post(path, content=body, headers={"content-type": "application/json"})
    assert said.status_code == status
    assert said.json()["error"]["code"] == code
    assert set(said.json()["error"]) == {"message", "type", "param", "code"}


def test_a_body_that_is_too_large_is_not_read_to_its_end(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts_select.serving.bodies.MOST_BYTES", 100)
    said = serve().chat("1 + 1? " * 100)
    assert (said.status_code, said.json()["error"]["code"]) == (413, "too_large")


def test_a_page_in_a_browser_cannot_ask_unasked(serve: Serve) -> None:
    served = serve()
    posted = served.http.post("/v1/chat/completions", content="{}", headers={"content-type": "text/plain"})
    rebound = served.http.get("/v1/models", headers={"host": "evil.example"})
    by_v6 = served.http.get("/v1/models", headers={"host": "[::1]:8484"})
    assert (posted.status_code, rebound.status_code, by_v6.status_code) == (415, 400, 200)


def test_health_is_said_at_once_and_readiness_when_models_are_there() -> None:
    catalogue = catalogue_of(FakePolicy(solutions))
    service = Service(ServeSettings(), catalogue)
    with TestClient(app_for(service), base_url="http://localhost") as http:
        assert http.get("/readyz").status_code == 200
        service.is_closing = True
        late = http.get("/readyz")
        assert (late.status_code, late.headers["retry-after"]) == (503, "5")
        assert http.get("/healthz").json() == {"status": "ok"}


def test_it_may_have_further_routes() -> None:
    async def page(_: Any) -> PlainTextResponse:
        return PlainTextResponse("here")

    service = Service(ServeSettings(), catalogue_of(FakePolicy(solutions)))
    with TestClient(app_for(service, [Route("/more", page)]), base_url="http://localhost") as http:
        assert http.get("/more").text == "here"


def test_models_that_cannot_be_loaded_end_the_server() -> None:
    service, ended = Service(ServeSettings(router=None)), []
    service.load = lambda: (_ for _ in ()).throw(RuntimeError("no such model"))  # type: ignore[method-assign]
    with TestClient(app_for(service, on_failure=lambda: ended.append(True)), base_url="http://localhost"):
        pass
    assert ended == [True]
