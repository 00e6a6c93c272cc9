"""`solve` and its options, over fakes."""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import Any

import pytest

from tts_select import BackendError, InputError, Problem, UnknownName, asolve, solve
from tts_select.core.protocols import Continuation, SampleRequest
from tts_select.testing import FakePolicy, FakeRewardModel

RIGHT, WRONG = ("two and two", "\\boxed{4}"), ("two and three", "\\boxed{5}")
PRM = FakeRewardModel({RIGHT[0]: 0.9, RIGHT[1]: 0.9, WRONG[0]: 0.2, WRONG[1]: 0.1})

COST_KEYS = {
    "policy_prompt_tokens",
    "policy_reused_tokens",
    "policy_generated_tokens",
    "prm_tokens",
    "prm_reused_tokens",
    "flops",
    "seconds",
    "phases",
}


def write(request: SampleRequest, index: int) -> str:
    """Wrong two times out of three, whole or step by step."""
    if request.steps:
        return RIGHT[1] if request.steps == RIGHT[:1] else WRONG[1]
    return "\n\n".join(RIGHT if index % 3 == 0 else WRONG)


def options(**changes: Any) -> dict[str, Any]:
    return {"policy": FakePolicy(write), "prm": PRM, "budget": 6, **changes}


def test_the_prm_finds_the_answer_that_the_majority_misses() -> None:
    assert solve("2 + 2?", **options(method="majority")).answer == "5"
    for method in ("best_of_n", "beam", "dvts"):
        assert solve("2 + 2?", **options(method=method)).answer == "4"


def test_the_json_has_the_keys_of_the_contract() -> None:
    record = json.loads(json.dumps(solve("2 + 2?", **options(method="best_of_n")).as_dict()))
    assert set(record) == {
        "schema", "answer", "text", "confidence", "confidence_kind", "finished", "plan", "steps", "cost",
        "candidates",
    }  # fmt: skip
    assert record["schema"] == "tts-select/solution@1"
    assert set(record["plan"]) == {
        "policy", "prm", "method", "budget", "settings", "reason", "difficulty",
    }  # fmt: skip
    assert set(record["cost"]) >= COST_KEYS
    for key in COST_KEYS - {"phases", "seconds"}:
        assert record["cost"][key] == sum(phase[key] for phase in record["cost"]["phases"].values())
    for candidate in record["candidates"]:
        assert set(candidate) == {
            "text", "steps", "step_scores", "score", "answer", "finish", "tokens",
        }  # fmt: skip
    assert len(record["candidates"]) == 6


@pytest.mark.parametrize("method", ["majority", "beam"])
def test_log_probabilities_are_there_when_they_are_asked_for(method: str) -> None:
    unasked = solve("2 + 2?", **options(method=method))
    asked = solve("2 + 2?", **options(method=method, logprobs=True))
    assert all(math.isnan(c.candidate.logprob) for c in unasked.candidates)
    assert all(c.candidate.logprob == -c.candidate.n_tokens for c in asked.candidates)
    assert asked.answer == unasked.answer


def test_one_that_is_certain_outvotes_two_that_are_not() -> None:
    """Of three the ranks have 1.73, 1.41 and 1 votes; of four 2, 1.73, 1.41 and 1."""
    texts = ["It is \\boxed{4}.", "It is \\boxed{5}.", "Then \\boxed{5}.", "So \\boxed{4}."]
    certainties = dict(zip(texts, (1.0, 9.0, 8.0, 7.0), strict=True))
    policy = FakePolicy({("2 + 2?", ()): texts}, certainty=certainties.__getitem__)
    asked = {"policy": policy, "prm": None, "budget": 4}
    plain, weighed = (solve("2 + 2?", method=method, **asked) for method in ("majority", "self_certainty"))
    assert (plain.answer, plain.confidence) == ("4", 0.5)
    votes = [math.sqrt(rank) for rank in (4, 3, 2, 1)]
    assert (weighed.answer, weighed.text) == ("5", texts[1])
    assert weighed.confidence == pytest.approx((votes[0] + votes[1]) / sum(votes))
    assert [c.score for c in weighed.candidates] == pytest.approx([v / sum(votes) for v in votes])
    surest = solve("2 + 2?", method="self_certainty", selection="max", **asked)
    assert (surest.answer, surest.confidence) == ("5", pytest.approx(votes[0] / sum(votes)))
    assert [(r.top_logprobs, r.logprobs) for r in policy.requests] == [(0, False), (20, True), (20, True)]


def test_candidates_come_best_first() -> None:
    scores = [c.score for c in solve("2 + 2?", **options(method="best_of_n")).candidates]
    assert scores == sorted(scores, key=float, reverse=True)


def test_it_works_inside_a_running_event_loop() -> None:
    async def both() -> tuple[str | None, str | None]:
        inside = solve("2 + 2?", **options())
        awaited = await asolve("2 + 2?", **options())
        return inside.answer, awaited.answer

    assert asyncio.run(both()) == ("4", "4")


def test_the_rule_of_thumb_is_used_and_says_so() -> None:
    plan = solve("2 + 2?", **options(untrained_rule=True)).plan
    assert plan.method == "beam"
    assert "rule of thumb" in plan.reason
    assert solve("2 + 2?", **options(prm=None)).plan.method == "majority"


def test_one_seed_fixes_the_result() -> None:
    first, again = (solve("2 + 2?", **options(seed=4, method="dvts", logprobs=True)) for _ in range(2))
    assert (first.answer, first.candidates) == (again.answer, again.candidates)


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"method": "baem"}, "did you mean 'beam'"),
        ({"budgte": 3}, "did you mean 'budget'"),
        ({"aggregation": "median"}, "choose from"),
        ({"selection": "best"}, "choose from"),
        ({"budget": 0}, "choose from 1"),
        ({"budget": -1}, "choose from 1"),
        ({"budget": 10**9}, "choose from 1"),
        ({"temperature": -0.1}, "0 (greedy)"),
        ({"temperature": float("nan")}, "0 (greedy)"),
        ({"max_tokens": 0}, "at least 1"),
        ({"deadline": 0}, "more than 0"),
        ({"deadline": float("nan")}, "more than 0"),
        ({"method": "beam", "prm": None}, "--prm"),
        ({"policy": "world:smal"}, "did you mean 'small'"),
        ({"policy": "wrold:small"}, "did you mean 'world'"),
        ({"policy": "world:"}, "SCHEME:NAME"),
        ({"policy": ""}, "SCHEME:NAME"),
        ({"prm": "world:large"}, "choose from"),
        ({"prm": "no/such"}, "--prm-format"),
    ],
)
def test_a_bad_option_is_refused_with_the_remedy(changes: dict[str, Any], remedy: str) -> None:
    with pytest.raises(InputError) as refused:
        solve("2 + 2?", **options(**changes))
    assert remedy in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("problem", ["", " \n", Problem(" ")])
def test_an_empty_problem_is_refused(problem: str | Problem) -> None:
    with pytest.raises(InputError, match="empty"):
        solve(problem, **options())


def test_unknown_names_are_input_errors() -> None:
    assert issubclass(UnknownName, InputError)


def test_a_failed_request_is_an_error_and_never_an_answer() -> None:
    policy = FakePolicy(write, errors={0: BackendError("the answer is \\boxed{500}")})
    with pytest.raises(BackendError):
        solve("2 + 2?", **options(policy=policy, method="majority"))


@pytest.mark.parametrize("method", ["majority", "best_of_n"])
def test_what_a_failed_request_had_written_is_used_and_the_failure_is_said(method: str) -> None:
    error = BackendError("the answer is \\boxed{500}")
    error.written = [Continuation(RIGHT[1], "stop", 1, -1.0)]
    policy = FakePolicy(write, errors={0: error})
    solution = solve("2 + 2?", **options(policy=policy, method=method))
    assert solution.answer == "4"
    assert [c.answer for c in solution.candidates] == ["4"]
    assert solution.errors == (str(error),)


def test_a_search_that_fails_tells_what_was_spent() -> None:
    policy = FakePolicy(write, errors={1: BackendError("gone"), 2: BackendError("still gone")})
    with pytest.raises(BackendError, match="gone") as failed:
        solve("2 + 2?", **options(policy=policy, method="beam", budget=4))
    assert failed.value.bill is not None
    assert failed.value.bill.total.policy_generated_tokens == 4 * 3


def test_a_policy_without_steps_is_refused_for_methods_that_need_them() -> None:
    policy = FakePolicy(write)
    policy.why_no_steps = "it thinks first"  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="beam cannot run on fake: it thinks first"):
        solve("2 + 2?", **options(policy=policy, method="beam"))
    assert solve("2 + 2?", **options(policy=policy, method=None)).plan.method == "best_of_n"
    assert not any(r.stop_at_step for r in policy.requests)


def test_options_of_a_backend_do_not_go_with_a_policy_that_is_there() -> None:
    with pytest.raises(InputError, match="'base_url' is for a policy that is loaded by its spec"):
        solve("2 + 2?", **options(policy=FakePolicy(write), base_url="http://localhost"))


def test_a_deadline_ends_the_search_in_time_with_what_it_has() -> None:
    policy = FakePolicy(write, delay=0.2)
    began = time.monotonic()
    solution = solve("2 + 2?", **options(policy=policy, method="beam", deadline=0.3))
    assert solution.finished == "deadline"
    assert time.monotonic() - began < 5
    assert solution.answer is None


def test_a_cap_is_kept_and_said() -> None:
    solution = solve("2 + 2?", **options(method="majority", max_tokens=9))
    assert solution.finished == "cap"
    assert solution.bill.total.policy_generated_tokens <= 9
    assert solution.answer is not None


def test_truncated_solutions_give_no_answer() -> None:
    policy = FakePolicy(lambda *_: "\\boxed{4} " + "and so on " * 5)
    solution = solve("2 + 2?", **options(policy=policy, method="majority", max_tokens=3))
    assert (solution.answer, solution.confidence, solution.text) == (None, None, "")


def test_the_embedded_models_solve_the_example() -> None:
    problem = "Start with 14. Multiply by 3. Subtract 2. Add 7. What is the result?"
    ruled = solve(problem, untrained_rule=True)
    assert (ruled.answer, ruled.plan.prm) == ("47", "world:prm")
    assert ruled.bill.total.prm_tokens + ruled.bill.total.prm_reused_tokens > 0
    routed = solve(problem)
    assert (routed.answer, set(routed.bill.phases)) == ("47", {"search", "grading"})
    assert 0.5 < (routed.confidence or 0) < 1


def test_a_candidate_has_the_tokens_that_are_asked_for() -> None:
    found = solve("2 + 2?", **options(method="majority", max_new_tokens=2))
    assert found.plan.settings.max_new_tokens == 2
    assert {c.candidate.n_tokens for c in found.candidates} == {2}
    assert found.answer is None
    with pytest.raises(InputError, match="at most 0 new tokens: allow at least 1"):
        solve("2 + 2?", **options(max_new_tokens=0))


def test_a_policy_may_need_more_tokens_than_others() -> None:
    asked: list[int] = []

    def note(request: SampleRequest, index: int) -> str:
        asked.append(request.max_new_tokens)
        return write(request, index)

    policy: Any = FakePolicy(note)
    solve("2 + 2?", **options(policy=policy, method="majority"))
    policy.solution_tokens = 8192
    solve("2 + 2?", **options(policy=policy, method="majority"))
    solve("2 + 2?", **options(policy=policy, method="majority", max_new_tokens=100))
    assert list(dict.fromkeys(asked)) == [2048, 8192, 100]
