"""Any policy as a judge: what it is asked, what its word is worth, and who pays."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tts_select import BackendError, InputError, RewardModel, load_prm
from tts_select.core.protocols import SampleRequest
from tts_select.executors.accounting import Ledger
from tts_select.executors.prms.formats import FORMATS, JUDGE
from tts_select.executors.prms.judge import PolicyJudge
from tts_select.executors.prms.rules import Verdict
from tts_select.testing import FakePolicy, FakeServer

PROBLEM, STEPS = "What is 2 + 2?", ["We add them.", "It is 4."]
SURE = math.exp(-1)
"""What a word of the fake policy is worth: its log-probability is -1."""


def rule(name: str) -> Verdict:
    found = FORMATS[name].rule
    assert isinstance(found, Verdict)
    return found


def judge(policy: FakePolicy, name: str = JUDGE) -> PolicyJudge:
    return PolicyJudge(policy, rule(name), name="fake", format_name=name)


def answering(word: str) -> FakePolicy:
    return FakePolicy(lambda request, index: word, n_parameters=50)


def scores(prm: RewardModel, *solutions: list[str], meter: Any = None) -> list[list[float]]:
    async def all_at_once() -> list[list[float]]:
        return list(await asyncio.gather(*(prm.score(PROBLEM, steps, meter=meter) for steps in solutions)))

    return asyncio.run(all_at_once())


def test_a_judge_is_a_reward_model() -> None:
    prm = judge(answering("Yes"))
    assert isinstance(prm, RewardModel)
    assert (prm.name, prm.n_parameters, prm.fingerprint) == ("fake", 50, "fake-script+judge")


@pytest.mark.parametrize(
    ("word", "expected"),
    [("Yes", SURE), (" yes", SURE), ("Y", SURE), ("No", 1 - SURE), ("no", 1 - SURE), ("Maybe", math.nan),
     ("", math.nan), ("Yesterday", math.nan)],
)  # fmt: skip
def test_the_word_and_how_sure_it_is_make_the_score(word: str, expected: float) -> None:
    assert scores(judge(answering(word)), STEPS) == [pytest.approx([expected] * 2, nan_ok=True)]


def test_a_policy_that_tells_no_likelihood_says_yes_or_no() -> None:
    class Silent(FakePolicy):
        async def sample(self, request: SampleRequest, meter: Any) -> Any:
            return await super().sample(replace(request, logprobs=False), meter)

    assert scores(judge(Silent(lambda request, index: "Yes")), STEPS) == [[1.0, 1.0]]
    assert scores(judge(Silent(lambda request, index: "No")), STEPS) == [[0.0, 0.0]]


def test_every_beginning_is_judged_by_one_greedy_token() -> None:
    policy = answering("Yes")
    scores(judge(policy), STEPS)
    first, second = policy.requests
    assert {(r.n, r.temperature, r.max_new_tokens, r.as_is) for r in policy.requests} == {(1, 0.0, 1, True)}
    assert PROBLEM in first.problem
    assert STEPS[0] in first.problem
    assert STEPS[1] not in first.problem
    assert STEPS[1] in second.problem
    assert second.problem.endswith("Is everything in it correct? Answer with one word, Yes or No.")


def test_a_critique_is_written_first_where_the_format_has_one() -> None:
    def said(request: SampleRequest, index: int) -> str:
        return "Step 1 adds well." if "[Critique]" not in request.problem else "No"

    policy = FakePolicy(said)
    assert scores(judge(policy, "generative"), STEPS[:1]) == [[pytest.approx(1 - SURE)]]
    asked, weighed = policy.requests
    assert (asked.max_new_tokens, weighed.max_new_tokens) == (rule("generative").max_tokens, 1)
    assert weighed.problem.startswith(asked.problem)
    assert "Step 1 adds well." in weighed.problem


def test_what_solutions_share_is_judged_once_and_the_first_pays() -> None:
    policy, ledger = answering("Yes"), Ledger()
    prm = judge(policy)
    meters = [ledger.phase("first"), ledger.phase("second")]

    async def both() -> None:
        await asyncio.gather(*(prm.score(PROBLEM, STEPS, meter=meter) for meter in meters))
        await prm.score(PROBLEM, [STEPS[0], "It is 5."], meter=ledger.phase("third"))

    asyncio.run(both())
    assert len(policy.requests) == 3
    first, third = ledger.bill.phases["first"], ledger.bill.phases["third"]
    assert "second" not in ledger.bill.phases
    n_read = sum(len(r.problem.split()) for r in policy.requests[:2])
    assert (first.prm_tokens, first.prm_calls, first.flops) == (n_read + 2, 2, 2 * 50 * (n_read + 2))
    assert (first.policy_prompt_tokens, first.policy_generated_tokens) == (0, 0)
    assert third.prm_calls == 1


def test_a_failure_reaches_all_who_wait_and_is_forgotten() -> None:
    policy = FakePolicy(lambda request, index: "Yes", errors={0: BackendError("it is down")})
    prm = judge(policy)

    async def twice() -> list[Any]:
        some = (prm.score(PROBLEM, STEPS[:1]) for _ in range(2))
        return list(await asyncio.gather(*some, return_exceptions=True))

    assert [str(error) for error in asyncio.run(twice())] == ["it is down"] * 2
    assert scores(prm, STEPS[:1]) == [[pytest.approx(SURE)]]


def test_one_who_waits_goes_on_where_the_first_is_given_up() -> None:
    policy = FakePolicy(lambda request, index: "Yes", delay=0.05)
    prm = judge(policy)

    async def given_up() -> list[float]:
        first = asyncio.create_task(prm.score(PROBLEM, STEPS[:1]))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(prm.score(PROBLEM, STEPS[:1]))
        await asyncio.sleep(0.01)
        first.cancel()
        return await second

    assert asyncio.run(given_up()) == [pytest.approx(SURE)]


def test_an_empty_step_is_refused() -> None:
    with pytest.raises(ValueError, match="step 1 is empty"):
        scores(judge(answering("Yes")), [" "])


def test_a_server_of_chats_is_a_prm() -> None:
    with FakeServer(lambda prompt, seed: "Yes", model="judge-7B") as server:
        prm = load_prm("openai:judge-7B", base_url=server.url, fresh=True)
        ledger = Ledger()
        (found,) = scores(prm, STEPS, meter=ledger.phase("search"))
        assert all(0 < score <= 1 for score in found)
        assert prm.fingerprint.endswith("+judge")
        assert ledger.bill.total.prm_calls == 2
        assert ledger.bill.total.policy_calls == 0


def test_a_format_that_is_not_asked_in_words_is_refused() -> None:
    with pytest.raises(InputError, match="--prm-format judge or generative; served: reads qwen2"):
        load_prm("openai:judge-7B", "qwen2.5-math-prm", base_url="http://127.0.0.1:9/v1", fresh=True)


def test_a_policy_of_transformers_is_a_judge_too(checkpoint: Callable[[str], Path]) -> None:
    prm = load_prm(str(checkpoint("generative")), JUDGE, device="cpu", fresh=True)
    assert isinstance(prm, PolicyJudge)
    (found,) = scores(prm, STEPS)
    assert len(found) == 2
