"""Thinking models behind servers, with a parser of thoughts or without: a thought is no step, no answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tts_select import InputError, solve
from tts_select.testing import Abilities, FakeRewardModel, FakeServer

SOLUTION = "We add.\n\nIt is \\boxed{4}."
THOUGHT = "Is it \\boxed{5}?\n\nNo, " + "and so on " * 30
"""Longer than what a first look sees, with an answer that must not be one."""
PLACES = ["apart", "in content", "opened"]
HALF = FakeRewardModel(lambda _, steps: [0.5] * len(steps))


def write(prompt: str, _seed: int) -> str:
    return SOLUTION.removeprefix("We add.\n\n") if prompt.endswith("We add.\n\n") else SOLUTION


def thinker(place: Any, **more: Any) -> FakeServer:
    return FakeServer(write, can=Abilities(thinks=place, **more), thought=THOUGHT)


@pytest.mark.parametrize("deadline", [None, 60.0], ids=["whole", "streamed"])
@pytest.mark.parametrize("place", PLACES)
def test_a_thought_is_no_step_and_no_answer(
    policy_at: Callable[..., Any], place: str, deadline: float | None
) -> None:
    with thinker(place) as server:
        policy = policy_at(server)
        found = solve("2 + 2?", policy=policy, prm=HALF, method="best_of_n", budget=2, deadline=deadline)
        with pytest.raises(InputError, match="thinks before it answers"):
            solve("2 + 2?", policy=policy, prm=HALF, method="beam", budget=2)
    assert policy.solution_tokens == 8192
    assert found.plan.settings.max_new_tokens == 8192
    assert {c.candidate.steps for c in found.candidates} == {("We add.", "It is \\boxed{4}.")}
    assert found.answer == "4"
    assert server.requests[-1]["messages"][0]["role"] == "user"  # thinking@1 has no system message


@pytest.mark.parametrize("place", PLACES)
def test_a_thought_that_was_cut_is_no_answer(policy_at: Callable[..., Any], place: str) -> None:
    with thinker(place) as server:
        found = solve("2 + 2?", policy=policy_at(server), method="majority", budget=2, max_new_tokens=20)
    assert (found.answer, found.text) == (None, "")
    assert [(c.candidate.steps, c.candidate.finish) for c in found.candidates] == [((), "length")] * 2


@pytest.mark.parametrize("switch", ["enable_thinking", "thinking"])
@pytest.mark.parametrize("place", PLACES)
def test_thinking_is_switched_off_by_what_the_template_reads(
    policy_at: Callable[..., Any], place: str, switch: str
) -> None:
    with thinker(place, switch=switch) as server:
        policy = policy_at(server, thinking=False)
        found = solve("2 + 2?", policy=policy, prm=HALF, method="beam", budget=2)
    assert all(request["chat_template_kwargs"][switch] is False for request in server.requests[-3:])
    assert found.answer == "4"
    assert found.candidates[0].candidate.steps == ("We add.", "It is \\boxed{4}.")
    assert policy.solution_tokens == 2048


@pytest.mark.parametrize("place", PLACES)
def test_a_model_that_goes_on_thinking_is_refused(policy_at: Callable[..., Any], place: str) -> None:
    with (
        thinker(place, switch=None) as server,
        pytest.raises(InputError, match="goes on thinking") as refused,
    ):
        policy_at(server, thinking=False)
    assert "drop thinking=false" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("thinks", "is_fine"), [("no", True), ("in content", False)])
def test_a_server_that_takes_no_switch_is_asked_without(
    policy_at: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, thinks: Any, is_fine: bool
) -> None:
    """Hosted servers refuse fields that they do not know."""
    from tts_select.testing import server as shipped

    known = shipped._Handler._answer

    def strict(handler: Any, body: dict[str, Any]) -> None:
        if "chat_template_kwargs" in body:
            handler._send(400, {"error": {"message": "Unrecognized request argument"}})
        else:
            known(handler, body)

    monkeypatch.setattr(shipped._Handler, "_answer", strict)
    with FakeServer(write, can=Abilities(thinks=thinks)) as server:
        if not is_fine:
            with pytest.raises(InputError, match="goes on thinking"):
                policy_at(server, thinking=False)
            return
        policy = policy_at(server, thinking=False)
        assert solve("2 + 2?", policy=policy, prm=HALF, method="beam", budget=2).answer == "4"
    assert "chat_template_kwargs" not in server.requests[-1]


def test_without_a_word_on_thinking_nothing_is_sent(policy_at: Callable[..., Any]) -> None:
    with thinker("in content") as server:
        solve("2 + 2?", policy=policy_at(server), method="cot")
    assert not any("chat_template_kwargs" in request for request in server.requests)


def test_a_server_is_looked_at_once(policy_at: Callable[..., Any]) -> None:
    """What it thinks, that is: a fresh policy of the same server and model costs no second text."""

    def texts(server: FakeServer) -> int:
        return sum(request["max_tokens"] > 1 for request in server.requests)

    with thinker("opened") as server, FakeServer(write) as other:
        policy_at(server)
        n_looks = texts(server)
        assert policy_at(server).solution_tokens == 8192
        assert 0 < texts(server) == n_looks
        assert policy_at(other).solution_tokens == 2048
        policy_at(server, thinking=False)  # another question
        assert texts(server) > n_looks


def test_a_field_for_thoughts_that_is_always_empty_says_nothing(
    policy_at: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tts_select.testing import server as shipped

    known = shipped._Handler._choice

    def with_field(*arguments: Any, **more: Any) -> Any:
        choice = known(*arguments, **more)
        choice.get("message", {})["reasoning_content"] = ""
        return choice

    monkeypatch.setattr(shipped._Handler, "_choice", with_field)
    with FakeServer(lambda *_: "It is \\boxed{4}.") as server:
        policy = policy_at(server)
    assert (policy.why_no_steps, policy.solution_tokens) == (None, 2048)


def test_a_thought_that_nobody_foresaw_is_cut_off(policy_at: Callable[..., Any]) -> None:
    """A model that thinks about hard problems alone."""

    def write_late(prompt: str, _seed: int) -> str:
        return f"<think>\n{THOUGHT}\n</think>\n\n{SOLUTION}" if "hard" in prompt else SOLUTION

    with FakeServer(write_late) as server:
        policy = policy_at(server)
        found = solve("A hard one?", policy=policy, method="majority", budget=2)
    assert policy.solution_tokens == 2048
    assert {c.candidate.steps for c in found.candidates} == {("We add.", "It is \\boxed{4}.")}
    assert found.answer == "4"


def test_thinking_is_seen_without_chats_too(policy_at: Callable[..., Any]) -> None:
    def write_plain(_prompt: str, _seed: int) -> str:
        return f"<think>\n{THOUGHT}\n</think>\n\n{SOLUTION}"

    with FakeServer(write_plain, can=Abilities(chats=False)) as server:
        policy = policy_at(server)
        found = solve("2 + 2?", policy=policy, method="majority", budget=2)
        with pytest.raises(InputError, match="goes on thinking"):
            policy_at(server, thinking=False)
    assert (found.answer, policy.solution_tokens) == ("4", 8192)
