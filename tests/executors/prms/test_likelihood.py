"""An implicit PRM: a step's score is the probability that the model would have written all up to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
import torch

from tts_select.data.world.suite import WorldProblem
from tts_select.executors.accounting import Ledger
from tts_select.executors.prms.checkpoints import vocabulary_part
from tts_select.executors.prms.formats import format_named
from tts_select.executors.prms.transformers import TransformersRewardModel

InTime = Callable[[Coroutine[Any, Any, Any]], Any]


def prm_of(loaded: Any) -> TransformersRewardModel:
    return TransformersRewardModel(
        [vocabulary_part(loaded, "tiny")], name="tiny", format=format_named("world-likelihood")
    )


def slow_scores(loaded: Any, problem: str, steps: Sequence[str]) -> list[float]:
    """Token by token from one whole forward; a step may be closed by its separator or by the end."""
    tokenizer = loaded.tokenizer
    text = problem + "\n" + "".join(step + "\n\n" for step in steps)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    separator = tokenizer.convert_tokens_to_ids("\n\n")
    with torch.inference_mode():
        probabilities = loaded.model(torch.tensor([ids]), use_cache=False).logits[0].softmax(-1)
    start = len(tokenizer(problem + "\n", add_special_tokens=False)["input_ids"])
    so_far, scores = 1.0, []
    for place in range(start, len(ids)):
        here = probabilities[place - 1]
        so_far *= float(here[ids[place]])
        if ids[place] == separator:
            so_far *= float((here[separator] + here[tokenizer.eos_token_id]) / here[separator])
            scores.append(so_far)
    return scores


def test_scores_equal_the_product_of_the_tokens_probabilities(
    loaded: Any, world_problems: list[WorldProblem], in_time: InTime
) -> None:
    async def all_at_once() -> list[list[float]]:
        prm = prm_of(loaded)
        return list(await asyncio.gather(*(prm.score(p.problem, p.steps) for p in some)))

    some = world_problems[::12]
    for problem, scores in zip(some, in_time(all_at_once()), strict=True):
        expected = slow_scores(loaded, problem.problem, problem.steps)
        assert len(scores) == len(problem.steps)
        assert scores == pytest.approx(expected, rel=1e-3, abs=1e-12)
        assert scores == sorted(scores, reverse=True)


def test_growing_a_solution_scores_it_as_a_whole_does(
    loaded: Any, world_problems: list[WorldProblem], in_time: InTime
) -> None:
    problem = world_problems[-1]
    prompt, *steps = (problem.problem, *problem.steps)
    ledger = Ledger()

    async def grow() -> list[float]:
        prm, scores = prm_of(loaded), []
        for k in range(1, len(steps) + 1):
            scores = await prm.score(prompt, steps[:k], meter=ledger.phase("score"))
        return scores

    grown, whole = in_time(grow()), in_time(prm_of(loaded).score(prompt, steps))
    assert grown == pytest.approx(whole, rel=1e-3)
    text = prompt + "\n" + "".join(step + "\n\n" for step in steps)
    n_tokens = len(loaded.tokenizer(text, add_special_tokens=False)["input_ids"])
    # the token that closes a step is computed again for the first token of the next one
    assert n_tokens <= ledger.bill.total.prm_tokens <= n_tokens + len(steps)
