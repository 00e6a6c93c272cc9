"""What becomes of a request: its turn, its limits, its failures, its bill, and a client that goes away."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.serving.fakes import QUESTION, Served, catalogue_of, solutions
from tts_select import BackendError, InputError, Problem
from tts_select.core.errors import CapTooLow
from tts_select.core.protocols import SampleRequest
from tts_select.executors.openai_api.client import ServerError
from tts_select.serving.chat import read_chat
from tts_select.serving.errors import ApiError
from tts_select.serving.service import Service
from tts_select.serving.settings import Caps, ServeSettings
from tts_select.testing import FakePolicy

Serve = Callable[..., Served]
InTime = Callable[[Coroutine[Any, Any, Any]], Any]
BODY = {"model": "tts-select/auto", "messages": [{"role": "user", "content": QUESTION}]}


def greeting(request: SampleRequest, index: int) -> str:
    return "Hello! How can I help you?"


def test_an_ordinary_chat_gets_one_sample_and_says_so(serve: Serve) -> None:
    served = serve(greeting)
    reply = served.chat("hello").json()
    assert reply["choices"][0]["message"]["content"] == "Hello! How can I help you?"
    assert "nothing to vote on" in reply["tts"]["plan"]["reason"]
    assert (reply["tts"]["answer"], reply["tts"]["confidence"]) == (None, None)
    assert [(r.first, r.n) for r in served.policy.requests] == [(0, 1)]


def test_a_problem_draws_no_sample_twice_though_one_came_first(serve: Serve) -> None:
    served = serve(named={"method": "majority", "budget": 5})
    served.chat()
    found = [k for r in served.policy.requests for k in range(r.first, r.first + r.n)]
    assert found == list(range(5))


def test_a_method_that_is_named_runs_on_a_chat_too(serve: Serve) -> None:
    served = serve(greeting)
    reply = served.chat("hello", tts={"method": "majority", "budget": 3}).json()
    assert reply["choices"][0]["message"]["content"] == "Hello! How can I help you?"
    assert sum(r.n for r in served.policy.requests) == 3


def test_the_whole_history_reaches_the_policy(serve: Serve) -> None:
    served = serve()
    messages = [
        {"role": "system", "content": "Be exact."},
        {"role": "user", "content": "1 + 1?"},
        {"role": "assistant", "content": "3"},
        {"role": "user", "content": "Sure?"},
    ]
    served.chat(messages)
    assert [(m.role, m.text) for m in served.policy.requests[0].chat] == [
        (m["role"], m["content"]) for m in messages
    ]


def test_a_request_may_lower_the_caps_of_the_server_and_not_raise_them(serve: Serve) -> None:
    served = serve(caps=Caps(max_tokens=20), named={"method": "majority", "budget": 16})
    lower = served.chat(tts={"max_tokens_total": 10}).json()
    higher = served.chat(tts={"max_tokens_total": 1000}).json()
    assert lower["usage"]["completion_tokens"] <= 10
    assert 10 < higher["usage"]["completion_tokens"] <= 20
    assert lower["tts"]["limits_met"] == higher["tts"]["limits_met"] == ["cap"]


def test_max_tokens_caps_each_candidate(serve: Serve) -> None:
    reply = serve(named={"method": "majority", "budget": 3}).chat(max_tokens=2).json()
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["completion_tokens"] == 3 * 2
    assert reply["tts"]["plan"]["max_new_tokens"] == 2


def test_stop_strings_cut_the_reply_and_leave_the_answer(serve: Serve) -> None:
    reply = serve().chat(stop=["It is"]).json()
    assert reply["choices"][0]["message"]["content"] == "We add.\n\n"
    assert reply["tts"]["answer"] == "2"


def test_what_does_not_count_is_listed(serve: Serve) -> None:
    served = serve()
    reply = served.chat(temperature=0.0, logprobs=True).json()
    assert [line.partition(":")[0] for line in reply["tts"]["ignored"]] == ["logprobs", "temperature"]
    assert served.policy.requests[0].temperature == 0.7


def test_an_answer_that_is_not_sure_enough_is_withheld(serve: Serve) -> None:
    reply = serve(named={"method": "majority", "budget": 3}).chat(tts={"min_confidence": 0.9}).json()
    message = reply["choices"][0]["message"]
    assert (message["content"], reply["tts"]["answer"], reply["tts"]["votes"]) == ("", None, [])
    assert "0.67 is below min_confidence" in message["refusal"]
    assert reply["tts"]["withheld"] is True


def test_candidates_are_shown_if_they_are_asked_for(serve: Serve) -> None:
    reply = serve(named={"method": "majority", "budget": 3}).chat(tts={"show": "candidates"}).json()
    assert [c["answer"] for c in reply["tts"]["candidates"]] == ["2", "2", "3"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (BackendError("fell over"), 502, "backend_failed"),
        (ServerError("overloaded", status=503, retryable=True), 502, "backend_failed"),
        (ServerError("what is no response"), 502, "backend_failed"),
        (ServerError("the key is refused", status=401), 424, "backend_refused"),
        (ServerError("no such model", status=404), 424, "backend_refused"),
        (InputError("it cannot be read"), 400, "invalid_value"),
        (CapTooLow("the caps are below the cheapest arm"), 422, "budget_too_small"),
    ],
)
def test_each_failure_has_a_status_that_makes_clients_do_the_right_thing(
    serve: Serve, error: Exception, status: int, code: str
) -> None:
    said = serve(errors=dict.fromkeys(range(9), error)).chat()
    assert (said.status_code, said.json()["error"]["code"]) == (status, code)


def test_a_problem_that_is_too_long_is_said_as_openai_says_it(serve: Serve) -> None:
    said = serve(context=2).chat()
    assert (said.status_code, said.json()["error"]["code"]) == (400, "context_length_exceeded")


def test_an_error_of_ours_tells_no_details(serve: Serve) -> None:
    served = serve(errors={0: RuntimeError("secret")}, named={"method": "cot"})
    with pytest.raises(RuntimeError, match="secret"):
        served.chat()
    said = served.chat(stream=False)
    assert said.status_code == 200


def test_a_deadline_with_candidates_is_an_answer_and_without_is_none(serve: Serve) -> None:
    slow = serve(delay=0.3, named={"method": "adaptive", "budget": 64})
    some = slow.chat(tts={"deadline_s": 0.8})
    none = serve(delay=0.6, named={"method": "cot"}).chat(tts={"deadline_s": 0.05})
    assert (some.status_code, some.json()["tts"]["limits_met"]) == (200, ["deadline"])
    assert (none.status_code, none.json()["error"]["code"]) == (504, "deadline")


def test_waiting_is_part_of_the_deadline(serve: Serve) -> None:
    served = serve(delay=0.3, concurrency=1, named={"method": "cot"})
    found: list[int] = []
    first = threading.Thread(target=lambda: found.append(served.chat().status_code))
    first.start()
    time.sleep(0.1)
    late = served.chat(tts={"deadline_s": 0.1})
    first.join()
    assert (found, late.status_code) == ([200], 504)
    assert len(served.policy.requests) == 1


def test_a_full_queue_is_429_before_anything_runs(serve: Serve) -> None:
    served = serve(delay=0.4, concurrency=1, queue=0, named={"method": "cot"})
    first = threading.Thread(target=served.chat)
    first.start()
    time.sleep(0.1)
    full = served.chat(stream=True)
    first.join()
    assert (full.status_code, full.json()["error"]["code"]) == (429, "queue_full")
    assert int(full.headers["retry-after"]) >= 1


def test_a_client_that_goes_away_ends_its_run_and_pays_for_it(in_time: InTime) -> None:
    """Whatever was in flight charges its bill when it ends, cancelled or not."""
    stopped: list[bool] = []

    class Slow(FakePolicy):
        async def sample(self, request: SampleRequest, meter: Any) -> Any:
            if len(self.requests) < 2:
                return await super().sample(request, meter)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                stopped.append(True)
                loop = asyncio.get_running_loop()
                cost = self._cost(request, [self._continuation(request, 0, 1.0)])
                loop.call_later(0.1, lambda: meter.charge(cost))  # as a worker does at its next tick
                raise

    async def go() -> None:
        policy = Slow(solutions)
        service = Service(ServeSettings(), catalogue_of(policy, method="adaptive", budget=16))
        ticket = service.admit(read_chat(BODY), service.keys.named({}))
        task = service.start(ticket)
        while len(policy.requests) < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        task.cancel()
        while service.purses.spent("anyone").tokens == 0:
            await asyncio.sleep(0.02)
        assert stopped == [True]
        assert ticket.run.status == "cancelled"
        assert service.purses.spent("anyone").tokens == 4 * 5 + 5
        assert service.room.n_running == 0
        await service.close()

    in_time(go())


def test_shutting_down_books_what_still_runs(in_time: InTime) -> None:
    async def go() -> None:
        service = Service(ServeSettings(), catalogue_of(FakePolicy(solutions, delay=60)))
        ticket = service.admit(read_chat(BODY), service.keys.named({}))
        never_began = service.admit(read_chat(BODY), service.keys.named({}))
        service.start(ticket)
        await asyncio.sleep(0.05)
        service.start(never_began)
        booked: list[str] = []
        book = service.purses.book
        service.purses.book = lambda run, *spent: (booked.append(run), book(run, *spent))[1]  # type: ignore
        await service.close()
        assert set(booked) == {ticket.run.id, never_began.run.id}
        with pytest.raises(ApiError) as closed:
            service.admit(read_chat(BODY), service.keys.named({}))
        assert (closed.value.status, closed.value.code) == (503, "not_ready")

    in_time(go())


def test_requests_in_flight_do_not_mix(in_time: InTime) -> None:
    def write(request: SampleRequest, index: int) -> str:
        return f"It is \\boxed{{{request.problem.split()[-1]}}}."

    async def go() -> None:
        service = Service(ServeSettings(concurrency=8), catalogue_of(FakePolicy(write, delay=0.01)))

        async def ask(k: int) -> str:
            body = {**BODY, "messages": [{"role": "user", "content": f"What is {k}"}]}
            reply = await service.start(service.admit(read_chat(body), service.keys.named({})))
            return str(reply.tts["answer"])

        assert await asyncio.gather(*map(ask, range(40))) == [str(k) for k in range(40)]
        await service.close()

    in_time(go())


def test_answers_are_those_of_the_same_session(serve: Serve) -> None:
    served = serve(named={"method": "adaptive", "budget": 32})
    selector, options = served.service.catalogue.selector, served.service.catalogue.options
    for seed in range(4):
        alone = asyncio.run(selector.session(Problem(QUESTION), seed=seed, **options).run())
        reply = served.chat(seed=seed).json()
        assert (reply["tts"]["answer"], reply["tts"]["confidence"]) == (alone.answer, alone.confidence)
        assert reply["choices"][0]["message"]["content"] == alone.text
