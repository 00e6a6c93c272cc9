"""The policy over two tiny random models; expected texts come from slow, unbatched forwards."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tts_select.core.certainty import mean, token_certainty
from tts_select.core.errors import BackendError, InputError, ProblemTooLong
from tts_select.core.protocols import Continuation, SampleRequest, forget
from tts_select.core.seeds import derive_seed
from tts_select.data.world.artifacts import folder_of
from tts_select.data.world.suite import WorldProblem
from tts_select.data.world.tokenizer import PROMPT_TEMPLATE
from tts_select.executors.accounting import Ledger
from tts_select.executors.policies.transformers import TransformersPolicy
from tts_select.executors.runtime.decoding import Decoder, Job
from tts_select.executors.runtime.loading import load_causal_lm
from tts_select.executors.runtime.prefix_tree import PrefixTree
from tts_select.executors.runtime.sampling import sample_tokens, uniforms

InTime = Callable[[Coroutine[Any, Any, Any]], Any]
EOS_ID = 1


@pytest.fixture(params=["tiny_llama", "tiny_qwen2"])
def loaded(request: pytest.FixtureRequest, tiny_llama: Any) -> Any:
    """Each tiny model with the world's tokenizer: from a Qwen2 folder, transformers builds a tokenizer of
    its own kind, which drops nearly all of the world's words."""
    return replace(request.getfixturevalue(request.param), tokenizer=tiny_llama.tokenizer)


@pytest.fixture
def problems(world_problems: list[WorldProblem]) -> list[str]:
    """Six prompts of different lengths, the shortest last."""
    by_length = sorted(
        {p.problem for p in world_problems if p.level <= 5}, key=lambda text: (len(text), text)
    )
    return by_length[:: len(by_length) // 6][5::-1]


def prompt_ids(loaded: Any, problem: str) -> list[int]:
    return list(loaded.tokenizer(PROMPT_TEMPLATE.format(problem=problem))["input_ids"])


def policy_of(loaded: Any, **settings: Any) -> TransformersPolicy:
    return TransformersPolicy(loaded, name="tiny", **settings)


async def sampled(
    policy: TransformersPolicy, requests: Sequence[SampleRequest], ledger: Ledger | None = None
) -> list[list[Continuation]]:
    """All requests at the same time."""
    meter = (ledger or Ledger()).phase("search")
    return list(await asyncio.gather(*(policy.sample(r, meter) for r in requests)))


def texts(written: Sequence[Continuation]) -> list[tuple[str, str]]:
    return [(c.text, c.finish) for c in written]


def logits_after(loaded: Any, ids: list[int]) -> torch.Tensor:
    """Of one whole text, without any cache."""
    with torch.inference_mode():
        logits: torch.Tensor = loaded.model(torch.tensor([ids]), use_cache=False).logits[0]
    return logits


def slowly_sampled(loaded: Any, prompt: list[int], job: Job, k: int) -> tuple[list[int], float]:
    """Sample k of a job, with a whole forward for each token."""
    ids: list[int] = []
    logprob = 0.0
    while len(ids) < job.max_new_tokens and EOS_ID not in ids:
        seed = np.array([derive_seed(job.seed, job.first + k)], dtype=np.uint64)
        token, one = sample_tokens(
            logits_after(loaded, prompt + ids)[-1:],
            np.array([job.temperature]),
            np.array([job.top_p]),
            uniforms(seed, np.array([len(ids)])),
        )
        ids.append(int(token))
        logprob += float(one)
    return ids, logprob


def certainty_of(logits: torch.Tensor, k: int) -> float:
    """By the equation, token by token."""
    logprobs = torch.log_softmax(logits.double(), -1).tolist()
    return mean([token_certainty(row, k) for row in logprobs])


def job_of(ids: list[int], **settings: Any) -> Job:
    chosen: dict[str, Any] = {
        "n": 1, "max_new_tokens": 12, "temperature": 1.0, "top_p": 1.0, "seed": 0, "first": 0,
    }  # fmt: skip
    return Job(
        np.array(ids), **{**chosen, **settings}, deadline=None, stop_at_step=False, done=lambda _: None
    )


def decode(loaded: Any, jobs: Sequence[Job], *, max_rows: int) -> None:
    """Write what they ask for; each must come back once."""
    decoder = Decoder(
        loaded.model,
        PrefixTree(4096),
        end_ids=frozenset({EOS_ID}),
        is_step_end=lambda _: False,
        step_end_ids=frozenset(),
        max_rows=max_rows,
    )
    done: list[Job] = []
    for job in jobs:
        job.done = done.append
        decoder.submit(job)
    with torch.inference_mode():
        while not decoder.is_idle:
            decoder.tick()
    assert sorted(map(id, done)) == sorted(map(id, jobs))


@pytest.mark.parametrize("max_rows", [2, 64])
def test_batched_sampling_equals_a_whole_forward_for_each_token(
    loaded: Any, problems: list[str], max_rows: int
) -> None:
    settings = [
        {"temperature": 0.0, "top_logprobs": 20},
        {"n": 3, "top_p": 0.9},
        {"n": 2, "temperature": 0.7, "first": 4, "top_logprobs": 5},
    ]
    prompts = [prompt_ids(loaded, p) for p in problems[:3]]
    jobs = [job_of(ids, seed=k, **s) for k, (ids, s) in enumerate(zip(prompts, settings, strict=True))]
    decode(loaded, jobs, max_rows=max_rows)
    for job, prompt in zip(jobs, prompts, strict=True):
        for k in range(job.n):
            ids, logprob = slowly_sampled(loaded, prompt, job, k)
            assert job.written[k].ids == ids
            assert job.written[k].logprob == pytest.approx(logprob, abs=1e-4)
            certainty = certainty_of(
                logits_after(loaded, prompt + ids)[len(prompt) - 1 : -1], job.top_logprobs
            )
            assert job.written[k].certainty == pytest.approx(certainty, abs=1e-4, nan_ok=True)


def test_the_certainty_of_an_embedded_model_is_that_of_its_logits() -> None:
    small = load_causal_lm(str(folder_of("policy", "small")), device="cpu")
    prompt = prompt_ids(small, "Start with 14. Multiply by 3. Add 2. What is the result?")
    job = job_of(prompt, n=4, temperature=2.0, max_new_tokens=40, top_logprobs=20)
    decode(small, [job], max_rows=64)
    for one in job.written.values():
        logits = logits_after(small, prompt + one.ids)[len(prompt) - 1 : -1]
        assert one.certainty == pytest.approx(certainty_of(logits, 20), abs=1e-3)
    assert len({round(one.certainty, 2) for one in job.written.values()}) > 1


def test_greedy_text_is_what_generate_writes(loaded: Any, problems: list[str], in_time: InTime) -> None:
    requests = [SampleRequest(p, temperature=0.0, max_new_tokens=24) for p in problems]
    written = in_time(sampled(policy_of(loaded), requests))
    for problem, (one,) in zip(problems, written, strict=True):
        prompt = prompt_ids(loaded, problem)
        generated = loaded.model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            do_sample=False,
            max_new_tokens=24,
        )[0].tolist()
        ids = generated[len(prompt) :]
        logprobs = torch.log_softmax(logits_after(loaded, generated)[len(prompt) - 1 : -1], -1)
        ended = ids[-1] == EOS_ID
        assert one.text == loaded.tokenizer.decode(ids[:-1] if ended else ids)
        assert (one.finish, one.n_tokens) == ("stop" if ended else "length", len(ids))
        assert one.logprob == pytest.approx(float(logprobs[range(len(ids)), ids].sum()), abs=1e-4)


def test_a_request_is_answered_the_same_alone_or_among_others(
    loaded: Any, problems: list[str], in_time: InTime
) -> None:
    request = SampleRequest(problems[2], n=4, max_new_tokens=20, temperature=1.0, seed=7)
    others = [
        SampleRequest(problems[k % 6], n=1 + k % 3, max_new_tokens=3 + k, top_p=0.9, seed=k)
        for k in range(20)
    ]
    (alone,) = in_time(sampled(policy_of(loaded), [request]))
    crowd = in_time(sampled(policy_of(loaded), [*others[:10], request, *others[10:]]))
    assert texts(crowd[10]) == texts(alone)
    assert len(set(texts(alone))) > 1


def test_sample_k_alone_is_sample_k_of_many(loaded: Any, problems: list[str], in_time: InTime) -> None:
    policy = policy_of(loaded)
    (many,) = in_time(sampled(policy, [SampleRequest(problems[0], n=5, max_new_tokens=15, seed=3)]))
    singles = [SampleRequest(problems[0], first=k, max_new_tokens=15, seed=3) for k in range(5)]
    assert [texts(one) for one in in_time(sampled(policy, singles))] == [[t] for t in texts(many)]


@pytest.mark.parametrize("max_rows", [1, 3, 10])
def test_few_rows_write_the_same_texts_in_turn(
    loaded: Any, problems: list[str], max_rows: int, in_time: InTime
) -> None:
    requests = [SampleRequest(p, n=4, max_new_tokens=6 + k, seed=k) for k, p in enumerate(problems[:4])]
    wide = in_time(sampled(policy_of(loaded), requests))
    narrow = in_time(sampled(policy_of(loaded, max_rows=max_rows), requests))
    assert [texts(w) for w in narrow] == [texts(w) for w in wide]


def test_a_continued_step_equals_one_computed_from_scratch(
    loaded: Any, problems: list[str], in_time: InTime
) -> None:
    warm = policy_of(loaded, step_delimiter=".")
    start = SampleRequest(problems[4], n=256, stop_at_step=True, max_new_tokens=80, temperature=1.0)
    (written,) = in_time(sampled(warm, [start]))
    # the shortest: random text of many tokens is seldom read back as the tokens that wrote it
    steps = sorted({c.text for c in written if c.finish == "step"}, key=lambda text: (len(text), text))[:6]
    assert steps
    assert all("." not in c.text for c in written)
    onward = [
        SampleRequest(problems[4], (s,), n=2, stop_at_step=True, max_new_tokens=12, seed=k)
        for k, s in enumerate(steps)
    ]
    ledgers = [Ledger() for _ in onward]
    continued = [in_time(sampled(warm, [r], ledger))[0] for r, ledger in zip(onward, ledgers, strict=True)]
    fresh = in_time(sampled(policy_of(loaded, step_delimiter="."), onward))
    assert [texts(c) for c in continued] == [texts(c) for c in fresh]
    assert min(ledger.bill.total.policy_prompt_tokens for ledger in ledgers) == 1  # the delimiter itself


def test_every_prompt_token_is_either_computed_or_reused(
    loaded: Any, problems: list[str], in_time: InTime
) -> None:
    ledger, policy = Ledger(), policy_of(loaded, max_rows=5)
    requests = [SampleRequest(p, n=1 + 3 * k, max_new_tokens=4) for k, p in enumerate(problems[:4])]
    written = [*in_time(sampled(policy, requests, ledger)), *in_time(sampled(policy, requests[:2], ledger))]
    total, length = ledger.bill.total, {p: len(prompt_ids(loaded, p)) for p in problems}
    assert total.policy_prompt_tokens + total.policy_reused_tokens == sum(
        r.n * length[r.problem] for r in [*requests, *requests[:2]]
    )
    assert total.policy_prompt_tokens < 2 * sum(length[r.problem] for r in requests)
    assert total.policy_generated_tokens == sum(c.n_tokens for w in written for c in w)
    assert total.policy_calls == 6


def test_a_cancelled_request_lets_the_others_finish(
    tiny_llama: Any, problems: list[str], in_time: InTime
) -> None:
    request = SampleRequest(problems[0], n=3, max_new_tokens=30, seed=1)
    endless = SampleRequest(problems[3], n=40, max_new_tokens=400, seed=2)
    (alone,) = in_time(sampled(policy_of(tiny_llama), [request]))
    policy, ledger = policy_of(tiny_llama, max_rows=8), Ledger()

    async def cancel_one() -> list[Continuation]:
        doomed = asyncio.create_task(policy.sample(endless, ledger.phase("doomed")))
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(policy.sample(request, ledger.phase("search")))
        await asyncio.sleep(0)
        doomed.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doomed
        return await waiting

    assert texts(in_time(cancel_one())) == texts(alone)
    assert ledger.bill.total.policy_generated_tokens < 40 * 400 / 4


def test_a_failed_forward_fails_every_waiting_request_and_no_later_one(
    loaded: Any, problems: list[str], in_time: InTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [SampleRequest(p, n=3, max_new_tokens=10, seed=k) for k, p in enumerate(problems)]
    expected = in_time(sampled(policy_of(loaded), requests))
    policy, meter = policy_of(loaded), Ledger().phase("search")

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    async def all_errors() -> list[Any]:
        return await asyncio.gather(*(policy.sample(r, meter) for r in requests), return_exceptions=True)

    with monkeypatch.context() as patched:
        patched.setattr(loaded.model, "forward", broken)
        errors = in_time(all_errors())
    assert all(isinstance(e, BackendError) and "out of memory" in str(e) for e in errors)
    assert [texts(w) for w in in_time(sampled(policy, requests))] == [texts(w) for w in expected]


def test_requests_of_a_loop_that_has_closed_do_not_harm_later_ones(
    tiny_llama: Any, problems: list[str], in_time: InTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [SampleRequest(p, n=2, max_new_tokens=10, seed=k) for k, p in enumerate(problems[:3])]
    policy, meter, forward = policy_of(tiny_llama), Ledger().phase("search"), tiny_llama.model.forward
    entered, closed = threading.Event(), threading.Event()

    def held_up(*args: Any, **kwargs: Any) -> Any:
        entered.set()
        closed.wait(10)
        return forward(*args, **kwargs)

    async def leave_early() -> None:
        tasks = [asyncio.create_task(policy.sample(r, meter)) for r in requests]
        await asyncio.to_thread(entered.wait, 10)
        assert not any(t.done() for t in tasks)

    monkeypatch.setattr(tiny_llama.model, "forward", held_up)
    in_time(leave_early())
    closed.set()
    again = in_time(sampled(policy, requests))
    assert [texts(w) for w in again] == [texts(w) for w in in_time(sampled(policy_of(tiny_llama), requests))]


def test_a_prompt_that_fills_the_context_is_refused(loaded: Any, in_time: InTime) -> None:
    with pytest.raises(ProblemTooLong):
        in_time(sampled(policy_of(loaded), [SampleRequest("Mia has 14 apples." * 100)]))


def test_unknown_words_are_named_to_the_user(loaded: Any, in_time: InTime) -> None:
    with pytest.raises(InputError, match="'Quokka'"):
        in_time(sampled(policy_of(loaded), [SampleRequest("Quokka has 14 apples.")]))


def test_text_stops_where_the_context_is_full(loaded: Any, problems: list[str], in_time: InTime) -> None:
    request = SampleRequest(problems[0], n=2, temperature=1.0, max_new_tokens=10_000)
    (written,) = in_time(sampled(policy_of(loaded), [request]))
    room = loaded.context - len(prompt_ids(loaded, problems[0]))
    assert all(c.finish == "stop" or c.n_tokens == room for c in written)


def test_a_policy_that_has_forgotten_bills_and_writes_as_a_new_one(
    tiny_llama: Any, problems: list[str], in_time: InTime
) -> None:
    policy, ledger = policy_of(tiny_llama), Ledger()
    request = SampleRequest(problems[0], n=3, seed=5, max_new_tokens=20)

    async def three_times() -> list[Any]:
        written = []
        for phase in ("new", "known", "forgotten"):
            written.append(texts(await policy.sample(request, ledger.phase(phase))))
            if phase == "known":
                await forget(policy)
        return written

    new, known, forgotten = in_time(three_times())
    assert new == known == forgotten
    costs = [ledger.bill.phases[phase] for phase in ("new", "known", "forgotten")]
    assert costs[1].policy_prompt_tokens < costs[0].policy_prompt_tokens == costs[2].policy_prompt_tokens
