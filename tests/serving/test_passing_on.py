"""Replies that a server behind ours streams: the same text, as it comes, and what a part of it costs."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk
from starlette.testclient import TestClient

from tests.serving.fakes import QUESTION, Served, catalogue_of, joined, pieces
from tts_select import load_policy
from tts_select.serving.app import app_for
from tts_select.serving.chat import read_chat
from tts_select.serving.service import Service
from tts_select.serving.settings import ServeSettings
from tts_select.testing import Abilities, FakeServer, Fault

InTime = Callable[[Coroutine[Any, Any, Any]], Any]
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
WORDS = "We add one and one.\n\nIt is \\boxed{2}."


def streams(*deltas: dict[str, Any], finish: str | None = "stop", usage: Any = USAGE) -> Fault:
    """The server behind ours streams these pieces once, whatever it is asked."""

    def fault(handler: BaseHTTPRequestHandler) -> None:
        chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "fake"}
        told = [{"index": 0, "finish_reason": None, "delta": delta} for delta in deltas]
        if finish:
            told.append({"index": 0, "finish_reason": finish, "delta": {}})
        lines = [{**chunk, "choices": [choice]} for choice in told]
        lines += [{**chunk, "choices": [], "usage": usage}] if usage else []
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        for line in lines:
            handler.wfile.write(b"data: " + json.dumps(line).encode() + b"\n\n")
        if finish:
            handler.wfile.write(b"data: [DONE]\n\n")

    return fault


@pytest.fixture(scope="module")
def behind() -> Iterator[FakeServer]:
    with FakeServer(lambda prompt, seed: WORDS) as server:
        yield server


@pytest.fixture(scope="module")
def served(behind: FakeServer) -> Iterator[Served]:
    policy: Any = load_policy("openai:fake", base_url=behind.url, fresh=True, retries=0)
    service = Service(ServeSettings(), catalogue_of(policy))
    with TestClient(app_for(service), base_url="http://127.0.0.1") as http:
        yield Served(service, http, policy)
    policy.close()


@pytest.fixture(autouse=True)
def _afresh(behind: FakeServer) -> None:
    behind.requests.clear()
    behind.faults.clear()
    behind.token_seconds = 0.0


def ask(served: Served, **fields: Any) -> list[dict[str, Any]]:
    found = pieces(served.chat(model="openai:fake", stream=True, **fields))
    for piece in found:
        ChatCompletionChunk.model_validate(piece, strict=True)
    return found


def test_the_text_comes_token_by_token_and_is_that_of_the_whole(served: Served, behind: FakeServer) -> None:
    whole = served.chat(model="openai:fake").json()
    found = ask(served, stream_options={"include_usage": True})
    said = [choice["delta"] for piece in found for choice in piece["choices"]]
    assert behind.requests[1]["stream"] is True
    assert len(said) == 2 + len(WORDS.replace("\n\n", " ¶ ").split())
    assert joined(found) == whole["choices"][0]["message"]["content"] == WORDS
    assert [delta["role"] for delta in said if "role" in delta] == ["assistant"]
    assert found[-2]["choices"][0]["finish_reason"] == "stop"
    assert found[-1]["usage"] == whole["usage"]
    assert found[-2]["tts"]["bill"]["policy_generated_tokens"] == whole["usage"]["completion_tokens"]


def test_it_comes_while_it_is_written(behind: FakeServer, in_time: InTime) -> None:
    go_on = threading.Event()

    def waits(handler: BaseHTTPRequestHandler) -> None:
        streams({"content": "First"}, finish=None, usage=None)(handler)
        go_on.wait(10)
        streams({"content": ", last"})(handler)

    async def go() -> None:
        policy: Any = load_policy("openai:fake", base_url=behind.url, fresh=True)
        behind.faults.append(waits)
        told: list[str] = []
        messages = [{"role": "user", "content": QUESTION}]
        asked = policy.pass_on(
            {"messages": messages}, NoMeter(), lambda c: told.append(c["delta"]["content"])
        )
        task = asyncio.create_task(asked)
        while not told:
            await asyncio.sleep(0.01)
        assert told == ["First"]
        task.cancel()
        go_on.set()
        policy.close()

    in_time(go())


class NoMeter:
    def charge(self, cost: Any) -> None:
        """Whatever it is."""


def test_tool_calls_thoughts_and_log_probabilities_come_along(served: Served, behind: FakeServer) -> None:
    def call(k: int, **function: str) -> dict[str, Any]:
        return {"index": k, "function": function}

    named = {"id": "call_1", "type": "function"}
    behind.faults.append(
        streams(
            {"role": "assistant", "content": None, "reasoning_content": "Let me "},
            {"role": "assistant", "reasoning_content": "add."},
            {"tool_calls": [{**call(0, name="add", arguments=""), **named}]},
            {"tool_calls": [call(0, arguments='{"a"')]},
            {"tool_calls": [call(0, arguments=": 1}"), {**call(1, name="sub", arguments="{}"), "id": "c2"}]},
            finish="tool_calls",
        )
    )
    found = ask(served, tools=[TOOL])
    assert joined(found, "reasoning_content") == "Let me add."
    deltas = [d["tool_calls"] for p in found for c in p["choices"] if "tool_calls" in (d := c["delta"])]
    assert [call["function"].get("arguments") for calls in deltas for call in calls] == [
        "", '{"a"', ": 1}", "{}",
    ]  # fmt: skip
    assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"
    told = pieces(served.chat(model="openai:fake", stream=True, logprobs=True))
    tokens = [t for p in told for c in p["choices"] if c["logprobs"] for t in c["logprobs"]["content"]]
    assert "".join(token["token"] for token in tokens) == WORDS


def test_calls_in_pieces_are_put_together(behind: FakeServer, in_time: InTime) -> None:
    async def go() -> Any:
        policy: Any = load_policy("openai:fake", base_url=behind.url, fresh=True)
        behind.faults.append(
            streams(
                {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f"}}]},
                {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]},
                {"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g", "arguments": "1"}}]},
                {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]},
            )
        )
        messages = [{"role": "user", "content": QUESTION}]
        found = await policy.pass_on({"messages": messages}, NoMeter(), lambda choice: None)
        policy.close()
        return found["choices"][0]["message"]

    assert in_time(go())["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "function": {"name": "g", "arguments": "1"}},
    ]


@pytest.mark.parametrize(
    "fault",
    [
        streams({"content": "It is"}, finish=None),
        streams({"content": 7}),
        streams({"tool_calls": [{"index": 9, "function": {"arguments": ""}}]}),
        streams(finish=None, usage=None),
    ],
    ids=["cut", "no-text", "out-of-order", "nothing"],
)
def test_a_stream_that_is_not_whole_is_an_error_and_the_end(
    served: Served, behind: FakeServer, fault: Fault
) -> None:
    behind.faults.append(fault)
    said = served.chat(model="openai:fake", stream=True)
    assert pieces(said)[-1]["error"]["code"] == "backend_failed"
    assert "[DONE]" not in said.text


def test_a_server_that_will_not_stream_is_asked_for_the_whole(served: Served, behind: FakeServer) -> None:
    def refuses(handler: BaseHTTPRequestHandler) -> None:
        handler.send_error(422, "stream_options is unknown")

    behind.faults.append(refuses)
    assert joined(ask(served)) == WORDS
    assert [request.get("stream", False) for request in behind.requests] == [True, False]


@pytest.mark.parametrize(
    ("stream", "tells", "fields", "expected"),
    [
        (False, True, {"max_tokens": 50}, 50),
        (False, True, {}, 4096),
        (True, True, {"max_tokens": 50}, None),
        (True, False, {"max_tokens": 50}, 50),
        (False, True, {"model": "tts-select/auto", "tts": {"max_tokens_total": 100}}, 100),
    ],
)
def test_what_a_cut_off_request_may_have_cost_is_booked_and_said(
    in_time: InTime, stream: bool, tells: bool, fields: dict[str, Any], expected: int | None
) -> None:
    """A server that counts its pieces is believed; else the most that it may have written is booked."""

    async def go(behind: FakeServer) -> tuple[int, dict[str, Any]]:
        policy: Any = load_policy("openai:fake", base_url=behind.url, fresh=True)
        service = Service(ServeSettings(), catalogue_of(policy))
        behind.requests.clear()
        behind.token_seconds = 0.02
        told: list[Any] = []
        chat = {"model": "openai:fake", "messages": [{"role": "user", "content": QUESTION}], **fields}
        ticket = service.admit(read_chat(chat), service.keys.named({}))
        ticket.told = told.append if stream else None
        task = service.start(ticket)
        while not (behind.requests and (len(told) > 3 or not stream)):
            await asyncio.sleep(0.005)
        task.cancel()
        while (spent := service.purses.spent("anyone").tokens) == 0:
            await asyncio.sleep(0.02)
        await service.close()
        policy.close()
        return spent, ticket.run.as_dict()

    can = Abilities(tells_tokens=tells)
    with FakeServer(lambda prompt, seed: "so " * 200, can=can) as behind:
        spent, run = in_time(go(behind))
    bill = run["tts"]["bill"]
    assert (run["status"], spent) == ("cancelled", bill["policy_generated_tokens"])
    if expected is None:
        assert 1 <= spent < 50
        assert "unsure" not in bill
    else:
        assert spent == expected
        assert "cancelled before its server told the cost" in bill["unsure"][0]
