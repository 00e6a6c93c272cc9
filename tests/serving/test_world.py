"""The server of a newcomer: the shipped router on the embedded models."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.testclient import TestClient

from tts_select import Selector, solve
from tts_select.data.world.suite import generate
from tts_select.serving.app import app_for
from tts_select.serving.chat import read_chat
from tts_select.serving.service import Service
from tts_select.serving.settings import ServeSettings

ANSWER = "Start with 14. Multiply by 3. Subtract 2. Add 7. What is the result?"


@pytest.fixture(scope="module")
def service() -> Service:
    found = Service(ServeSettings())
    found.load()
    return found


def body(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": "tts-select/auto", "messages": [{"role": "user", "content": text}], **fields}


def test_answers_are_those_of_solve_with_the_same_seed(service: Service) -> None:
    """Many at once, against one after the other. Before a search the server writes one solution more: it asks
    whether the request is a problem at all, which the first sample of any other arm tells."""
    problems = [problem.problem for problem in generate(6, seed=77, split="test")]

    async def ask(text: str) -> tuple[Any, ...]:
        request = read_chat(body(text, seed=3, reasoning_effort="low"))
        reply = await service.start(service.admit(request, service.keys.named({})))
        return told(reply.tts["answer"], reply.text, reply.tts["plan"]["reason"], reply.usage)  # type: ignore[index]

    async def all_at_once() -> list[tuple[Any, ...]]:
        return await asyncio.gather(*map(ask, problems))

    def told(answer: str | None, text: str, reason: str, usage: dict[str, Any]) -> tuple[Any, ...]:
        n_tokens = None if "dvts" in reason else usage["completion_tokens"]
        return answer, text, reason, n_tokens

    selector = Selector.load()
    alone = [selector.solve(text, seed=3, effort="low") for text in problems]
    expected = [
        told(s.answer, s.text, s.plan.reason, {"completion_tokens": s.bill.total.policy_generated_tokens})
        for s in alone
    ]
    assert asyncio.run(all_at_once()) == expected
    assert any(n_tokens is not None for *_, n_tokens in expected)


def test_a_method_may_be_named_and_its_prm_is_the_embedded_one(service: Service) -> None:
    http = TestClient(app_for(service), base_url="http://localhost")
    reply = http.post("/v1/chat/completions", json=body(ANSWER, tts={"method": "beam", "budget": 4})).json()
    expected = solve(ANSWER, method="beam", budget=4)
    assert reply["tts"]["answer"] == expected.answer
    # what the PRM has in its cache by then differs with the tests before, and so does the last digit
    assert reply["tts"]["confidence"] == pytest.approx(expected.confidence, abs=1e-5)
    assert reply["tts"]["plan"]["prm"] == "world:prm"
    assert reply["tts"]["bill"]["prm_tokens"] > 0


def test_runners_up_say_why_they_lost(service: Service) -> None:
    http = TestClient(app_for(service), base_url="http://localhost")
    plan = http.post("/v1/chat/completions", json=body(ANSWER)).json()["tts"]["plan"]
    assert len(plan["runners_up"]) == 3
    assert all(o["why"].startswith(f"worth {o['value']:.3f}, and ") for o in plan["runners_up"])
    values = [option["value"] for option in plan["runners_up"]]
    assert values == sorted(values, reverse=True)


def test_a_problem_of_another_world_is_refused_with_the_reason(service: Service) -> None:
    http = TestClient(app_for(service), base_url="http://localhost")
    said = http.post("/v1/chat/completions", json=body("Why is the sky blue?"))
    assert said.status_code == 400
    assert "the embedded models read only the problems of" in said.json()["error"]["message"]


def test_a_plan_by_the_text_has_no_probe_to_pay_for(service: Service) -> None:
    http = TestClient(app_for(service), base_url="http://localhost")
    for asked in (body(ANSWER), body(ANSWER, probe=True)):
        plan = http.post("/v1/tts/plan", json=asked).json()
        assert (plan["probes"], plan["bill"]["policy_calls"]) == (0, 0)
        assert plan["options"][0]["name"] == plan["chosen"]
