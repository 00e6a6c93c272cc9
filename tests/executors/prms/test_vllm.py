"""PRMs in real vLLM, in this process, against this package's own runtime. Each engine starts once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tts_select import RewardModel, UnknownName, load_prm
from tts_select.core.errors import ProblemTooLong
from tts_select.core.protocols import forget
from tts_select.executors.accounting import Ledger

PROBLEM = "We add 12 and 3. What is the answer?"
SOLUTIONS = [
    (PROBLEM, ["We add 12 and 3."]),
    (PROBLEM, [f"Step {k}: we find that {k} + {k} = {2 * k}, and so on." for k in range(1, 9)]),
    ("Find $x$ with $x^2 = 49$.", ["$$x = \\sqrt{49}$$\n\nfor 所以", "\\boxed{7}"]),
]
SIZES = {"hidden_size": 128, "num_key_value_heads": 2, "bos_token_id": 1}
"""vLLM's attention on a CPU wants heads of 32 at least."""
ENGINE = {"dtype": "float32", "enforce_eager": True, "max_num_seqs": 32}
TOLERANCE = 1e-3

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(600),  # the engine's start, on a busy machine
    pytest.mark.filterwarnings("ignore"),  # vLLM's imports warn about its own dependencies
]


def folder_of(
    name: str, into: Path, new_checkpoint: Callable[..., Path], tokenizers: dict[str, Callable[..., Any]]
) -> Path:
    if name == "rlhflow-deepseek":
        return new_checkpoint(into / name, "Llama", tokenizers["llama-3"](), **SIZES)
    hidden = SIZES["hidden_size"]
    head = {"score.0.weight": (hidden, hidden), "score.0.bias": (hidden,)}
    head |= {"score.2.weight": (2, hidden), "score.2.bias": (2,)}
    return new_checkpoint(into / name, "Qwen2", tokenizers["qwen"]("<extra_0>"), head=head, **SIZES)


@pytest.fixture(scope="module", params=["rlhflow-deepseek", "qwen2.5-math-prm"])
def prm(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    new_checkpoint: Callable[..., Path],
    new_tokenizer: dict[str, Callable[..., Any]],
) -> Iterator[tuple[str, Path, Any]]:
    """Its format, its folder, and it."""
    folder = folder_of(request.param, tmp_path_factory.mktemp("vllm"), new_checkpoint, new_tokenizer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB
        found: Any = load_prm(f"vllm:{folder}", request.param, fresh=True, **ENGINE)
    yield request.param, folder, found
    found.close()


async def scored(prm: RewardModel, solutions: Any, ledger: Ledger | None = None) -> list[list[float]]:
    meter = (ledger or Ledger()).phase("score")
    return list(await asyncio.gather(*(prm.score(p, steps, meter=meter) for p, steps in solutions)))


def test_it_scores_as_the_transformers_runtime_does(prm: tuple[str, Path, Any]) -> None:
    format_name, folder, in_vllm = prm
    here = load_prm(str(folder), format_name, device="cpu", fresh=True)
    theirs, ours = (asyncio.run(scored(by, SOLUTIONS)) for by in (in_vllm, here))
    for found, expected in zip(theirs, ours, strict=True):
        assert found == pytest.approx(expected, abs=TOLERANCE)
    assert in_vllm.fingerprint == here.fingerprint
    assert 0 < in_vllm.n_parameters <= here.n_parameters


def test_a_solution_that_grows_is_scored_as_a_whole_one_and_every_token_is_billed(
    prm: tuple[str, Path, Any],
) -> None:
    format_name, folder, in_vllm = prm
    problem = "How much are 4 * 5 and 12, with a long story before it, so that blocks of the cache are full?"
    steps = [f"We find, for the {k}th time, that 4 * 5 = 20 and then 20 + {k} = {20 + k}." for k in range(6)]
    ledgers, scores = [], []
    for k in range(1, 7):
        ledgers.append(Ledger())
        (scores,) = asyncio.run(scored(in_vllm, [(problem, steps[:k])], ledgers[-1]))
    here, minimum = load_prm(str(folder), format_name, device="cpu", fresh=True), Ledger()
    (expected,) = asyncio.run(scored(here, [(problem, steps)], minimum))
    assert scores == pytest.approx(expected, abs=TOLERANCE)
    costs = [ledger.bill.total for ledger in ledgers]
    n_tokens, computed = minimum.bill.total.prm_tokens, sum(c.prm_tokens for c in costs)
    assert costs[-1].prm_tokens + costs[-1].prm_reused_tokens == n_tokens
    if format_name == "qwen2.5-math-prm":  # all hidden states of the text are needed each time
        assert [c.prm_reused_tokens for c in costs] == [0] * 6
    else:  # what is found in the cache are whole blocks, of 32 tokens on a CPU
        assert n_tokens <= computed <= n_tokens + 6 * 32
    again, anew = Ledger(), Ledger()
    assert asyncio.run(scored(in_vllm, [(problem, steps)], again)) == [scores]
    assert (again.bill.total.prm_tokens, again.bill.total.prm_reused_tokens) == (0, n_tokens)
    asyncio.run(forget(in_vllm))
    assert asyncio.run(scored(in_vllm, [(problem, steps)], anew)) == [pytest.approx(scores, abs=TOLERANCE)]
    assert anew.bill.total.prm_tokens >= n_tokens


def test_it_refuses_what_every_prm_refuses(prm: tuple[str, Path, Any]) -> None:
    with pytest.raises(ValueError, match="step 2 is empty"):
        asyncio.run(prm[2].score(PROBLEM, ["We add.", " "]))
    with pytest.raises(ProblemTooLong):
        asyncio.run(prm[2].score(PROBLEM, ["12 + 3 = 15, so we add. " * 200]))
    assert asyncio.run(prm[2].score(PROBLEM, [])) == []


def test_an_unknown_engine_argument_is_refused(prm: tuple[str, Path, Any]) -> None:
    with pytest.raises(UnknownName, match="did you mean 'max_num_seqs'"):
        load_prm(f"vllm:{prm[1]}", prm[0], fresh=True, max_num_seq=4)
