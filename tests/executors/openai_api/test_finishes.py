"""Why a server says that it ended a text: one odd choice costs itself and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tts_select import BackendError, solve
from tts_select.testing import Abilities, FakeServer

FAILED = ["content_filter", "abort", "error", None, "tool_calls", "function_call", "SAFETY", "refusal"]
ENDED = ["stop", "eos", "eos_token", "end_turn", "stop_sequence", "STOP"]
CUT = ["length", "max_tokens", "model_length", "MAX_TOKENS"]
N_TOKENS = 3
"""Of a solution."""


def write(_prompt: str, _seed: int) -> str:
    return "It is \\boxed{4}."


@pytest.mark.parametrize("deadline", [None, 60.0], ids=["whole", "streamed"])
@pytest.mark.parametrize("odd", FAILED)
def test_a_choice_that_failed_costs_itself_and_is_said(
    policy_at: Callable[..., Any], odd: str | None, deadline: float | None
) -> None:
    with FakeServer(write, finishes={1: odd}) as server:
        found = solve("2 + 2?", policy=policy_at(server), method="majority", budget=4, deadline=deadline)
    assert (found.answer, len(found.candidates)) == ("4", 3)
    assert len(found.errors) == 1
    assert odd is None or f"'{odd}'" in found.errors[0]
    assert found.bill.total.policy_generated_tokens == 4 * N_TOKENS  # the lost one was paid for


@pytest.mark.parametrize("deadline", [None, 60.0], ids=["whole", "streamed"])
@pytest.mark.parametrize("word", ENDED)
def test_every_word_for_the_end_of_a_text_is_one(
    policy_at: Callable[..., Any], word: str, deadline: float | None
) -> None:
    with FakeServer(write, finishes={1: word}) as server:
        found = solve("2 + 2?", policy=policy_at(server), method="majority", budget=4, deadline=deadline)
    assert [c.candidate.finish for c in found.candidates] == ["stop"] * 4
    assert (found.answer, found.errors) == ("4", ())


@pytest.mark.parametrize("word", CUT)
def test_every_word_for_a_text_that_was_cut_is_one(policy_at: Callable[..., Any], word: str) -> None:
    """It is no answer and no failure."""
    with FakeServer(write, finishes={1: word}) as server:
        found = solve("2 + 2?", policy=policy_at(server), method="majority", budget=4)
    assert sorted(c.candidate.finish for c in found.candidates) == ["length", "stop", "stop", "stop"]
    assert sorted(str(c.answer) for c in found.candidates) == ["4", "4", "4", "None"]
    assert (found.answer, found.confidence, found.errors) == ("4", 1.0, ())


def test_failures_of_several_kinds_are_all_named_once(policy_at: Callable[..., Any]) -> None:
    odd = {0: "abort", 2: "content_filter", 3: "abort"}
    with FakeServer(write, finishes=odd) as server:
        found = solve("2 + 2?", policy=policy_at(server), method="majority", budget=5)
    assert found.answer == "4"
    (said,) = found.errors
    assert said.count("'abort'") == said.count("'content_filter'") == 1
    assert "3 of 5 solutions" in said


def test_where_every_choice_failed_that_is_the_error(policy_at: Callable[..., Any]) -> None:
    with FakeServer(write, finishes=dict.fromkeys(range(4), "content_filter")) as server:
        policy = policy_at(server)
        with pytest.raises(BackendError, match="content_filter") as failed:
            solve("2 + 2?", policy=policy, method="majority", budget=4)
    assert failed.value.bill is not None
    assert failed.value.bill.total.policy_generated_tokens == 4 * N_TOKENS


def test_what_a_failed_choice_took_counts_under_a_cap(policy_at: Callable[..., Any]) -> None:
    with FakeServer(write, finishes={0: "abort"}) as server:
        policy = policy_at(server)
        for cap in (9, 12, 13, 20, 21):
            options = {"max_new_tokens": N_TOKENS, "max_tokens": cap}
            found = solve("2 + 2?", policy=policy, method="majority", budget=8, **options)
            assert found.bill.total.policy_generated_tokens <= cap


def test_a_choice_that_cannot_be_read_costs_itself(policy_at: Callable[..., Any]) -> None:
    """Here its content is no text."""

    def spoil(handler: Any) -> None:
        choices = [
            {"index": k, "finish_reason": "stop", "message": {"content": text}, "token_ids": [1, 2]}
            for k, text in enumerate(["\\boxed{4}", 7, "\\boxed{4}"])
        ]
        handler._send(200, {"choices": choices, "usage": {"prompt_tokens": 1, "completion_tokens": 6}})

    with FakeServer(write) as server:
        policy = policy_at(server)
        server.faults.append(spoil)
        found = solve("2 + 2?", policy=policy, method="majority", budget=3)
    assert ([c.answer for c in found.candidates], len(found.errors)) == (["4", "4"], 1)


def test_a_server_that_answers_one_by_one_loses_one(policy_at: Callable[..., Any]) -> None:
    """Each sample is a request of its own there, and all of them are cut off by a filter."""
    can = Abilities(tells_logprobs=False, tells_tokens=False)
    with FakeServer(write, can=can) as server:
        policy = policy_at(server)
        server.finishes[0] = "content_filter"
        with pytest.raises(BackendError, match="content_filter"):
            solve("2 + 2?", policy=policy, method="majority", budget=3)
