"""What a request says, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from tts_select.core.problem import Message
from tts_select.serving.chat import ChatRequest, read_chat
from tts_select.serving.errors import ApiError

USER = {"role": "user", "content": "1 + 1?"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {}}}


def read(*messages: dict[str, Any], **fields: Any) -> ChatRequest:
    return read_chat({"model": "m", "messages": list(messages or [USER]), **fields})


def test_a_question_alone_is_the_problem_as_solve_has_it() -> None:
    problem = read({"role": "user", "content": [{"type": "text", "text": " 1 + 1?\n"}]}).problem("r")
    assert (problem.text, problem.chat, problem.id) == ("1 + 1?", (), "r")


def test_a_whole_history_goes_along_in_messages_and_in_one_text() -> None:
    said = [
        {"role": "developer", "content": "Be brief."},
        USER,
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "And 2 + 2?"},
    ]
    problem = read(*said).problem("r")
    assert problem.text == "Be brief.\n\n1 + 1?\n\n2\n\nAnd 2 + 2?"
    assert [message.role for message in problem.chat] == ["system", "user", "assistant", "user"]
    assert problem.chat[-1] == Message("user", "And 2 + 2?")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 3}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "1 + 1?"}, "messages"),
        ({"messages": [{"role": "user", "content": "  "}]}, "messages"),
        ({"messages": [{"role": "oracle", "content": "?"}]}, "messages[0]"),
        ({"messages": [{"role": ["user"], "content": "?"}]}, "messages[0]"),
        ({"messages": [["user", "?"]]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content"),
        ({"n": 2}, "n"),
        ({"seed": 1.5}, "seed"),
        ({"seed": 1 << 70}, "seed"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": True}, "max_completion_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"stop": [1]}, "stop"),
        ({"temperature": 3}, "temperature"),
        ({"top_p": float("nan")}, "top_p"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"response_format": "json"}, "response_format"),
        ({"tts": []}, "tts"),
        ({"tts": {"budget": 0}}, "tts.budget"),
        ({"tts": {"method": "magic"}}, "tts.method"),
        ({"tts": {"deadline_s": "soon"}}, "tts.deadline_s"),
        ({"tts": {"show": ["none"]}}, "tts.show"),
        ({"tts": {"max_dollars": 10**400}}, "tts.max_dollars"),
        ({"tts": {"max_tokens_total": 10**30}}, "tts.max_tokens_total"),
        ({"tts": {"x" * 9999: 1}}, f"tts.{'x' * 80}"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as refused:
        read_chat({"model": "m", "messages": [USER], **fields})
    assert (refused.value.status, refused.value.param) == (400, param)


def test_an_unknown_key_of_tts_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(
        ApiError, match=r"no key 'base_url': choose from price, max_flops, .*, progress"
    ) as no:
        read(tts={"base_url": "http://10.0.0.1"})
    assert (no.value.status, no.value.code, no.value.param) == (400, "unknown_parameter", "tts.base_url")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, IMAGE]}]}, "images"),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, "images"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "json_schema"),
        ({"tools": [TOOL]}, "tools may be called"),
        ({"tools": [TOOL], "tool_choice": "required"}, "must be called"),
        ({"messages": [USER, {"role": "tool", "content": "2", "tool_call_id": "c"}]}, "tools"),
    ],
)
def test_what_cannot_be_voted_on_is_known_beforehand(fields: dict[str, Any], why: str) -> None:
    assert why in str(read_chat({"model": "m", "messages": [USER], **fields}).unvotable)


@pytest.mark.parametrize(
    "fields", [{"response_format": {"type": "text"}}, {"tools": [TOOL], "tool_choice": "none"}]
)
def test_what_can_be_voted_on_is(fields: dict[str, Any]) -> None:
    assert read(**fields).unvotable is None


def test_fields_that_are_not_known_are_listed_and_those_that_ask_nothing_are_not() -> None:
    assert read(user="me", store=True, logprobs=True, mystery=1, seed=None).extra == ("logprobs", "mystery")


def test_what_is_said_of_fields_is_short_however_many_and_long_they_are() -> None:
    extra = read(**{"x" * 500 + str(k): 1 for k in range(100)}).extra
    assert (len(extra), {len(name) for name in extra}) == (32, {80})
    for fields in ({"reasoning_effort": "x" * 9999}, {"seed": "x" * 9999}, {"n": 2}):
        with pytest.raises(ApiError) as refused:
            read(**fields)
        assert len(str(refused.value)) < 300
