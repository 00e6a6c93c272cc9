"""What the benchmarks of backends share: embedded models in real backends, a real server, medians, tables."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tts_select import Policy, Problem, RewardModel, Solution, load_policy
from tts_select.data.grading import is_equivalent
from tts_select.data.world.artifacts import folder_of
from tts_select.data.world.suite import WorldProblem, generate
from tts_select.solving.api import solver_for
from tts_select.solving.batch import in_flight, wilson
from tts_select.solving.options import SolveOptions
from tts_select.testing.vllm_server import vllm_server

MODEL = "small"
"""The embedded policy that all backends run."""
ENGINE = {"dtype": "float32", "enforce_eager": True, "max_num_seqs": 256}
BACKENDS = ("transformers", "vllm")
START_SECONDS = 900
CHAT_TEMPLATE = """{%- for message in messages -%}
{%- if message.role == 'user' -%}{{ message.content + '\n' }}
{%- else -%}{{ message.content }}{%- if add_generation_prompt -%}{{ '[EOS]' }}{%- endif -%}{%- endif -%}
{%- endfor -%}"""
"""Makes of a chat the text that the embedded models were trained on."""

for name, value in {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
}.items():
    os.environ.setdefault(name, value)


def world_problems(n: int) -> list[WorldProblem]:
    """Of all levels and families, none of them trained on."""
    return generate(n, seed=11, split="test")


def policy_in(backend: str) -> Policy:
    """The embedded policy in a backend, and nothing computed yet."""
    folder = folder_of("policy", MODEL)
    if backend == "vllm":
        return load_policy(f"vllm:{folder}", fresh=True, **ENGINE)
    return load_policy(f"hf:{folder}", device="cpu", fresh=True)


@contextmanager
def server(*more: str) -> Iterator[str]:
    """The base URL of a vLLM server with the embedded policy under its name."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder, "chat.jinja")
        template.write_text(CHAT_TEMPLATE)
        options = ("--max-num-seqs", "256", "--block-size", "32", "--chat-template", str(template))
        with vllm_server(
            folder_of("policy", MODEL), MODEL, *options, *more, start_seconds=START_SECONDS
        ) as url:
            yield url


def free_prm() -> RewardModel:
    """Its scores are made up and cost nothing: what is left is the search itself."""
    from tts_select.core.seeds import derive_seed
    from tts_select.testing import FakeRewardModel

    return FakeRewardModel(
        lambda problem, steps: [derive_seed(problem, *steps[: k + 1]) % 997 / 997 for k in range(len(steps))]
    )


async def solve_all(
    problems: Sequence[Problem], options: SolveOptions, concurrency: int | None = None
) -> list[Solution]:
    """All of them, all in flight unless it is said otherwise."""
    return await in_flight(solver_for(options), problems, concurrency or len(problems))


def as_problems(problems: Sequence[WorldProblem]) -> list[Problem]:
    """Their texts."""
    return [Problem(p.problem) for p in problems]


def accuracy(answers: Sequence[str | None], problems: Sequence[WorldProblem]) -> dict[str, float]:
    """The share that is right, with a 95 % Wilson interval."""
    right = sum(
        answer is not None and is_equivalent(answer, p.answer)
        for answer, p in zip(answers, problems, strict=True)
    )
    return dict(zip(("value", "low", "high"), wilson(right, len(problems)), strict=True))


def spread(values: Sequence[float]) -> dict[str, float]:
    """Their median, smallest and largest value."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "n": len(values)}


def repeated(n: int, *, one: Callable[[int], float], other: Callable[[int], float]) -> dict[str, float]:
    """Of `one(seed) / other(seed)`, which take turns at being first: a busy machine meets both alike."""
    ratios = []
    for seed in range(n):
        if seed % 2:
            below, above = other(seed), one(seed)
        else:
            above, below = one(seed), other(seed)
        ratios.append(above / below)
    return spread(ratios)


def show(figures: Mapping[str, Any], *, as_json: bool) -> None:
    """As JSON, or as a markdown table of medians."""
    if as_json:
        print(json.dumps(figures, indent=1))
        return
    print("| what | median | smallest, largest | runs |\n| --- | --- | --- | --- |")
    for name, found in figures.items():
        print(f"| {name} | {found['median']:.3f} | {found['min']:.3f}, {found['max']:.3f} | {found['n']} |")
