"""Streams: the same text as unstreamed, what is done meanwhile, and errors that are no content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from tests.serving.fakes import Served, joined, pieces
from tts_select import BackendError

Serve = Callable[..., Served]


def test_a_stream_says_what_the_whole_reply_says(serve: Serve) -> None:
    served = serve()
    whole = served.chat(seed=3).json()
    said = served.chat(seed=3, stream=True)
    found = pieces(said)
    for piece in found:
        ChatCompletionChunk.model_validate(piece, strict=True)
    assert said.headers["content-type"].startswith("text/event-stream")
    assert said.text.endswith("data: [DONE]\n\n")
    assert found[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert joined(found) == whole["choices"][0]["message"]["content"]
    assert found[-1]["choices"][0]["finish_reason"] == "stop"
    assert found[-1]["tts"]["answer"] == whole["tts"]["answer"]
    assert all("usage" not in piece for piece in found)


def test_usage_comes_last_if_it_is_asked_for(serve: Serve) -> None:
    served = serve()
    found = pieces(served.chat(stream=True, stream_options={"include_usage": True}))
    assert found[-1]["choices"] == []
    assert found[-1]["usage"]["completion_tokens"] == served.chat().json()["usage"]["completion_tokens"]


def test_each_step_is_told_as_reasoning_unless_it_is_not_wanted(serve: Serve) -> None:
    served = serve(named={"method": "adaptive", "budget": 16})
    told = pieces(served.chat(stream=True))
    quiet = served.chat(stream=True, tts={"progress": False})
    silent = pieces(quiet)
    lines = joined(told, "reasoning_content").splitlines()
    assert len(lines) == len(told[-1]["tts"]["steps"]) > 1
    assert lines[0].startswith("adaptive@16 fake, 4 done: 3 for 2, 1 for 3, confidence 0.75; ")
    assert joined(silent, "reasoning_content") == ""
    assert quiet.text.count(": still at it\n\n") >= len(lines)
    assert joined(silent) == joined(told)


def test_a_long_silence_has_heartbeats(serve: Serve) -> None:
    said = serve(delay=0.2, heartbeat_s=0.05, named={"method": "cot"}).chat(stream=True)
    assert said.text.count(": still at it\n\n") >= 2
    assert joined(pieces(said)) == "We add.\n\nIt is \\boxed{2}."


def test_an_error_behind_the_first_byte_is_a_frame_and_the_end(serve: Serve) -> None:
    served = serve(errors={0: BackendError("the model fell over")})
    said = served.chat(stream=True)
    found = pieces(said)
    assert said.status_code == 200
    assert "[DONE]" not in said.text
    assert found[-1]["error"]["code"] == "backend_failed"
    assert joined(found[:-1]) == ""


@pytest.mark.parametrize("fields", [{"tts": {"budget": -1}}, {"model": "nobody"}])
def test_an_error_before_the_first_byte_has_its_status(serve: Serve, fields: dict[str, Any]) -> None:
    said = serve().chat(stream=True, **fields)
    assert said.status_code in (400, 404)
    assert "error" in said.json()
