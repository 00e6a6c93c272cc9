"""A PRM that writes critiques, against `generate` and a whole forward behind the question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tts_select import BackendError, InputError, RewardModel, load_prm
from tts_select.core.errors import ProblemTooLong
from tts_select.core.protocols import forget
from tts_select.executors.accounting import Ledger
from tts_select.executors.prms.checkpoints import load_parts
from tts_select.executors.prms.critiques import Interview
from tts_select.executors.prms.formats import FORMATS, PrmFormat
from tts_select.executors.prms.generative import GenerativeRewardModel
from tts_select.executors.prms.rules import Verdict

InTime = Callable[[Coroutine[Any, Any, Any]], Any]

PROBLEM = "We add 12 and 3. What is $x$?"
STEPS = ["We add 12 and 3.", "So $x = \\frac{30}{2}$\n\nor ша", "The answer is 15."]
MAX_TOKENS = 24
QUESTION = "Is the solution correct?"


@pytest.fixture
def format() -> PrmFormat:
    """With short critiques."""
    found = FORMATS["generative"]
    assert isinstance(found.rule, Verdict)
    return replace(found, rule=replace(found.rule, max_tokens=MAX_TOKENS))


@pytest.fixture
def folder(checkpoint: Callable[[str], Path]) -> Path:
    return checkpoint("generative")


@pytest.fixture
def prm(folder: Path, format: PrmFormat) -> GenerativeRewardModel:
    return GenerativeRewardModel(load_parts(str(folder), format, device="cpu")[0], name="tiny", format=format)


def asked(tokenizer: Any, problem: str, steps: Sequence[str]) -> list[int]:
    lines = "\n".join(f"Step {k}: {step}" for k, step in enumerate(steps, 1))
    request = (
        "You are given a math problem and a proposed step-by-step solution:\n\n[Math Problem]\n\n"
        f"{problem}\n\n[Solution]\n\n{lines}\n\nReview and critique each step in the proposed solution to "
        "determine whether each step is correct. If the solution is incomplete, only verify the provided "
        "steps."
    )
    chat = [{"role": "user", "content": request}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    return list(tokenizer.encode(text + "\nLet's verify step by step:"))


def slow_scores(folder: Path, problem: str, steps: Sequence[str]) -> tuple[list[float], int]:
    """And the number of tokens that were written."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(folder).eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    yes, no = tokenizer.encode(" Yes")[0], tokenizer.encode(" No")[0]
    scores, n_written = [], 0
    for k in range(1, len(steps) + 1):
        prompt = torch.tensor([asked(tokenizer, problem, steps[:k])])
        out = model.generate(
            prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=MAX_TOKENS,
            pad_token_id=0,
        )  # fmt: skip
        critique = out[0, prompt.shape[1] :].tolist()
        n_written += len(critique)
        blank = {tokenizer.eos_token_id, *(tokenizer.encode(s)[0] for s in ("\n", "\n\n", " "))}
        while critique and critique[-1] in blank:
            critique.pop()
        ids = [*prompt[0].tolist(), *critique, *tokenizer.encode("\n" + QUESTION)]
        with torch.inference_mode():
            logits = model(torch.tensor([ids]), use_cache=False).logits[0, -1]
        scores.append(float(logits[[yes, no]].softmax(-1)[0]))
    return scores, n_written


def test_scores_are_those_of_the_verdict_behind_a_critique_of_each_prefix(
    prm: RewardModel, folder: Path, in_time: InTime
) -> None:
    expected, _ = slow_scores(folder, PROBLEM, STEPS)
    assert in_time(prm.score(PROBLEM, STEPS)) == pytest.approx(expected, abs=1e-5)
    assert len(set(expected)) == len(STEPS)


def test_a_solution_that_grows_is_scored_as_a_whole_one_and_nothing_is_written_twice(
    prm: RewardModel, folder: Path, in_time: InTime
) -> None:
    costs, scores = [], []
    for k in range(1, 4):
        ledger = Ledger()
        scores = in_time(prm.score(PROBLEM, STEPS[:k], meter=ledger.phase("score")))
        costs.append(ledger.bill.total)
    expected, n_written = slow_scores(folder, PROBLEM, STEPS)
    assert scores == pytest.approx(expected, abs=1e-5)
    question = 40  # tokens at most, of the question behind a critique
    # the prompts share the problem, so that the second and third compute less than they read
    assert (
        n_written < sum(c.prm_tokens for c in costs) < n_written + costs[0].prm_tokens + 3 * (question + 120)
    )
    assert all(c.prm_reused_tokens > 0 for c in costs[1:])
    again = Ledger()
    assert in_time(prm.score(PROBLEM, STEPS, meter=again.phase("score"))) == scores
    assert again.bill.total.prm_tokens == 0


def test_many_solutions_at_once_are_scored_as_one_by_one(
    prm: RewardModel, folder: Path, format: PrmFormat, in_time: InTime
) -> None:
    solutions = [STEPS, STEPS[:2], STEPS[:1], [STEPS[0], "It is 7."], STEPS]

    async def at_once() -> list[list[float]]:
        return list(await asyncio.gather(*(prm.score(PROBLEM, steps) for steps in solutions)))

    alone = GenerativeRewardModel(load_parts(str(folder), format, device="cpu")[0], name="b", format=format)
    for steps, scores in zip(solutions, in_time(at_once()), strict=True):
        assert scores == pytest.approx(in_time(alone.score(PROBLEM, steps)), abs=1e-5)


def test_a_critique_that_nobody_waits_for_any_more_is_not_written_to_its_end(
    folder: Path, in_time: InTime
) -> None:
    parts = load_parts(str(folder), FORMATS["generative"], device="cpu")
    prm, ledger = GenerativeRewardModel(parts[0], name="tiny", format=FORMATS["generative"]), Ledger()

    async def leave() -> None:
        gone = asyncio.create_task(prm.score(PROBLEM, STEPS[:1], meter=ledger.phase("score")))
        while prm._decoder.is_idle:
            await asyncio.sleep(0.01)
        gone.cancel()
        while not prm._decoder.is_idle:
            await asyncio.sleep(0.01)

    in_time(leave())
    n_prompt = len(prm._interview.prompt(PROBLEM, STEPS[:1]))
    assert n_prompt < ledger.bill.total.prm_tokens < n_prompt + 1024


def test_a_failed_forward_fails_its_requests_and_no_later_one(
    prm: Any, folder: Path, in_time: InTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(prm._lane.part.loaded.model, "forward", broken)
        with pytest.raises(BackendError, match="tiny failed: out of memory"):
            in_time(prm.score(PROBLEM, STEPS))
    assert in_time(prm.score(PROBLEM, STEPS[:1])) == pytest.approx(
        slow_scores(folder, PROBLEM, STEPS[:1])[0], abs=1e-5
    )


def test_an_empty_step_and_a_text_without_room_for_a_critique_are_refused(
    prm: RewardModel, in_time: InTime
) -> None:
    with pytest.raises(ValueError, match="step 1 is empty"):
        in_time(prm.score(PROBLEM, [" "]))
    with pytest.raises(ProblemTooLong):
        in_time(prm.score(PROBLEM, ["12 + 3 = 15, so we add. " * 200]))


@pytest.mark.parametrize("critique", ["All is right.", "So 15\n\n", f"All is right.\n{QUESTION}\n", ""])
def test_the_question_stands_behind_the_critique_once(
    critique: str, new_tokenizer: dict[str, Callable[..., Any]]
) -> None:
    tokenizer, rule = new_tokenizer["qwen"](), FORMATS["generative"].rule
    assert isinstance(rule, Verdict)
    interview = Interview(rule, tokenizer, "tiny")
    ids = tokenizer.encode(critique)
    assert interview.asks(ids) == (QUESTION in critique)
    said = critique.removesuffix(f"{QUESTION}\n").rstrip()
    assert tokenizer.decode(interview.with_question(ids)) == f"{said}\n{QUESTION}"


def test_a_critique_that_comes_to_the_question_by_itself_ends_there(
    prm: Any, in_time: InTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prm._decoder, "_is_step_end", lambda ids: len(ids) >= 2)
    monkeypatch.setattr(prm._decoder, "_step_end_ids", range(10_000))
    ledger = Ledger()
    in_time(prm.score(PROBLEM, STEPS[:1], meter=ledger.phase("score")))
    n_prompt = len(prm._interview.prompt(PROBLEM, STEPS[:1]))
    assert ledger.bill.total.prm_tokens <= n_prompt + 2 + 1 + prm._interview.n_question


def test_a_checkpoint_is_loaded_by_its_format(folder: Path) -> None:
    assert isinstance(load_prm(str(folder), "generative", device="cpu", fresh=True), GenerativeRewardModel)


def test_a_tokenizer_that_splits_the_verdict_is_refused(
    new_checkpoint: Callable[..., Path], new_tokenizer: dict[str, Callable[..., Any]], tmp_path: Path
) -> None:
    made = new_checkpoint(tmp_path / "prm", "Qwen2", new_tokenizer["qwen"](merged=False))
    with pytest.raises(InputError, match="no single token ' Yes'"):
        load_prm(str(made), "generative", device="cpu", fresh=True)


def test_a_prm_that_has_forgotten_writes_its_critiques_anew(
    prm: GenerativeRewardModel, in_time: InTime
) -> None:
    ledger = Ledger()

    async def three_times() -> list[Any]:
        found = []
        for phase in ("new", "known", "forgotten"):
            found.append(await prm.score(PROBLEM, STEPS, meter=ledger.phase(phase)))
            if phase == "known":
                await forget(prm)
        return found

    new, known, forgotten = in_time(three_times())
    assert new == known == forgotten
    costs = [ledger.bill.phases[phase].prm_tokens for phase in ("new", "known", "forgotten")]
    assert costs[1] == 0 < costs[0] == costs[2]
