"""What every policy keeps, whatever runs it: the promises of the protocol that searches rely on."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tts_select import Policy, ProblemTooLong, load_policy
from tts_select.core.plan import Settings
from tts_select.core.protocols import Continuation, SampleRequest
from tts_select.core.seeds import derive_seed
from tts_select.data.world.artifacts import folder_of
from tts_select.executors.accounting import Ledger
from tts_select.executors.aggregation import rank
from tts_select.executors.limits import LimitedPolicy, Limits
from tts_select.executors.search import Search
from tts_select.testing import FakePolicy, FakeServer

PROBLEM = "Start with 14. Multiply by 3. Add 2. What is the result?"
REQUEST = SampleRequest(PROBLEM, n=4, temperature=1.8, seed=3, max_new_tokens=200)
WORDS = ("so", "we", "add", "three", "and", "five")

IN_VLLM = [
    pytest.mark.vllm,
    pytest.mark.timeout(600),  # the engine's start, on a busy machine
    pytest.mark.filterwarnings("ignore"),  # its imports warn about its own dependencies
]

InTime = Callable[[Coroutine[Any, Any, Any]], Any]


def _story(prompt: str, seed: int) -> str:
    """One to four steps of one to eight words, by the prompt and the seed alone."""
    dice = derive_seed(prompt, seed)
    steps = [
        " ".join(WORDS[derive_seed(dice, k, w) % 6] for w in range(1 + derive_seed(dice, k) % 8))
        for k in range(1 + dice % 4)
    ]
    return "\n\n".join(steps)


def _tale(request: SampleRequest, k: int) -> str:
    """The same for a fake without a server; greedy samples are alike."""
    seed = derive_seed(request.seed, k) if request.temperature else 0
    return _story(request.problem + "".join(request.steps), seed)


@pytest.fixture(
    scope="module",
    params=[
        "fake",
        "world",
        "hf",
        "openai",
        pytest.param("vllm", marks=[pytest.mark.vllm, pytest.mark.timeout(600)]),
    ],
)
def policy(request: pytest.FixtureRequest) -> Iterator[Policy]:
    if request.param == "openai":
        with FakeServer(_story, token_seconds=0.001) as server:
            found = load_policy("openai:fake", base_url=server.url, params=1e6, fresh=True)
            yield found
            found.close()  # type: ignore[attr-defined]
        return
    if request.param == "fake":
        yield FakePolicy(_tale, context=2000)
        return
    small = str(folder_of("policy", "small"))
    if request.param == "vllm":
        yield request.getfixturevalue("vllm_policy")
        return
    yield load_policy("world:small" if request.param == "world" else f"hf:{small}")


async def _sampled(policy: Policy, *requests: SampleRequest, ledger: Ledger | None = None) -> list[Any]:
    meter = (ledger or Ledger()).phase("test")
    return list(await asyncio.gather(*(policy.sample(r, meter) for r in requests)))


def _texts(written: Sequence[Continuation]) -> list[tuple[str, str, int]]:
    return [(c.text, c.finish, c.n_tokens) for c in written]


def test_it_keeps_the_protocol(policy: Policy) -> None:
    assert isinstance(policy, Policy)
    assert policy.fingerprint
    assert policy.n_parameters


def test_it_writes_as_many_as_were_asked_for(policy: Policy, in_time: InTime) -> None:
    ledger = Ledger()
    none, four = in_time(_sampled(policy, replace(REQUEST, n=0), REQUEST, ledger=ledger))
    assert none == []
    assert len(four) == 4
    assert len({c.text for c in four}) > 1
    assert {c.finish for c in four} <= {"stop", "length"}


def test_every_generated_token_is_on_the_bill_and_none_else(policy: Policy, in_time: InTime) -> None:
    ledger = Ledger()
    written = in_time(_sampled(policy, REQUEST, replace(REQUEST, seed=4, stop_at_step=True), ledger=ledger))
    total = ledger.bill.total
    assert total.policy_generated_tokens == sum(c.n_tokens for w in written for c in w)
    assert total.policy_prompt_tokens > 0
    assert total.flops == pytest.approx(
        2.0 * (policy.n_parameters or 0) * (total.policy_prompt_tokens + total.policy_generated_tokens)
    )


def test_a_request_gives_the_same_again_and_beside_others(policy: Policy, in_time: InTime) -> None:
    (alone,) = in_time(_sampled(policy, REQUEST))
    again, _, beside = in_time(_sampled(policy, REQUEST, replace(REQUEST, seed=9), REQUEST))
    assert _texts(alone) == _texts(again) == _texts(beside)


def test_a_sample_is_the_same_alone_or_among_others(policy: Policy, in_time: InTime) -> None:
    together, third = in_time(_sampled(policy, REQUEST, replace(REQUEST, n=1, first=2)))
    assert _texts(together[2:3]) == _texts(third)


def test_a_seed_makes_a_difference(policy: Policy, in_time: InTime) -> None:
    one, other = in_time(_sampled(policy, REQUEST, replace(REQUEST, seed=4)))
    assert _texts(one) != _texts(other)


def test_greedy_samples_are_all_the_same(policy: Policy, in_time: InTime) -> None:
    if policy.name.startswith("openai:"):
        pytest.skip("the fake server has no probabilities to be greedy with")
    (written,) = in_time(_sampled(policy, replace(REQUEST, temperature=0.0)))
    assert len(set(_texts(written))) == 1


def test_it_stops_at_a_step_and_keeps_the_delimiter_out(policy: Policy, in_time: InTime) -> None:
    (written,) = in_time(_sampled(policy, replace(REQUEST, n=8, stop_at_step=True)))
    assert not any(policy.step_delimiter in c.text for c in written)
    assert "step" in {c.finish for c in written} <= {"step", "stop", "length"}


def test_step_by_step_it_comes_to_an_end(policy: Policy, in_time: InTime) -> None:
    async def walk() -> list[Continuation]:
        taken: list[Continuation] = []
        steps: tuple[str, ...] = ()
        while not taken or taken[-1].finish == "step":
            assert len(taken) < 40
            request = replace(REQUEST, n=1, steps=steps, stop_at_step=True, seed=derive_seed(steps) % 1000)
            ((written,),) = await _sampled(policy, request)
            steps += (written.text,)
            taken.append(written)
        return taken

    taken = in_time(walk())
    assert taken[-1].finish == "stop"
    assert len(taken) > 1 or policy.name.startswith(("openai:", "fake"))


def test_no_text_is_longer_than_it_may_be(policy: Policy, in_time: InTime) -> None:
    (written,) = in_time(_sampled(policy, replace(REQUEST, n=8, max_new_tokens=2)))
    assert max(c.n_tokens for c in written) <= 2
    assert {c.finish for c in written if c.n_tokens == 2} >= {"length"}


def test_what_was_cut_is_told_from_what_ended_and_does_not_vote(policy: Policy, in_time: InTime) -> None:
    """Nobody knows what a cut solution would have said: it is not wrong, it is unknown."""
    for max_new_tokens, cap, finish in ((3, None, "length"), (200, 3, "cap")):
        settings = Settings(max_new_tokens=max_new_tokens, temperature=1.8, seed=3)
        limited, meter = LimitedPolicy(policy, Limits(cap)), Ledger().phase("test")
        search = Search(PROBLEM, limited, None, settings, 8, meter)
        in_time(search.solutions(8))
        assert {c.finish for c in search.pool} <= {"stop", finish}
        cut = [c for c in search.pool if c.finish == finish]
        assert cut or cap  # under a cap the last sample may just fit
        assert not any(c.is_complete for c in cut)
        assert all(r.answer is None for r in rank(cut, "last"))


def test_more_tokens_than_the_context_holds_are_not_missed(policy: Policy, in_time: InTime) -> None:
    (written,) = in_time(_sampled(policy, replace(REQUEST, max_new_tokens=100_000)))
    assert _texts(written) == _texts(in_time(_sampled(policy, REQUEST))[0])


def test_a_problem_longer_than_the_context_is_refused(policy: Policy, in_time: InTime) -> None:
    with pytest.raises(ProblemTooLong, match="shorten it"):
        in_time(_sampled(policy, replace(REQUEST, problem="Add 1. " * 5000)))


def test_at_the_deadline_it_gives_what_it_has(policy: Policy, in_time: InTime) -> None:
    ledger = Ledger()
    request = replace(REQUEST, deadline=time.monotonic() - 1)
    (written,) = in_time(_sampled(policy, request, ledger=ledger))
    assert len(written) == 4
    assert {c.finish for c in written} == {"deadline"}
    assert ledger.bill.total.policy_generated_tokens == sum(c.n_tokens for c in written)


def test_a_deadline_far_away_changes_nothing(policy: Policy, in_time: InTime) -> None:
    timed, free = in_time(_sampled(policy, replace(REQUEST, deadline=time.monotonic() + 60), REQUEST))
    assert _texts(timed) == _texts(free)


def test_log_probabilities_are_those_of_a_text(policy: Policy, in_time: InTime) -> None:
    (written,) = in_time(_sampled(policy, REQUEST))
    assert all(math.isfinite(c.logprob) and c.logprob <= 0 for c in written)


def test_certainties_are_there_when_they_are_asked_for(policy: Policy, in_time: InTime) -> None:
    asked = replace(REQUEST, top_logprobs=20)
    spared = replace(REQUEST, logprobs=False)
    timed = replace(asked, deadline=time.monotonic() + 60)
    given, none, also = in_time(_sampled(policy, asked, spared, timed))
    assert _texts(given) == _texts(none) == _texts(also)
    told = [c.certainty for c in given]
    assert all(value > 0 for value in told) or all(map(math.isnan, told))  # a policy need not tell
    assert [c.certainty for c in also] == pytest.approx(told, abs=1e-3, nan_ok=True)
    assert all(math.isnan(c.certainty) for c in none)


def test_after_a_cancelled_request_it_writes_on(policy: Policy, in_time: InTime) -> None:
    async def cancelled() -> list[Any]:
        task = asyncio.create_task(_sampled(policy, replace(REQUEST, n=64)))
        await asyncio.sleep(0.01)
        task.cancel()
        return await _sampled(policy, REQUEST)

    assert _texts(in_time(cancelled())[0]) == _texts(in_time(_sampled(policy, REQUEST))[0])
