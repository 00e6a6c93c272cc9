"""Each PRM family on a tiny checkpoint, against the input and the score that its authors document.

The references here tokenise whole texts and run a whole forward for each step, with `transformers` alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

from tts_select import RewardModel, load_prm
from tts_select.core.errors import ProblemTooLong
from tts_select.executors.accounting import Ledger
from tts_select.executors.prms.encoding import Encoder
from tts_select.executors.prms.formats import format_named
from tts_select.executors.runtime import cache_budget

InTime = Callable[[Coroutine[Any, Any, Any]], Any]

PROBLEM = "We add 12 and 3. What is the answer?"
CASES = {
    "one step": (PROBLEM, ["We add 12 and 3."]),
    "many steps": (PROBLEM, [f"Step {k}: we find {k} + {k} = {2 * k}" for k in range(1, 13)]),
    "blank lines": (PROBLEM, ["We add 12:\n\n12\n\n\nand 3.", "So it is 15.", "The answer is 15."]),
    "latex": (
        "Find $x$ with $x^2 = 49$, $x > 0$.",
        ["$$x = \\sqrt{49}$$", "So $x = \\frac{14}{2}$", "\\boxed{7}"],
    ),
    "unicode": ("What is 3 ⋅ 4 ÷ 2?", ["3 ⋅ 4 = 12 → ça va 😀", "所以 12 ÷ 2 = 6。", "ответ: 6"]),
    "truncated": (PROBLEM, ["We add 12 and 3.", "So the answer is $\\frac{3"]),
    "spaces": ("  What is 3 + 4? ", ["  3 + 4 is 7", "So it is 7. "]),
}
"""A problem and its steps."""
TOLERANCES = {"eurus": 1e-6}
"""Of scores; that of all others is 1e-5. An implicit PRM's beta makes its scores differ little."""


class Reference(NamedTuple):
    """`ids` of the whole text; a step is read at its position."""

    ids: list[int]
    positions: list[int]


def math_shepherd(tokenizer: Any, problem: str, steps: Sequence[str]) -> Reference:
    ids = tokenizer(problem + " " + "\n".join(f"{step} ки" for step in steps))["input_ids"]
    tag = tokenizer.convert_tokens_to_ids("▁ки")
    return Reference(ids, [i for i, token in enumerate(ids) if token == tag])


def rlhflow(tokenizer: Any, problem: str, steps: Sequence[str]) -> Reference:
    """The sign is predicted at the third position from the end of each conversation."""
    chat: list[dict[str, str]] = []
    positions, ids = [], []
    for k, step in enumerate(steps):
        chat += [{"role": "user", "content": step if k else f"{problem} {step}"}]
        chat += [{"role": "assistant", "content": "+"}]
        ids = tokenizer.apply_chat_template(chat, return_dict=False)
        positions.append(len(ids) - 3)
    return Reference(ids, positions)


def skywork(tokenizer: Any, problem: str, steps: Sequence[str]) -> Reference:
    ids = tokenizer.encode(tokenizer.bos_token + problem + "\n")
    positions = []
    for step in steps:
        ids += tokenizer.encode(step) + tokenizer.encode("\n")[-1:]
        positions.append(len(ids) - 1)
    return Reference(ids, positions)


def qwen(tokenizer: Any, problem: str, steps: Sequence[str]) -> Reference:
    chat = [
        {
            "role": "system",
            "content": "Please reason step by step, and put your final answer within \\boxed{}.",
        },
        {"role": "user", "content": problem},
        {"role": "assistant", "content": "<extra_0>".join(steps) + "<extra_0>"},
    ]
    ids = tokenizer.encode(tokenizer.apply_chat_template(chat, tokenize=False))
    tag = tokenizer.encode("<extra_0>")[0]
    return Reference(ids, [i for i, token in enumerate(ids) if token == tag])


def eurus(tokenizer: Any, problem: str, steps: Sequence[str]) -> Reference:
    positions, ids = [], []
    for k in range(1, len(steps) + 1):
        solution = "".join(step + "\n\n" for step in steps[:k])
        chat = [{"role": "user", "content": problem}, {"role": "assistant", "content": solution}]
        text = tokenizer.apply_chat_template(chat, tokenize=False)
        ids = tokenizer.encode(text.removesuffix("<|im_end|>\n"))
        positions.append(len(ids) - 1)
    return Reference(ids, positions)


def reason_eval(tokenizer: Any, problem: str, steps: Sequence[str]) -> Reference:
    """The padding token is a mark: it is taken out again, and a step is read at its last token."""
    pad = tokenizer.pad_token
    text = f"Question:\n{problem}\nAnswer:\nLet's think step by step.\n{pad}" + "".join(
        s + pad for s in steps
    )
    ids: list[int] = []
    ends: list[int] = []
    for token in tokenizer(text)["input_ids"]:
        if token == tokenizer.pad_token_id:
            ends.append(len(ids) - 1)
        else:
            ids.append(token)
    if tokenizer.pad_token_id == tokenizer.bos_token_id:  # it was taken out with the marks
        ids, ends = [tokenizer.bos_token_id, *ids], [end + 1 for end in ends[1:]]
    return Reference(ids, ends[1:])


def sign(folder: Path, tokenizer: Any, ids: Sequence[int]) -> float:
    signs = [tokenizer.encode(s, add_special_tokens=False)[-1] for s in "+-"]
    return float(logits_of(folder)(ids)[-1, signs].softmax(-1)[0])


def value(folder: Path, _tokenizer: Any, ids: Sequence[int]) -> float:
    weights = load_file(folder / "model.safetensors")
    last = hidden_of(folder)(ids)[-1]
    return float(torch.sigmoid(weights["v_head.summary.weight"] @ last + weights["v_head.summary.bias"]))


def two_layers(folder: Path, _tokenizer: Any, ids: Sequence[int]) -> float:
    weights = load_file(folder / "model.safetensors")
    inner = weights["score.0.weight"] @ hidden_of(folder)(ids)[-1] + weights["score.0.bias"]
    return float((weights["score.2.weight"] @ inner.relu() + weights["score.2.bias"]).softmax(-1)[1])


def validity(folder: Path, _tokenizer: Any, ids: Sequence[int]) -> float:
    weights = load_file(folder / "model.safetensors")
    logits = weights["score_head.weight"] @ hidden_of(folder)(ids)[-1]
    _, neutral, positive = (logits + weights.get("score_head.bias", torch.zeros(3))).softmax(-1).tolist()
    return float(neutral + positive)


def log_ratio(folder: Path, tokenizer: Any, ids: Sequence[int]) -> float:
    """Of the tokens behind the prompt, which ends with the header of the assistant's turn."""
    header = tokenizer.encode("<|im_start|>assistant\n")
    start = max(i for i in range(len(ids)) if list(ids[i : i + len(header)]) == header) + len(header)
    totals = []
    for model in (folder, folder / "reference"):
        logprobs = logits_of(model)(ids).log_softmax(-1)
        totals.append(sum(float(logprobs[i - 1, ids[i]]) for i in range(start, len(ids))))
    return float(torch.sigmoid(torch.tensor(0.001 * (totals[0] - totals[1]))))


@lru_cache
def logits_of(folder: Path) -> Callable[[Sequence[int]], torch.Tensor]:
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    return torch.inference_mode()(lambda ids: model(torch.tensor([list(ids)]), use_cache=False).logits[0])


@lru_cache
def hidden_of(folder: Path) -> Callable[[Sequence[int]], torch.Tensor]:
    model = AutoModel.from_pretrained(folder, trust_remote_code=False).eval()
    return torch.inference_mode()(
        lambda ids: model(torch.tensor([list(ids)]), use_cache=False).last_hidden_state[0]
    )


FAMILIES: dict[str, tuple[Callable[..., Reference], Callable[..., float]]] = {
    "math-shepherd": (math_shepherd, sign),
    "rlhflow-mistral": (rlhflow, sign),
    "rlhflow-deepseek": (rlhflow, sign),
    "skywork-o1": (skywork, value),
    "qwen2.5-math-prm": (qwen, two_layers),
    "eurus": (eurus, log_ratio),
    "reason-eval": (reason_eval, validity),
    "reason-eval-34b": (reason_eval, validity),
}
every_family = pytest.mark.parametrize("family", FAMILIES)
every_case = pytest.mark.parametrize("case", CASES)


class Loaded(NamedTuple):
    folder: Path
    format_name: str
    tokenizer: Any

    def fresh(self) -> RewardModel:
        """One that has computed nothing yet."""
        return load_prm(str(self.folder), self.format_name, device="cpu", fresh=True)


@pytest.fixture
def loaded(family: str, checkpoint: Callable[[str], Path]) -> Loaded:
    folder = checkpoint(family)
    name = f"eurus:{folder / 'reference'}" if family == "eurus" else family.removesuffix("-34b")
    return Loaded(folder, name, AutoTokenizer.from_pretrained(folder))


def reference_of(family: str, loaded: Loaded, problem: str, steps: Sequence[str]) -> Reference:
    return FAMILIES[family][0](loaded.tokenizer, problem.strip(), [step.strip() for step in steps])


def slow_scores(family: str, loaded: Loaded, problem: str, steps: Sequence[str]) -> list[float]:
    ids, positions = reference_of(family, loaded, problem, steps)
    score = FAMILIES[family][1]
    return [score(loaded.folder, loaded.tokenizer, ids[: at + 1]) for at in positions]


@every_case
@every_family
def test_the_tokens_and_where_they_are_read_are_the_documented_ones(
    family: str, case: str, loaded: Loaded
) -> None:
    problem, steps = CASES[case]
    ids, closed = Encoder(format_named(loaded.format_name).layout, loaded.tokenizer, family)(problem, steps)
    expected = reference_of(family, loaded, problem, steps)
    assert closed[1:] == expected.positions
    assert len(closed) == len(steps) + 1
    assert ids.tolist() == expected.ids[: closed[-1] + 1]


@every_family
def test_scores_are_those_of_a_whole_forward_for_each_step(
    family: str, loaded: Loaded, in_time: InTime
) -> None:
    async def all_at_once() -> list[list[float]]:
        return list(await asyncio.gather(*(prm.score(*case) for case in CASES.values())))

    prm = loaded.fresh()
    found = in_time(all_at_once())
    for case, scores in zip(CASES.values(), found, strict=True):
        expected = slow_scores(family, loaded, *case)
        assert scores == pytest.approx(expected, abs=TOLERANCES.get(family, 1e-5))
        assert len(scores) == len(case[1])
    assert len({round(score, 6) for scores in found for score in scores}) > len(CASES)


@every_family
def test_a_solution_that_grows_is_scored_as_a_whole_one_and_costs_each_token_once(
    family: str, loaded: Loaded, in_time: InTime
) -> None:
    problem, steps = CASES["many steps"]
    prm, ledger = loaded.fresh(), Ledger()

    async def grow() -> list[float]:
        scores: list[float] = []
        for k in range(1, len(steps) + 1):
            before, scores = scores, await prm.score(problem, steps[:k], meter=ledger.phase("score"))
            assert scores[:-1] == before
        return scores

    grown, whole = in_time(grow()), in_time(loaded.fresh().score(problem, steps))
    assert grown == pytest.approx(whole, abs=TOLERANCES.get(family, 1e-5))
    n_tokens = reference_of(family, loaded, problem, steps).positions[-1] + 1
    # an implicit PRM computes the token that closes a step again, for the first token of the next one
    extra = len(steps) if family == "eurus" else 0
    assert n_tokens <= ledger.bill.total.prm_tokens <= n_tokens + extra


@every_family
def test_an_empty_step_is_refused_and_costs_nothing(family: str, loaded: Loaded, in_time: InTime) -> None:
    prm, ledger = loaded.fresh(), Ledger()
    with pytest.raises(ValueError, match="step 2 is empty"):
        in_time(prm.score(PROBLEM, ["We add 12.", " \n\n"], meter=ledger.phase("score")))
    assert ledger.bill.total.prm_tokens == 0


@every_family
def test_a_text_that_is_longer_than_the_context_is_refused(
    family: str, loaded: Loaded, in_time: InTime
) -> None:
    with pytest.raises(ProblemTooLong):
        in_time(loaded.fresh().score(PROBLEM, ["12 + 3 = 15, so we add. " * 200]))


def test_the_text_of_each_family_is_this(checkpoint: Callable[[str], Path]) -> None:
    problem, steps = "1 + 1?", ["It is 2.", "So 2"]
    turn = "<|start_header_id|>{}<|end_header_id|>\n\n"
    user, answer = "<|eot_id|>" + turn.format("user"), "<|eot_id|>" + turn.format("assistant")
    chat = "<|im_start|>user\n1 + 1?<|im_end|>\n<|im_start|>assistant\n"
    helpful = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    asked = "Please reason step by step, and put your final answer within \\boxed{}."
    by_step = f"<|im_start|>system\n{asked}<|im_end|>\n"
    expected = {
        "math-shepherd": "<s> 1 + 1? It is 2. ки\nSo 2 ки",
        "rlhflow-mistral": "<|begin_of_text|>"
        + turn.format("user") + "1 + 1? It is 2." + answer + "+" + user + "So 2" + answer,
        "skywork-o1": "<|im_start|>1 + 1?\nIt is 2.\nSo 2\n",
        "qwen2.5-math-prm": by_step + chat + "It is 2.<extra_0>So 2<extra_0>",
        "eurus": helpful + chat + "It is 2.\n\nSo 2\n\n",
        "reason-eval": "<s> Question:\n1 + 1?\nAnswer:\nLet's think step by step.\nIt is 2.So 2",
    }  # fmt: skip
    for family, text in expected.items():
        tokenizer = AutoTokenizer.from_pretrained(checkpoint(family))
        ids, _ = Encoder(format_named(family).layout, tokenizer, family)(problem, steps)
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


@pytest.fixture(scope="session", params=["math-shepherd", "rlhflow-deepseek", "qwen2.5-math-prm", "eurus"])
def whole_text(
    request: pytest.FixtureRequest, checkpoint: Callable[[str], Path]
) -> tuple[Encoder, Callable[[str, list[str]], list[int]]]:
    """An encoder that tokenises piece by piece, and its reference, which does not."""
    family = request.param
    tokenizer = AutoTokenizer.from_pretrained(checkpoint(family))
    encoder = Encoder(format_named(family).layout, tokenizer, family)
    return encoder, lambda problem, steps: FAMILIES[family][0](tokenizer, problem, steps).ids


written = st.text().map(str.strip).filter(bool)


@given(problem=written, steps=st.lists(written, min_size=1, max_size=3))
def test_any_text_has_the_tokens_that_it_has_as_a_whole(
    whole_text: tuple[Encoder, Callable[[str, list[str]], list[int]]], problem: str, steps: list[str]
) -> None:
    encoder, reference = whole_text
    ids = encoder(problem, steps).ids.tolist()
    assert ids == reference(problem, steps)[: len(ids)]


@every_family
def test_a_beam_costs_each_token_of_its_tree_once(family: str, loaded: Loaded, in_time: InTime) -> None:
    firsts = ["We add 12 and 3.", "First 12", "Let's think"]
    rounds = [
        [[first] for first in firsts],
        [[first, second] for first in firsts[:2] for second in ("So it is 15.", "12 + 3 = 15", "Hence 14.")],
        [[firsts[0], "12 + 3 = 15", f"\\boxed{{{k}}}"] for k in (14, 15)],
    ]
    prm, ledger = loaded.fresh(), Ledger()

    async def search() -> None:
        for solutions in rounds:
            await asyncio.gather(*(prm.score(PROBLEM, s, meter=ledger.phase("score")) for s in solutions))

    in_time(search())
    encoder = Encoder(format_named(loaded.format_name).layout, loaded.tokenizer, family)
    pieces: dict[tuple[str, ...], int] = {}
    for steps in (steps for solutions in rounds for steps in solutions):
        closed = encoder(PROBLEM, steps).closed
        pieces |= {(): closed[0] + 1}
        pieces |= {tuple(steps[:k]): closed[k] - closed[k - 1] for k in range(1, len(closed))}
    extra = len(pieces) - 1 if family == "eurus" else 0  # as above
    assert sum(pieces.values()) <= ledger.bill.total.prm_tokens <= sum(pieces.values()) + extra


@every_family
def test_scores_do_not_change_when_the_cache_is_too_small_for_them(
    family: str, loaded: Loaded, in_time: InTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def both() -> list[list[float]]:
        return [await prm.score(*CASES[case]) for case in ("many steps", "latex", "many steps")]

    prm: Any = loaded.fresh()
    monkeypatch.setattr(cache_budget, "_TREES", {})  # a tree that another test leaves changes no share here
    for lane in prm._lanes:
        lane.tree.max_tokens = 64
    found = in_time(both())
    assert all(lane.tree.n_tokens <= 64 for lane in prm._lanes)
    assert (
        found[0] == found[2] == pytest.approx(in_time(loaded.fresh().score(*CASES["many steps"])), abs=1e-5)
    )
