"""What Open WebUI sends, replayed: the list of models, a chat, and the jobs that it runs beside a chat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.serving.fakes import Served, joined, pieces
from tts_select.core.protocols import SampleRequest

HEADERS = {
    "authorization": "Bearer alice",
    "X-OpenWebUI-User-Name": "Alice",
    "X-OpenWebUI-Chat-Id": "6b9c",
}
CHAT = [
    {"role": "system", "content": "You are a tutor."},
    {"role": "user", "content": "What is 1 + 1?"},
    {"role": "assistant", "content": "It is 2."},
    {"role": "user", "content": "And twice that?"},
]
TITLE = "### Task:\nWrite a short title for the chat, as JSON.\n<chat_history>"
TAGS = "### Task:\nName one to three topics of the chat, as JSON.\n<chat_history>"


def write(request: SampleRequest, index: int) -> str:
    if request.problem.startswith("### Task"):
        return '{ "title": "Sums" }'
    return f"We double it.\n\nIt is \\boxed{{{5 if index == 2 else 4}}}."


@pytest.fixture
def served(serve: Callable[..., Served], key_file: Callable[..., Path]) -> Served:
    return serve(write, api_keys=key_file(alice=""))


def send(served: Served, **body: Any) -> Any:
    return served.http.post("/v1/chat/completions", json=body, headers=HEADERS)


def test_the_list_of_models_fills_its_menu(served: Served) -> None:
    cards = served.http.get("/v1/models", headers=HEADERS).json()["data"]
    assert {"tts-select/auto", "tts-select/fast"} <= {card["id"] for card in cards}


def test_a_chat_streams_its_thought_its_text_and_its_usage(served: Served) -> None:
    said = send(
        served,
        stream=True,
        model="tts-select/auto",
        messages=CHAT,
        stream_options={"include_usage": True},
        temperature=0.8,
        max_tokens=512,
    )
    found = pieces(said)
    assert joined(found).startswith("We double it.")
    assert "for 4" in joined(found, "reasoning_content")
    assert found[-1]["usage"]["total_tokens"] > 0
    assert said.text.endswith("data: [DONE]\n\n")
    assert [m.text for m in served.policy.requests[0].chat] == [m["content"] for m in CHAT]


@pytest.mark.parametrize("prompt", [TITLE, TAGS])
def test_its_other_jobs_cost_one_sample_with_the_task_model(served: Served, prompt: str) -> None:
    said = send(
        served,
        model="tts-select/fast",
        messages=[{"role": "user", "content": prompt}],
        stream=False,
        max_completion_tokens=1000,
    )
    assert said.json()["choices"][0]["message"]["content"] == '{ "title": "Sums" }'
    (request,) = served.policy.requests
    assert (request.n, request.as_is, request.max_new_tokens) == (1, True, 1000)


def test_with_the_same_model_they_cost_one_sample_too(served: Served) -> None:
    """It is seen in the first one that there is nothing to vote on."""
    send(served, model="tts-select/auto", messages=[{"role": "user", "content": TITLE}], stream=False)
    assert [(r.first, r.n) for r in served.policy.requests] == [(0, 1)]
