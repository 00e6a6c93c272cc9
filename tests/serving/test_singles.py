"""What cannot be voted on: passed on to a server as it came, or said to be impossible."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from openai.types.chat import ChatCompletion
from starlette.testclient import TestClient

from tests.serving.fakes import QUESTION, Served, catalogue_of
from tts_select import load_policy
from tts_select.core.pricing import TokenPrice
from tts_select.serving.app import app_for
from tts_select.serving.service import Service
from tts_select.serving.settings import ServeSettings
from tts_select.testing import FakeServer, Fault

TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
IMAGE = [
    {"type": "text", "text": "What is this?"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
]
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def answers(message: dict[str, Any], finish: str = "stop", usage: dict[str, int] | None = USAGE) -> Fault:
    """The server behind ours says this once, whatever it is asked."""

    def fault(handler: BaseHTTPRequestHandler) -> None:
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        body = {"id": "x", "object": "chat.completion", "created": 1, "model": "fake", "choices": [choice]}
        content = json.dumps({**body, **({"usage": usage} if usage else {})}).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return fault


@pytest.fixture(scope="module")
def behind() -> Iterator[FakeServer]:
    with FakeServer(lambda prompt, seed: "It is \\boxed{2}.") as server:
        yield server


@pytest.fixture(scope="module")
def served(behind: FakeServer) -> Iterator[Served]:
    policy: Any = load_policy("openai:fake", base_url=behind.url, fresh=True)
    service = Service(ServeSettings(), catalogue_of(policy))
    with TestClient(app_for(service), base_url="http://127.0.0.1") as http:
        yield Served(service, http, policy)
    policy.close()


@pytest.fixture(autouse=True)
def _afresh(behind: FakeServer) -> None:
    behind.requests.clear()
    behind.faults.clear()
    behind.token_seconds = 0.0


@pytest.mark.parametrize(
    "fields",
    [{"tools": [TOOL]}, {"tools": [TOOL], "tool_choice": "required"}, {"response_format": SCHEMA}],
    ids=["tools", "a-call", "schema"],
)
def test_it_is_passed_on_whole_as_one_sample_and_says_so(
    served: Served, behind: FakeServer, fields: dict[str, Any]
) -> None:
    behind.faults.append(answers({"content": "{}"}))
    reply = served.chat(temperature=0.1, seed=4, max_tokens=50, stop=["##"], **fields).json()
    (sent,) = behind.requests
    assert {name: sent[name] for name in fields} == fields
    assert sent["messages"] == [{"role": "user", "content": QUESTION}]
    assert (sent["temperature"], sent["seed"], sent["max_tokens"], sent["stop"]) == (0.1, 4, 50, ["##"])
    assert "tts" not in sent
    assert "not votable" in reply["tts"]["plan"]["reason"]
    assert (reply["choices"][0]["message"]["content"], reply["usage"]["total_tokens"]) == ("{}", 10)


def test_images_go_along(served: Served, behind: FakeServer) -> None:
    behind.faults.append(answers({"content": "A cat."}))
    reply = served.chat(IMAGE).json()
    assert behind.requests[0]["messages"][0]["content"] == IMAGE
    assert reply["choices"][0]["message"]["content"] == "A cat."


def test_calls_of_tools_come_back_and_content_is_never_null(served: Served, behind: FakeServer) -> None:
    behind.faults.append(answers({"content": None, "tool_calls": [CALL]}, "tool_calls"))
    whole = served.chat(tools=[TOOL]).json()
    ChatCompletion.model_validate(whole, strict=True)
    assert whole["choices"][0]["message"] == {
        "role": "assistant", "content": "", "refusal": None, "tool_calls": [CALL],
    }  # fmt: skip
    assert whole["choices"][0]["finish_reason"] == "tool_calls"


def test_usage_that_is_not_told_is_null_and_not_0(served: Served, behind: FakeServer) -> None:
    behind.faults.append(answers({"content": "Hm."}, usage=None))
    assert served.chat(tools=[TOOL]).json()["usage"] is None


def test_a_policy_by_its_id_is_asked_without_a_word_of_ours(served: Served, behind: FakeServer) -> None:
    reply = served.chat(model="openai:fake", temperature=0.3).json()
    assert behind.requests[0]["messages"] == [{"role": "user", "content": QUESTION}]
    assert behind.requests[0]["temperature"] == 0.3
    assert reply["choices"][0]["message"]["content"] == "It is \\boxed{2}."
    assert reply["usage"]["completion_tokens"] == 3


def test_the_routed_policy_reads_the_whole_chat_with_our_words_in_front(
    served: Served, behind: FakeServer
) -> None:
    said = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "1 + 1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "Sure?"},
    ]
    served.chat(said)
    system, *rest = behind.requests[0]["messages"]
    assert system["role"] == "system"
    assert system["content"].startswith("Solve the problem step by step")
    assert system["content"].endswith("\n\nBe kind.")
    assert rest == said[1:]


def test_a_deadline_holds_for_one_sample_too(served: Served, behind: FakeServer) -> None:
    behind.token_seconds = 0.3
    said = served.chat(model="openai:fake", tts={"deadline_s": 0.2})
    assert (said.status_code, said.json()["error"]["code"]) == (504, "deadline")


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (IMAGE, {}),
        (QUESTION, {"response_format": SCHEMA}),
        (QUESTION, {"tools": [TOOL], "tool_choice": "required"}),
    ],
)
def test_a_policy_that_writes_text_alone_refuses_what_it_would_spoil(
    serve: Callable[..., Served], content: Any, fields: dict[str, Any]
) -> None:
    said = serve().chat(content, **fields)
    assert said.status_code == 400
    assert "reads and writes text alone" in said.json()["error"]["message"]


def test_tools_that_need_not_be_called_are_left_out_and_it_says_so(serve: Callable[..., Served]) -> None:
    served = serve()
    reply = served.chat(tools=[TOOL]).json()
    assert reply["tts"]["ignored"] == ["tools: fake writes text alone"]
    assert len(served.policy.requests) == 1


def test_dollars_cap_one_sample_too(serve: Callable[..., Served]) -> None:
    priced = serve(price=TokenPrice(0.0, 1e6, 0.0))  # a dollar for each token that is written
    reply = priced.chat(model="fake", tts={"max_dollars": 2.0}).json()
    assert reply["usage"]["completion_tokens"] == 2
    assert priced.chat(model="fake", tts={"max_dollars": 0.5}).status_code == 422
    unpriced = serve().chat(model="fake", tts={"max_dollars": 2.0})
    assert "price of fake is not known" in unpriced.json()["error"]["message"]
