"""A tiny random model as a PRM, against a whole forward for each step."""

from __future__ import annotations

import asyncio
import itertools
import operator
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from tts_select.core.errors import BackendError, InputError, ProblemTooLong
from tts_select.core.protocols import forget
from tts_select.data.world.suite import WorldProblem
from tts_select.executors.accounting import Ledger
from tts_select.executors.prms.checkpoints import vocabulary_part
from tts_select.executors.prms.formats import format_named
from tts_select.executors.prms.lanes import Lane
from tts_select.executors.prms.transformers import TransformersRewardModel
from tts_select.executors.runtime import cache_budget

InTime = Callable[[Coroutine[Any, Any, Any]], Any]
Solution = tuple[str, tuple[str, ...]]


@pytest.fixture(params=["tiny_llama", "tiny_qwen2"])
def loaded(request: pytest.FixtureRequest, tiny_llama: Any) -> Any:
    """Each tiny model with the world's tokenizer: from a Qwen2 folder, transformers builds a tokenizer of
    its own kind, which drops nearly all of the world's words."""
    return replace(request.getfixturevalue(request.param), tokenizer=tiny_llama.tokenizer)


@pytest.fixture
def solutions(world_problems: list[WorldProblem]) -> dict[int, Solution]:
    """A problem and its steps, by the number of steps."""
    return {len(p.steps): (p.problem, p.steps) for p in world_problems}


def prm_of(loaded: Any) -> TransformersRewardModel:
    return TransformersRewardModel(
        [vocabulary_part(loaded, "tiny")], name="tiny", format=format_named("world")
    )


def text_ids(loaded: Any, problem: str, steps: Sequence[str]) -> list[int]:
    text = problem + "\n" + "".join(step + "\n\n" for step in steps)
    return list(loaded.tokenizer(text, add_special_tokens=False)["input_ids"])


def slow_scores(loaded: Any, problem: str, steps: Sequence[str]) -> list[float]:
    """Every prefix is encoded and computed as a whole; a step counts with all before it."""
    signs = [loaded.tokenizer.convert_tokens_to_ids(sign) for sign in "+-"]
    scores = []
    for k in range(1, len(steps) + 1):
        with torch.inference_mode():
            ids = torch.tensor([text_ids(loaded, problem, steps[:k])])
            logits = loaded.model(ids, use_cache=False).logits[0, -1, signs]
        scores.append(float(logits.softmax(-1)[0]))
    return list(itertools.accumulate(scores, operator.mul))


async def scored(
    prm: TransformersRewardModel, solutions: Sequence[Solution], ledger: Ledger | None = None
) -> list[list[float]]:
    """All at the same time."""
    meter = ledger.phase("score") if ledger else None
    return list(await asyncio.gather(*(prm.score(p, steps, meter=meter) for p, steps in solutions)))


@pytest.mark.parametrize("n_steps", [1, 3, 8])
def test_scores_equal_those_of_whole_forwards(
    loaded: Any, solutions: dict[int, Solution], n_steps: int, in_time: InTime
) -> None:
    problem, steps = solutions[n_steps] if n_steps in solutions else _first(solutions[8], n_steps)
    (scores,) = in_time(scored(prm_of(loaded), [(problem, steps)]))
    assert len(scores) == n_steps
    assert scores == pytest.approx(slow_scores(loaded, problem, steps), abs=1e-5)


def _first(solution: Solution, n_steps: int) -> Solution:
    return solution[0], solution[1][:n_steps]


def test_a_growing_solution_costs_each_token_once(
    tiny_llama: Any, solutions: dict[int, Solution], in_time: InTime
) -> None:
    problem, steps = solutions[8]
    prm, ledger, costs = prm_of(tiny_llama), Ledger(), []
    for k in range(1, 9):
        (scores,) = in_time(scored(prm, [(problem, steps[:k])], ledger))
        costs.append(ledger.bill.total.prm_tokens)
    assert costs == [len(text_ids(tiny_llama, problem, steps[:k])) for k in range(1, 9)]
    (whole,) = in_time(scored(prm_of(tiny_llama), [(problem, steps)]))
    assert scores == pytest.approx(whole, abs=1e-5)


def test_a_solution_scored_again_costs_nothing(
    tiny_llama: Any, solutions: dict[int, Solution], in_time: InTime
) -> None:
    prm, first, second = prm_of(tiny_llama), Ledger(), Ledger()
    once = in_time(scored(prm, [solutions[5]], first))
    again = in_time(scored(prm, [solutions[5]], second))
    assert again == once
    cost = second.bill.total
    assert (cost.prm_tokens, cost.prm_reused_tokens) == (0, first.bill.total.prm_tokens)


def test_equal_solutions_at_the_same_time_are_computed_once(
    tiny_llama: Any, solutions: dict[int, Solution], in_time: InTime
) -> None:
    ledger = Ledger()
    scores = in_time(scored(prm_of(tiny_llama), [solutions[4]] * 5, ledger))
    assert scores == [scores[0]] * 5
    assert ledger.bill.total.prm_tokens == len(text_ids(tiny_llama, *solutions[4]))


def test_many_at_once_are_scored_as_one_by_one(
    loaded: Any, world_problems: list[WorldProblem], in_time: InTime
) -> None:
    some = [(p.problem, p.steps) for p in world_problems[::6]]
    some += [(problem, (*steps[:-1], "Answer: \\boxed{7}")) for problem, steps in some]
    some += [(problem, steps[:1]) for problem, steps in some[::3]]
    some = [(p, s) for p, s in some if len(text_ids(loaded, p, s)) <= loaded.context]
    together, prm = in_time(scored(prm_of(loaded), some)), prm_of(loaded)
    for solution, scores in zip(some, together, strict=True):
        (alone,) = in_time(scored(prm, [solution]))
        assert scores == pytest.approx(alone, abs=1e-5)


def test_a_batch_takes_no_more_slots_than_the_cache(
    tiny_llama: Any, world_problems: list[WorldProblem], in_time: InTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = [(p.problem, p.steps) for p in world_problems[::12]]
    some = [(p, s) for p, s in some if len(text_ids(tiny_llama, p, s)) <= tiny_llama.context]
    expected, prm, slots = in_time(scored(prm_of(tiny_llama), some)), prm_of(tiny_llama), []
    compute = Lane.compute

    def recorded(lane: Lane, texts: Any, limits: Any) -> Any:
        slots.append((len(texts), max(len(ids) for ids in texts)))
        return compute(lane, texts, limits)

    monkeypatch.setattr(Lane, "compute", recorded)
    monkeypatch.setattr(cache_budget, "_TREES", {})  # a tree that another test leaves changes no share here
    prm._lanes[0].tree.max_tokens = 300
    for scores, whole in zip(in_time(scored(prm, some)), expected, strict=True):
        assert scores == pytest.approx(whole, abs=1e-5)
    assert all(rows == 1 or rows * longest <= 300 for rows, longest in slots)
    assert max(rows for rows, _ in slots) > 1


def test_no_steps_have_no_scores(tiny_llama: Any, in_time: InTime) -> None:
    assert in_time(scored(prm_of(tiny_llama), [("Mia has 14 apples.", ())])) == [[]]


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_an_empty_step_is_refused(tiny_llama: Any, empty: str, in_time: InTime) -> None:
    with pytest.raises(ValueError, match="step 2 is empty"):
        in_time(scored(prm_of(tiny_llama), [("Mia has 14 apples.", ("Mia 1 + 1 = 2", empty))]))


def test_a_text_that_does_not_fit_the_context_is_refused(tiny_llama: Any, in_time: InTime) -> None:
    with pytest.raises(ProblemTooLong):
        in_time(scored(prm_of(tiny_llama), [("Mia has 14 apples.", ("Mia 1 + 1 = 2",) * 80)]))


def test_a_model_without_the_signs_is_refused(tiny_llama: Any) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"[UNK]": 0, "apples": 1}, unk_token="[UNK]"))  # noqa: S106
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    signless = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]")  # noqa: S106
    with pytest.raises(InputError, match="'\\+'"):
        prm_of(replace(tiny_llama, tokenizer=signless))


def test_a_failed_forward_fails_its_requests_and_no_later_one(
    tiny_llama: Any, solutions: dict[int, Solution], in_time: InTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    prm, some = prm_of(tiny_llama), [solutions[k] for k in (3, 5, 7)]

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    async def all_errors() -> list[Any]:
        return await asyncio.gather(*(prm.score(*s) for s in some), return_exceptions=True)

    with monkeypatch.context() as patched:
        patched.setattr(tiny_llama.model.base_model, "forward", broken)
        assert all(isinstance(e, BackendError) for e in in_time(all_errors()))
    for solution, scores in zip(some, in_time(scored(prm, some)), strict=True):
        assert scores == pytest.approx(slow_scores(tiny_llama, *solution), abs=1e-5)


def test_requests_of_a_loop_that_has_closed_do_not_harm_later_ones(
    tiny_llama: Any, solutions: dict[int, Solution], in_time: InTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    prm, body, some = prm_of(tiny_llama), tiny_llama.model.base_model, [solutions[k] for k in (3, 5, 7)]
    forward, entered, closed = body.forward, threading.Event(), threading.Event()

    def held_up(*args: Any, **kwargs: Any) -> Any:
        entered.set()
        closed.wait(10)
        return forward(*args, **kwargs)

    async def leave_early() -> None:
        tasks = [asyncio.create_task(prm.score(*s)) for s in some]
        await asyncio.to_thread(entered.wait, 10)
        assert not any(t.done() for t in tasks)

    monkeypatch.setattr(body, "forward", held_up)
    in_time(leave_early())
    closed.set()
    assert in_time(scored(prm, some))[0] == pytest.approx(slow_scores(tiny_llama, *some[0]), abs=1e-5)


def test_a_prm_that_has_forgotten_bills_and_scores_as_a_new_one(
    tiny_llama: Any, solutions: dict[int, Solution], in_time: InTime
) -> None:
    prm, ledger = prm_of(tiny_llama), Ledger()
    problem, steps = solutions[min(solutions)]

    async def three_times() -> list[Any]:
        found = []
        for phase in ("new", "known", "forgotten"):
            found.append(await prm.score(problem, steps, meter=ledger.phase(phase)))
            if phase == "known":
                await forget(prm)
        return found

    new, known, forgotten = in_time(three_times())
    assert new == known == forgotten
    costs = [ledger.bill.phases[phase].prm_tokens for phase in ("new", "known", "forgotten")]
    assert costs[1] == 0 < costs[0] == costs[2]
