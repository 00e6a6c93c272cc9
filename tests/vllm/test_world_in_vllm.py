"""Real vLLM runs the embedded models from their folders alone: nothing of this package is loaded into it.

The engine starts once a model (half a minute). What it says is compared with this package's own runtime.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tts_select import load_policy, load_prm
from tts_select.core.protocols import SampleRequest
from tts_select.data.world.artifacts import folder_of, manifests
from tts_select.data.world.suite import generate
from tts_select.data.world.tokenizer import PROMPT_TEMPLATE
from tts_select.executors.accounting import Ledger
from tts_select.executors.rewards.formats import FORMATS

N_PROBLEMS = 20
N_TO_AGREE = 18  # float ties may go either way in another runtime
N_JUDGED = 5
MAX_NEW_TOKENS = 256
SCORE_TOLERANCE = 0.02

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(300),  # the engine's start, on a busy machine
    pytest.mark.filterwarnings("ignore"),  # vLLM's imports warn about its own dependencies
]


def _names(kind: str) -> list[str]:
    return [name for name, manifest in manifests().items() if manifest["kind"] == kind]


@pytest.fixture(scope="module")
def vllm() -> Iterator[Any]:
    """The package, imported in an environment that keeps it small and off the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("VLLM_LOGGING_LEVEL", "ERROR")
        import vllm

        yield vllm


@contextmanager
def _engine(vllm: Any, kind: str, name: str) -> Iterator[Any]:
    llm = vllm.LLM(str(folder_of(kind, name)), dtype="float32", enforce_eager=True, max_num_seqs=32)
    try:
        yield llm
    finally:
        llm.llm_engine.engine_core.shutdown()


@pytest.fixture(scope="module", params=_names("policy"))
def policy(vllm: Any, request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    """The name of an embedded policy, and an engine that runs it."""
    with _engine(vllm, "policy", request.param) as llm:
        yield request.param, llm


@pytest.fixture(scope="module", params=_names("prm"))
def prm(vllm: Any, request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    """The name of an embedded PRM, and an engine that runs it."""
    with _engine(vllm, "prm", request.param) as llm:
        yield request.param, llm


def test_a_policy_writes_in_vllm_what_it_writes_here(vllm: Any, policy: tuple[str, Any]) -> None:
    name, llm = policy
    problems = [p.problem for p in generate(N_PROBLEMS, seed=1)]
    greedy = vllm.SamplingParams(temperature=0, max_tokens=MAX_NEW_TOKENS)
    outputs = llm.generate([PROMPT_TEMPLATE.format(problem=p) for p in problems], greedy, use_tqdm=False)
    theirs = [(o.outputs[0].text, o.outputs[0].finish_reason) for o in outputs]

    ours = asyncio.run(_write_here(name, problems))

    different = [pair for pair in zip(theirs, ours, strict=True) if pair[0] != pair[1]]
    assert N_PROBLEMS - len(different) >= N_TO_AGREE, different


def test_a_prm_scores_in_vllm_as_it_scores_here(vllm: Any, prm: tuple[str, Any]) -> None:
    name, llm = prm
    layout = FORMATS["world"]
    signs = [llm.get_tokenizer().convert_tokens_to_ids(sign) for sign in (layout.good, layout.bad)]
    solutions = _right_and_wrong_solutions()
    prefixes = [
        layout.prompt_template.format(problem=problem) + "".join(s + layout.separator for s in steps[: k + 1])
        for problem, steps in solutions
        for k in range(len(steps))
    ]
    weigh = vllm.SamplingParams(temperature=0, max_tokens=1, logprob_token_ids=signs)
    outputs = llm.generate(prefixes, weigh, use_tqdm=False)
    theirs = [_softmax_of_first(o.outputs[0].logprobs[0], *signs) for o in outputs]

    ours = asyncio.run(_score_here(name, solutions))

    assert theirs == pytest.approx(ours, abs=SCORE_TOLERANCE)


async def _write_here(name: str, problems: list[str]) -> list[tuple[str, str]]:
    policy, meter = load_policy(f"world:{name}", device="cpu"), Ledger().phase("test")
    requests = [SampleRequest(p, temperature=0.0, max_new_tokens=MAX_NEW_TOKENS) for p in problems]
    written = await asyncio.gather(*(policy.sample(r, meter) for r in requests))
    return [(w[0].text, w[0].finish) for w in written]


async def _score_here(name: str, solutions: list[tuple[str, list[str]]]) -> list[float]:
    prm = load_prm(f"world:{name}", device="cpu")
    scores = await asyncio.gather(*(prm.score(problem, steps) for problem, steps in solutions))
    return [score for of_one in scores for score in of_one]


def _right_and_wrong_solutions() -> list[tuple[str, list[str]]]:
    """Canonical solutions, and the same with another first result: so both signs are asked for."""
    problems = generate(N_JUDGED, seed=1)
    right = [(p.problem, list(p.steps)) for p in problems]
    wrong = [(p.problem, [p.steps[0] + "7", *p.steps[1:]]) for p in problems]
    return right + wrong


def _softmax_of_first(logprobs: Any, good: int, bad: int) -> float:
    return 1 / (1 + math.exp(logprobs[bad].logprob - logprobs[good].logprob))
