"""The policy in real vLLM, in this process; what all policies keep is in the conformance suite."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from tts_select import InputError, UnknownName, load_policy, load_prm, solve
from tts_select.core.protocols import SampleRequest, forget
from tts_select.data.world.artifacts import folder_of
from tts_select.data.world.suite import generate
from tts_select.executors.accounting import Ledger

N_PROBLEMS = 20
N_TO_AGREE = 18  # float ties may go either way in another runtime
MAX_NEW_TOKENS = 256
PROBLEM = "Start with 14. Multiply by 3. Add 2. What is the result?"
LONG = "Start with 14. " + "Add 2. " * 60 + "What is the result?"
"""Longer than a block of vLLM's prefix cache, which is found as a whole or not at all."""

InTime = Callable[[Coroutine[Any, Any, Any]], Any]

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(600),  # the engine's start, on a busy machine
    pytest.mark.filterwarnings("ignore"),
]


def test_it_writes_what_transformers_write(vllm_policy: Any) -> None:
    problems = [p.problem for p in generate(N_PROBLEMS, seed=1)]

    async def written(by: Any) -> list[tuple[str, str, int]]:
        meter = Ledger().phase("test")
        requests = [SampleRequest(p, temperature=0.0, max_new_tokens=MAX_NEW_TOKENS) for p in problems]
        found = await asyncio.gather(*(by.sample(r, meter) for r in requests))
        return [(w[0].text, w[0].finish, w[0].n_tokens) for w in found]

    theirs = asyncio.run(written(vllm_policy))
    ours = asyncio.run(written(load_policy("world:small", device="cpu")))
    assert sum(a == b for a, b in zip(theirs, ours, strict=True)) >= N_TO_AGREE


def test_it_is_the_same_model_with_the_same_fingerprint(vllm_policy: Any) -> None:
    here = load_policy("world:small", device="cpu")
    assert vllm_policy.fingerprint == here.fingerprint
    assert vllm_policy.n_parameters == here.n_parameters


@pytest.mark.parametrize("method", ["majority", "best_of_n", "beam", "dvts", "adaptive"])
def test_every_method_runs_on_it_and_is_repeatable(vllm_policy: Any, method: str) -> None:
    prm = load_prm("world:prm", device="cpu")
    first, again = (solve(PROBLEM, policy=vllm_policy, prm=prm, method=method, budget=8) for _ in range(2))
    assert first.answer == "44"
    assert [c.text for c in first.candidates] == [c.text for c in again.candidates]


def test_prompt_tokens_in_the_cache_are_counted_apart(vllm_policy: Any, in_time: InTime) -> None:
    ledger = Ledger()

    async def twice() -> None:
        for phase in ("first", "second"):
            await vllm_policy.sample(SampleRequest(LONG, max_new_tokens=4), ledger.phase(phase))

    in_time(twice())
    first, second = (ledger.bill.phases[phase] for phase in ("first", "second"))
    n_prompt = first.policy_prompt_tokens + first.policy_reused_tokens
    assert second.policy_reused_tokens > 0
    assert second.policy_prompt_tokens + second.policy_reused_tokens == n_prompt


def test_without_log_probabilities_it_writes_the_same(vllm_policy: Any, in_time: InTime) -> None:
    request = SampleRequest(PROBLEM, n=4, max_new_tokens=MAX_NEW_TOKENS)
    meter = Ledger().phase("test")
    given = in_time(vllm_policy.sample(request, meter))
    spared = in_time(vllm_policy.sample(replace(request, logprobs=False), meter))
    assert [(c.text, c.finish, c.n_tokens) for c in spared] == [(c.text, c.finish, c.n_tokens) for c in given]
    assert all(math.isfinite(c.logprob) for c in given)
    assert all(math.isnan(c.logprob) for c in spared)


def test_certainties_are_those_of_transformers(vllm_policy: Any) -> None:
    problems = [p.problem for p in generate(N_PROBLEMS, seed=1)]

    async def written(by: Any) -> list[Any]:
        meter = Ledger().phase("test")
        asked = {"temperature": 0.0, "max_new_tokens": MAX_NEW_TOKENS, "top_logprobs": 20}
        found = await asyncio.gather(*(by.sample(SampleRequest(p, **asked), meter) for p in problems))
        return [w[0] for w in found]

    theirs = asyncio.run(written(vllm_policy))
    ours = asyncio.run(written(load_policy("world:small", device="cpu")))
    pairs = [(a.certainty, b.certainty) for a, b in zip(theirs, ours, strict=True) if a.text == b.text]
    assert len(pairs) >= N_TO_AGREE
    assert [a for a, _ in pairs] == pytest.approx([b for _, b in pairs], abs=0.01)


def test_a_policy_that_has_forgotten_computes_a_prompt_anew(vllm_policy: Any, in_time: InTime) -> None:
    ledger = Ledger()

    async def before_and_after() -> None:
        for phase in ("known", "forgotten"):
            await vllm_policy.sample(SampleRequest(LONG, max_new_tokens=4), ledger.phase(phase))
            await forget(vllm_policy)

    in_time(vllm_policy.sample(SampleRequest(LONG, max_new_tokens=4), Ledger().phase("first")))
    in_time(before_and_after())
    known, forgotten = (ledger.bill.phases[phase] for phase in ("known", "forgotten"))
    assert known.policy_reused_tokens > 0
    assert forgotten.policy_reused_tokens == 0


def test_more_prompts_at_once_than_the_engine_reads_in_a_step(vllm_policy: Any) -> None:
    problems = [f"Start with {k}. " + "Add 2. " * 40 + "What is the result?" for k in range(64)]
    requests = [SampleRequest(p, n=16, seed=k, max_new_tokens=2) for k, p in enumerate(problems)]

    async def all_at_once() -> list[Any]:
        meter = Ledger().phase("test")
        return list(await asyncio.gather(*(vllm_policy.sample(r, meter) for r in requests)))

    written = asyncio.run(all_at_once())
    assert [len(w) for w in written] == [16] * 64


def test_a_cancelled_request_is_aborted_in_the_engine(vllm_policy: Any, in_time: InTime) -> None:
    engine = vllm_policy._engine

    async def leave() -> int:
        request = SampleRequest(PROBLEM, n=16, temperature=2.0, max_new_tokens=480)
        task = asyncio.create_task(vllm_policy.sample(request, Ledger().phase("test")))
        while not engine.get_num_unfinished_requests():
            await asyncio.sleep(0.001)
        task.cancel()
        for _ in range(100):
            if not engine.get_num_unfinished_requests():
                break
            await asyncio.sleep(0.01)
        return int(engine.get_num_unfinished_requests())

    assert in_time(leave()) == 0


def test_a_deadline_ends_writing_and_counts_what_is_written(vllm_policy: Any, in_time: InTime) -> None:
    ledger = Ledger()
    request = SampleRequest(PROBLEM, n=32, temperature=2.0, max_new_tokens=480)

    def seconds() -> float:
        began = time.monotonic()
        in_time(vllm_policy.sample(request, Ledger().phase("test")))
        return time.monotonic() - began

    enough = min(seconds() for _ in range(3))  # on this machine, for the same samples
    cut = replace(request, deadline=time.monotonic() + enough / 4)
    written = in_time(vllm_policy.sample(cut, ledger.phase("test")))
    assert "deadline" in {c.finish for c in written}
    assert ledger.bill.total.policy_generated_tokens == sum(c.n_tokens for c in written)


def test_a_temperature_that_vllm_does_not_take_is_bad_input(vllm_policy: Any) -> None:
    with pytest.raises(InputError, match=r"temperature must be in \[0, 2\]"):
        solve(PROBLEM, policy=vllm_policy, method="majority", budget=2, temperature=3.0)


def test_an_argument_that_vllm_does_not_have_is_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean 'tensor_parallel_size'"):
        load_policy(f"vllm:{folder_of('policy', 'small')}", tensor_paralel_size=2)
