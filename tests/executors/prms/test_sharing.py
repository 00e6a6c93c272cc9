"""What many candidates have in common is computed once, and an implicit PRM is read as a likelihood."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from tts_select.executors.accounting import Ledger
from tts_select.executors.prms import lanes
from tts_select.executors.prms.checkpoints import vocabulary_part
from tts_select.executors.prms.formats import format_named
from tts_select.executors.prms.transformers import TransformersRewardModel

PROBLEM = "Start with 14. Multiply by 3. Subtract 2. What is the result?"
FIRST = [f"14 * 3 = {k}" for k in (42, 43, 44, 45)]
SECOND = [f"{k} - 2 = {k - 2}" for k in (42, 43, 44, 45)]

every_format = pytest.mark.parametrize("format_name", ["world", "world-likelihood"])


def prm_of(loaded: Any, format_name: str) -> TransformersRewardModel:
    return TransformersRewardModel(
        [vocabulary_part(loaded, "tiny")], name="tiny", format=format_named(format_name)
    )


async def scored(
    prm: TransformersRewardModel, solutions: Sequence[Sequence[str]], ledger: Ledger | None = None
) -> list[list[float]]:
    meter = (ledger or Ledger()).phase("search")
    return list(await asyncio.gather(*(prm.score(PROBLEM, steps, meter=meter) for steps in solutions)))


def n_tokens(loaded: Any, text: str) -> int:
    return len(loaded.tokenizer(text)["input_ids"])


def least_and_most(loaded: Any, solutions: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Tokens of a tree of these texts that shares every token, and of one that shares whole steps."""
    tokens, steps = set(), set()
    for solution in solutions:
        steps |= {tuple(solution[: k + 1]) for k in range(len(solution))}
        ids = loaded.tokenizer(PROBLEM + "\n" + "".join(s + "\n\n" for s in solution))["input_ids"]
        tokens |= {tuple(ids[: k + 1]) for k in range(len(ids))}
    each = [n_tokens(loaded, step[-1] + "\n\n") for step in steps]
    return len(tokens), n_tokens(loaded, PROBLEM + "\n") + sum(each)


@every_format
def test_a_beam_costs_each_token_of_its_tree_once(
    tiny_llama: Any, format_name: str, in_time: Callable[..., Any]
) -> None:
    prm, ledger = prm_of(tiny_llama, format_name), Ledger()
    rounds = [
        [(step,) for step in FIRST],
        [(step, second) for step in FIRST[:2] for second in SECOND],
        [(FIRST[0], SECOND[0], f"Answer: \\boxed{{{k}}}") for k in (40, 41)],
    ]
    scored_so_far: list[tuple[str, ...]] = []
    for solutions in rounds:
        in_time(scored(prm, [s for s in solutions for _ in range(2)], ledger))  # and each of them twice
        scored_so_far += solutions
        least, most = least_and_most(tiny_llama, scored_so_far)
        assert least <= ledger.bill.total.prm_tokens <= most


@every_format
def test_whole_solutions_with_a_common_beginning_share_it(
    tiny_llama: Any, format_name: str, in_time: Callable[..., Any]
) -> None:
    ledger = Ledger()
    solutions = [(FIRST[0], second) for second in SECOND]
    in_time(scored(prm_of(tiny_llama, format_name), solutions, ledger))
    least, most = least_and_most(tiny_llama, solutions)
    assert least <= ledger.bill.total.prm_tokens <= most


@every_format
def test_a_solution_that_grows_costs_exactly_its_new_tokens(
    tiny_llama: Any, format_name: str, in_time: Callable[..., Any]
) -> None:
    prm, ledger, whole = (
        prm_of(tiny_llama, format_name),
        Ledger(),
        (FIRST[0], SECOND[0], "Answer: \\boxed{40}"),
    )
    for k in range(1, 4):
        in_time(scored(prm, [whole[:k]], ledger))
        _, expected = least_and_most(tiny_llama, [whole[:k]])
        assert ledger.bill.total.prm_tokens == expected


def test_the_end_of_a_step_is_computed_again_where_its_state_is_lost(
    tiny_llama: Any, in_time: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (FIRST[0], SECOND[0], "Answer: \\boxed{40}")
    (expected,) = in_time(scored(prm_of(tiny_llama, "world-likelihood"), [whole]))
    monkeypatch.setattr(lanes, "_REMEMBERED_ENDS", 0)
    prm, ledger = prm_of(tiny_llama, "world-likelihood"), Ledger()
    (found,) = in_time(scored(prm, [whole], ledger))
    assert found == pytest.approx(expected, rel=1e-4)
    least, _ = least_and_most(tiny_llama, [whole])
    assert ledger.bill.total.prm_tokens == least + 3


@every_format
@pytest.mark.parametrize("order", ["together", "whole first", "whole last"])
def test_scores_do_not_depend_on_what_was_scored_before(
    loaded: Any, format_name: str, order: str, in_time: Callable[..., Any]
) -> None:
    whole = (FIRST[0], SECOND[0], "Answer: \\boxed{40}")
    prefixes = [whole[: k + 1] for k in range(3)]
    prm = prm_of(loaded, format_name)
    if order == "together":
        scores = in_time(scored(prm, prefixes))
    else:
        some = prefixes[::-1] if order == "whole first" else prefixes
        scores = [in_time(scored(prm, [p]))[0] for p in some]
        scores = scores[::-1] if order == "whole first" else scores
    (alone,) = in_time(scored(prm_of(loaded, format_name), [whole]))
    for k, found in enumerate(scores):
        assert found == pytest.approx(alone[: k + 1], rel=1e-4)


@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_a_likelihood_is_that_of_every_token_with_the_end_as_good_as_the_delimiter(
    loaded: Any, n_steps: int, in_time: Callable[..., Any]
) -> None:
    steps = (FIRST[0], SECOND[0], "Answer: \\boxed{40}")[:n_steps]
    (scores,) = in_time(scored(prm_of(loaded, "world-likelihood"), [steps]))
    text, expected, likelihood = PROBLEM + "\n", [], 1.0
    for step in steps:
        start = n_tokens(loaded, text)
        text += step + "\n\n"
        ids = loaded.tokenizer(text)["input_ids"]
        with torch.inference_mode():
            probabilities = loaded.model(torch.tensor([ids])).logits[0].softmax(-1)
        for place in range(start, len(ids) - 1):
            likelihood *= float(probabilities[place - 1, ids[place]])
        end = probabilities[len(ids) - 2]
        likelihood *= float(end[ids[-1]] + end[loaded.tokenizer.eos_token_id])
        expected.append(likelihood)
    assert scores == pytest.approx(expected, rel=1e-3)
    assert scores == sorted(scores, reverse=True)
