"""Real vLLM runs the embedded models from their folders alone: nothing of this package is loaded into it.

The engine starts once a model (half a minute). What it says is compared with this package's own runtime.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import operator
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
from tts_select.executors.prms.formats import FORMATS
from tts_select.executors.prms.layouts import Layout
from tts_select.executors.prms.rules import BAD, GOOD

N_PROBLEMS = 20
N_TO_AGREE = 18  # float ties may go either way in another runtime
N_JUDGED = 5
MAX_NEW_TOKENS = 256
SCORE_TOLERANCE = 0.02

Solution = tuple[str, list[str]]
"""A problem and the steps of a solution."""

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(600),  # the engine's start, on a busy machine
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
    llm = vllm.LLM(
        str(folder_of(kind, name)),
        dtype="float32",
        enforce_eager=True,
        max_num_seqs=32,
        max_logprobs=-1,  # the whole vocabulary, for PRMs that are read as a likelihood
    )
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
    solutions = _right_and_wrong_solutions()
    theirs = _read_signs(vllm, llm, FORMATS["world"].layout, solutions)

    ours = asyncio.run(_score_here(f"world:{name}", "world", solutions))

    assert theirs == pytest.approx(ours, abs=SCORE_TOLERANCE)


def test_a_policy_judges_in_vllm_as_it_judges_here(vllm: Any, policy: tuple[str, Any]) -> None:
    name, llm = policy
    solutions = _right_and_wrong_solutions()
    theirs = _read_likelihoods(vllm, llm, FORMATS["world-likelihood"].layout, solutions)

    ours = asyncio.run(_score_here(str(folder_of("policy", name)), "world-likelihood", solutions))

    assert theirs == pytest.approx(ours, abs=SCORE_TOLERANCE)


async def _write_here(name: str, problems: list[str]) -> list[tuple[str, str]]:
    policy, meter = load_policy(f"world:{name}", device="cpu"), Ledger().phase("test")
    requests = [SampleRequest(p, temperature=0.0, max_new_tokens=MAX_NEW_TOKENS) for p in problems]
    written = await asyncio.gather(*(policy.sample(r, meter) for r in requests))
    return [(w[0].text, w[0].finish) for w in written]


async def _score_here(source: str, format_name: str, solutions: list[Solution]) -> list[float]:
    prm = load_prm(source, format_name, device="cpu")
    scores = await asyncio.gather(*(prm.score(problem, steps) for problem, steps in solutions))
    return [score for of_one in scores for score in of_one]


def _read_signs(vllm: Any, llm: Any, layout: Layout, solutions: list[Solution]) -> list[float]:
    """One generated token a step: how likely is the good sign, of the two? All steps so far must be good."""
    good, bad = (llm.get_tokenizer().convert_tokens_to_ids(sign) for sign in (GOOD, BAD))
    prefixes = [_text(layout, p, steps[: k + 1]) for p, steps in solutions for k in range(len(steps))]
    weigh = vllm.SamplingParams(temperature=0, max_tokens=1, logprob_token_ids=[good, bad])
    first = [o.outputs[0].logprobs[0] for o in llm.generate(prefixes, weigh, use_tqdm=False)]
    each = iter(1 / (1 + math.exp(logprobs[bad].logprob - logprobs[good].logprob)) for logprobs in first)
    products = (
        itertools.accumulate(itertools.islice(each, len(steps)), operator.mul) for _, steps in solutions
    )
    return [score for of_one in products for score in of_one]


def _read_likelihoods(vllm: Any, llm: Any, layout: Layout, solutions: list[Solution]) -> list[float]:
    """The log-probabilities of the text itself; a step may be closed by its separator or by the end."""
    tokenizer = llm.get_tokenizer()
    separator, end = tokenizer.convert_tokens_to_ids(layout.close), tokenizer.eos_token_id
    weigh = vllm.SamplingParams(temperature=0, max_tokens=1, prompt_logprobs=-1)
    outputs = llm.generate([_text(layout, *solution) for solution in solutions], weigh, use_tqdm=False)
    scores: list[float] = []
    for (problem, _), output in zip(solutions, outputs, strict=True):
        start, likelihood = len(tokenizer(_text(layout, problem, []))["input_ids"]), 1.0
        for token, at in zip(output.prompt_token_ids[start:], output.prompt_logprobs[start:], strict=True):
            ways = (separator, end) if token == separator else (token,)
            likelihood *= sum(math.exp(at[way].logprob) for way in ways)
            if token == separator:
                scores.append(likelihood)
    return scores


def _text(layout: Layout, problem: str, steps: list[str]) -> str:
    return layout.prompt.format(problem=problem) + "".join(s + layout.close for s in steps)


def _right_and_wrong_solutions() -> list[Solution]:
    """Canonical solutions, and the same with another first result, so that both verdicts are asked for."""
    problems = generate(N_JUDGED, seed=1)
    right = [(p.problem, list(p.steps)) for p in problems]
    wrong = [(p.problem, [p.steps[0] + "7", *p.steps[1:]]) for p in problems]
    return right + wrong
