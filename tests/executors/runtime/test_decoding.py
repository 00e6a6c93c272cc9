"""Continuous batching, tick by tick, against one whole forward pass for each token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tts_select.core.seeds import derive_seed
from tts_select.executors.runtime.decoding import Decoder, Job
from tts_select.executors.runtime.prefix_tree import PrefixTree
from tts_select.executors.runtime.sampling import sample_tokens, uniforms

END, STEP_ENDS = 1, frozenset(range(20, 32))
Slow = Callable[[list[int], Job, int], tuple[list[int], str, float]]


@pytest.fixture
def decoder(loaded: Any) -> Decoder:
    return new_decoder(loaded, max_rows=16)


def new_decoder(loaded: Any, *, max_rows: int) -> Decoder:
    """A step ends at a token of STEP_ENDS after at least two others."""
    return Decoder(
        loaded.model,
        PrefixTree(100_000),
        end_ids=frozenset({END}),
        is_step_end=lambda ids: len(ids) > 2,
        step_end_ids=STEP_ENDS,
        max_rows=max_rows,
    )


@pytest.fixture
def slow(loaded: Any, last_logits: Callable[..., torch.Tensor]) -> Slow:
    """(ids, finish, logprob) of sample k of a job."""

    def write(prompt: list[int], job: Job, k: int) -> tuple[list[int], str, float]:
        ids: list[int] = []
        logprob = 0.0
        seed = np.array([derive_seed(job.seed, job.first + k)], dtype=np.uint64)
        while True:
            heat, top_p = np.array([job.temperature]), np.array([job.top_p])
            uniform = uniforms(seed, np.array([len(ids)]))
            token, one = sample_tokens(last_logits(loaded.model, prompt + ids)[None], heat, top_p, uniform)
            ids.append(int(token))
            logprob += float(one)
            if ids[-1] == END:
                return ids, "stop", logprob
            if job.stop_at_step and ids[-1] in STEP_ENDS and len(ids) > 2:
                return ids, "step", logprob
            if len(ids) >= job.max_new_tokens:
                return ids, "length", logprob

    return write


def new_job(ids: list[int], done: list[Job], **settings: Any) -> Job:
    defaults: dict[str, Any] = {
        "n": 1,
        "max_new_tokens": 14,
        "temperature": 1.0,
        "top_p": 1.0,
        "seed": 0,
        "first": 0,
        "deadline": None,
        "stop_at_step": False,
    }
    return Job(np.array(ids), **defaults | settings, done=done.append)


def run(decoder: Decoder, *, ticks: int = 10_000) -> None:
    with torch.inference_mode():
        while not decoder.is_idle and ticks:
            decoder.tick()
            ticks -= 1


def prompts(n: int) -> list[list[int]]:
    rng = np.random.default_rng(n)
    return [rng.integers(3, 100, size=int(rng.integers(2, 25))).tolist() for _ in range(n)]


def test_requests_that_join_while_others_are_written_are_right(decoder: Decoder, slow: Slow) -> None:
    done: list[Job] = []
    settings = [
        {"n": 3, "seed": 1},
        {"temperature": 0.0},
        {"n": 2, "seed": 2, "first": 3, "top_p": 0.8},
        {"n": 4, "seed": 3, "stop_at_step": True},
        {"n": 2, "seed": 4, "temperature": 0.6, "max_new_tokens": 5},
    ]
    jobs = [(ids, new_job(ids, done, **s)) for ids, s in zip(prompts(5), settings, strict=True)]
    for _, job in jobs:
        decoder.submit(job)
        run(decoder, ticks=4)
    run(decoder)
    assert {id(j) for j in done} == {id(j) for _, j in jobs}
    assert len(done) == len(jobs)
    finishes = set()
    for prompt, job in jobs:
        for k in range(job.n):
            ids, finish, logprob = slow(prompt, job, k)
            written = job.written[k]
            assert (written.ids, written.finish) == (ids, finish)
            assert written.logprob == pytest.approx(logprob, abs=1e-4)
            finishes.add(finish)
    assert finishes >= {"length", "step"}


def test_a_step_that_was_written_is_continued_from_the_cache(decoder: Decoder, slow: Slow) -> None:
    done: list[Job] = []
    prompt = prompts(3)[0]
    first = new_job(prompt, done, n=12, stop_at_step=True, max_new_tokens=30, seed=5)
    decoder.submit(first)
    run(decoder)
    steps = [w.ids for w in first.written.values() if w.finish == "step"]
    assert len(steps) > 1
    for ids in steps:
        longer = prompt + ids
        job = new_job(longer, done, n=2, max_new_tokens=6, seed=6)
        decoder.submit(job)
        run(decoder)
        assert (job.computed, job.reused) == (1, len(longer) - 1 + len(longer))
        assert [job.written[k].ids for k in range(2)] == [slow(longer, job, k)[0] for k in range(2)]


def test_a_prompt_is_computed_once_and_reused_by_every_other_sample(decoder: Decoder) -> None:
    done: list[Job] = []
    prompt = prompts(4)[0]
    for expected in (len(prompt), 1):  # the last token has to be computed for its logits
        job = new_job(prompt, done, n=5)
        decoder.submit(job)
        run(decoder)
        assert job.computed == expected
        assert job.computed + job.reused == 5 * len(prompt)


def test_more_samples_than_rows_are_written_in_turn(loaded: Any, slow: Slow) -> None:
    decoder, done = new_decoder(loaded, max_rows=3), []
    prompt = prompts(6)[0]
    job = new_job(prompt, done, n=8, seed=8, max_new_tokens=6)
    decoder.submit(job)
    run(decoder)
    assert [job.written[k].ids for k in range(8)] == [slow(prompt, job, k)[0] for k in range(8)]
    assert done == [job]
    assert job.computed + job.reused == 8 * len(prompt)


def test_a_cancelled_job_frees_its_rows_and_its_place_in_the_queue(loaded: Any, slow: Slow) -> None:
    decoder, done = new_decoder(loaded, max_rows=4), []
    a, b, c = prompts(7)[:3]
    running = new_job(a, done, n=4, max_new_tokens=400, temperature=3.0)
    queued = new_job(b, done, n=4, max_new_tokens=400)
    wanted = new_job(c, done, n=2, seed=3, max_new_tokens=8)
    for job in (running, queued, wanted):
        decoder.submit(job)
    run(decoder, ticks=3)
    assert not done
    running.cancelled = queued.cancelled = True
    run(decoder, ticks=12)
    assert decoder.is_idle
    assert {id(j) for j in done} == {id(running), id(queued), id(wanted)}
    assert len(done) == 3
    assert max(len(w.ids) for w in running.written.values()) <= 4
    assert queued.written == {}
    assert [wanted.written[k].ids for k in range(2)] == [slow(c, wanted, k)[0] for k in range(2)]


def test_writing_stops_at_the_deadline(decoder: Decoder) -> None:
    done: list[Job] = []
    job = new_job(prompts(8)[0], done, n=3, max_new_tokens=400, deadline=0.0)
    decoder.submit(job)
    run(decoder)
    assert {w.finish for w in job.written.values()} <= {"deadline", "stop"}
    assert {len(w.ids) for w in job.written.values()} == {1}


def test_what_is_abandoned_is_forgotten_and_new_work_is_right(decoder: Decoder, slow: Slow) -> None:
    done: list[Job] = []
    a, b = prompts(9)[:2]
    lost = [new_job(a, done, n=2, max_new_tokens=400, temperature=3.0), new_job(b, done, n=40)]
    for job in lost:
        decoder.submit(job)
    run(decoder, ticks=2)
    assert [id(j) for j in decoder.abandon()] == [id(j) for j in lost]
    assert decoder.is_idle
    job = new_job(b, done, n=2, seed=1)
    decoder.submit(job)
    run(decoder)
    assert done == [job]
    assert [job.written[k].ids for k in range(2)] == [slow(b, job, k)[0] for k in range(2)]
