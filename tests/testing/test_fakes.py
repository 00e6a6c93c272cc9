"""The shipped fakes do what the protocols say, so that tests on them mean something."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

import pytest

from tts_select.core.cost import Cost
from tts_select.core.errors import BackendError
from tts_select.core.protocols import Continuation, SampleRequest
from tts_select.executors.accounting import Ledger
from tts_select.testing import FakePolicy, FakeRewardModel

PROBLEM = "How many are there?"
SCRIPT = {
    (PROBLEM, ()): ["one two\n\nthree four five", "six", "seven\n\n\n\neight"],
    (PROBLEM, ("one two",)): ["nine ten"],
}


def sampled(policy: FakePolicy, **request: Any) -> tuple[list[Continuation], Cost]:
    ledger = Ledger()
    meter = ledger.phase("search")
    return asyncio.run(policy.sample(SampleRequest(PROBLEM, **request), meter)), ledger.bill.total


def texts(policy: FakePolicy, **request: Any) -> list[tuple[str, str, int]]:
    return [(c.text, c.finish, c.n_tokens) for c in sampled(policy, **request)[0]]


def test_texts_are_given_in_turn_whatever_else_is_asked_for() -> None:
    policy = FakePolicy(SCRIPT)
    many = texts(policy, n=5)
    assert [t for t, _, _ in many] == [SCRIPT[PROBLEM, ()][k % 3] for k in range(5)]
    assert [texts(policy, first=k)[0] for k in range(5)] == many


def test_only_the_first_step_is_given_when_that_is_asked_for() -> None:
    assert texts(FakePolicy(SCRIPT), n=3, stop_at_step=True) == [
        ("one two", "step", 2),
        ("six", "stop", 1),
        ("seven", "step", 1),
    ]


def test_a_continuation_depends_on_the_steps_so_far() -> None:
    assert texts(FakePolicy(SCRIPT), steps=("one two",)) == [("nine ten", "stop", 2)]


@pytest.mark.parametrize(
    ("most", "text", "finish", "n_tokens"),
    [
        (1, "one", "length", 1),
        (3, "one two\n\nthree", "length", 3),
        (4, "one two\n\nthree four", "length", 4),
        (5, "one two\n\nthree four five", "stop", 5),
    ],
)
def test_a_text_is_cut_after_so_many_words(most: int, text: str, finish: str, n_tokens: int) -> None:
    assert texts(FakePolicy(SCRIPT), max_new_tokens=most) == [(text, finish, n_tokens)]


def test_a_function_sees_the_request_and_the_index_of_the_sample() -> None:
    policy = FakePolicy(lambda request, index: f"{request.seed} {index}")
    assert [t for t, _, _ in texts(policy, n=2, first=3, seed=7)] == ["7 3", "7 4"]


def test_a_call_is_charged_once_with_the_words_that_it_read_and_wrote() -> None:
    _, cost = sampled(FakePolicy(SCRIPT, n_parameters=10), n=3, steps=())
    assert cost == Cost(
        policy_prompt_tokens=4,
        policy_reused_tokens=8,
        policy_generated_tokens=8,
        policy_calls=1,
        flops=2 * 10 * (4 + 8),
        dollars=math.nan,  # no price is known
    )


def test_requests_are_kept() -> None:
    policy = FakePolicy(SCRIPT)
    sampled(policy, n=2)
    sampled(policy, n=1, seed=3)
    assert [(r.n, r.seed) for r in policy.requests] == [(2, 0), (1, 3)]


def test_the_call_that_should_fail_fails_and_costs_nothing() -> None:
    policy, ledger = FakePolicy(SCRIPT, errors={1: BackendError("down")}), Ledger()

    async def three_calls() -> list[Any]:
        meter = ledger.phase("search")
        calls = (policy.sample(SampleRequest(PROBLEM), meter) for _ in range(3))
        return await asyncio.gather(*calls, return_exceptions=True)

    results = asyncio.run(three_calls())
    assert [isinstance(r, BackendError) for r in results] == [False, True, False]
    assert ledger.bill.total.policy_calls == 2


def test_a_script_without_the_text_is_an_error_and_no_silence() -> None:
    with pytest.raises(KeyError):
        sampled(FakePolicy(SCRIPT), steps=("unheard of",))


def test_writing_stops_at_the_deadline() -> None:
    policy = FakePolicy(lambda *_: "w " * 100, delay=60)
    began = time.monotonic()
    (cut,), _ = sampled(policy, deadline=began + 0.05)
    assert cut.finish == "deadline"
    assert cut.n_tokens == len(cut.text.split()) < 100
    assert texts(policy, deadline=began) == [("", "deadline", 0)]


def test_a_deadline_that_is_far_changes_nothing() -> None:
    policy = FakePolicy(SCRIPT, delay=0.01)
    assert texts(policy, deadline=time.monotonic() + 60) == texts(FakePolicy(SCRIPT))


def test_steps_are_scored_from_the_table_or_by_the_function() -> None:
    table = FakeRewardModel({"a": 0.1, "b": 0.2})
    assert asyncio.run(table.score(PROBLEM, ["b", "a", "b"])) == [0.2, 0.1, 0.2]
    function = FakeRewardModel(lambda problem, steps: [len(steps) / 10] * len(steps))
    assert asyncio.run(function.score(PROBLEM, ("x", "y"))) == [0.2, 0.2]
    assert table.calls == [(PROBLEM, ("b", "a", "b"))]


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_an_empty_step_is_rejected(empty: str) -> None:
    with pytest.raises(ValueError, match="step 2 is empty"):
        asyncio.run(FakeRewardModel(lambda *_: [1.0]).score(PROBLEM, ["a", empty]))


def test_scoring_is_charged_where_there_is_a_meter() -> None:
    prm, ledger = FakeRewardModel({"a b": 0.1}, n_parameters=10), Ledger()
    asyncio.run(prm.score(PROBLEM, ["a b"], meter=ledger.phase("search")))
    assert ledger.bill.total == Cost(prm_tokens=6, prm_calls=1, flops=120, dollars=math.nan)
    assert asyncio.run(prm.score(PROBLEM, ["a b"])) == [0.1]
    with pytest.raises(KeyError):
        asyncio.run(prm.score(PROBLEM, ["c"]))
