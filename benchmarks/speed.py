"""Ratios of speeds, each within one run: `python benchmarks/speed.py [--repeats 3] [--json]`.

Medians over the repeats, with their smallest and largest value. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from tts_select import Policy, Problem, RewardModel, Solution
from tts_select.data.world.artifacts import folder_of
from tts_select.data.world.suite import generate
from tts_select.executors.registry import load_policy, load_prm
from tts_select.executors.runtime.loading import load_causal_lm
from tts_select.solving.api import solver_for
from tts_select.solving.batch import in_flight
from tts_select.solving.options import SolveOptions

POLICY, PRM = "world:small", "world:prm"
BATCH_ROWS = 256
ROOT = Path(__file__).parent.parent


def solutions_of(options: SolveOptions, problems: Sequence[Problem], in_parallel: int) -> list[Solution]:
    """Solve them all, at most `in_parallel` at the same time."""
    return asyncio.run(in_flight(solver_for(options), problems, in_parallel))


def solve_all(options: SolveOptions, problems: Sequence[Problem], in_parallel: int) -> tuple[int, float]:
    """(generated tokens, seconds) of solving them all."""
    began = time.perf_counter()
    solutions = solutions_of(options, problems, in_parallel)
    seconds = time.perf_counter() - began
    return sum(s.bill.total.policy_generated_tokens for s in solutions), seconds


def raw_generate(problems: Sequence[Problem], n: int, seed: int) -> tuple[int, float]:
    """(generated tokens, seconds) of `model.generate` with batches of `BATCH_ROWS` sequences."""
    loaded = load_causal_lm(str(folder_of("policy", POLICY.partition(":")[2])))
    loaded.tokenizer.padding_side = "left"
    torch.manual_seed(seed)
    end = loaded.tokenizer.eos_token_id
    per_batch = BATCH_ROWS // n
    tokens, began = 0, time.perf_counter()
    for k in range(0, len(problems), per_batch):
        prompts = [p.text + "\n" for p in problems[k : k + per_batch]]
        inputs = loaded.tokenizer(prompts, return_tensors="pt", padding=True)
        inputs.pop("token_type_ids", None)
        with torch.inference_mode():
            output = loaded.model.generate(
                **inputs,
                do_sample=True,
                temperature=0.7,
                top_k=0,
                num_return_sequences=n,
                max_new_tokens=256,
            )
        written = output[:, inputs["input_ids"].shape[1] :]
        ended = (written == end).int().argmax(-1)
        has_end = (written == end).any(-1)
        tokens += int(torch.where(has_end, ended + 1, written.shape[1]).sum())
    return tokens, time.perf_counter() - began


def policy_tokens_over_minimum(problems: Sequence[Problem], seed: int) -> float:
    """Policy tokens computed in beam searches over the least: each prompt once, and what was generated."""
    _fresh()
    options = SolveOptions(policy=POLICY, prm=PRM, method="beam", budget=16, seed=seed)
    bills = [s.bill.total for s in solutions_of(options, problems, len(problems))]
    tokenizer = load_causal_lm(str(folder_of("policy", POLICY.partition(":")[2]))).tokenizer
    prompts = sum(len(ids) for ids in tokenizer([p.text + "\n" for p in problems])["input_ids"])
    generated = sum(b.policy_generated_tokens for b in bills)
    return (sum(b.policy_prompt_tokens for b in bills) + generated) / (prompts + generated)


def _fresh() -> None:
    """Forget loaded models and with them everything that they cached."""
    from tts_select.executors import registry

    registry._load_policy.cache_clear()
    registry._load_prm.cache_clear()


def _warm() -> tuple[Policy, RewardModel]:
    _fresh()
    return load_policy(POLICY), load_prm(PRM)


def process_seconds(*command: str) -> float:
    """Of a whole process."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - began


def sampling_ratio(method: str, problems: Sequence[Problem], seed: int) -> float:
    """Generated tokens a second of a sampling method with N = 16 over those of raw generation."""
    _warm()
    options = SolveOptions(policy=POLICY, method=method, budget=16, seed=seed)
    tokens, seconds = solve_all(options, problems, in_parallel=len(problems))
    raw_tokens, raw_seconds = raw_generate(problems, 16, seed)
    return (tokens / seconds) / (raw_tokens / raw_seconds)


def flight_ratio(problems: Sequence[Problem], seed: int) -> float:
    """Tokens a second of beam searches with all problems in flight over one problem at a time."""
    options = SolveOptions(policy=POLICY, prm=PRM, method="beam", budget=16, seed=seed)
    _warm()
    tokens, seconds = solve_all(options, problems, in_parallel=len(problems))
    _warm()
    few = problems[: len(problems) // 4]
    tokens_alone, seconds_alone = solve_all(options, few, in_parallel=1)
    return (tokens / seconds) / (tokens_alone / seconds_alone)


def import_seconds() -> float:
    """`import tts_select`, beyond the start of the interpreter."""
    return process_seconds("-c", "import tts_select") - process_seconds("-c", "pass")


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    problems = [Problem(p.problem) for p in generate(64, seed=11, split="test")]
    solve_example = ("-m", "tts_select", "solve", "examples/problem.txt")
    process_seconds(*solve_example)  # warms the disk
    figures: dict[str, Callable[[int], float]] = {
        "majority 16, 64 problems: tokens/s over raw generation": lambda seed: sampling_ratio(
            "majority", problems, seed
        ),
        "best_of_n 16, 64 problems, scoring included: tokens/s over raw generation": (
            lambda seed: sampling_ratio("best_of_n", problems, seed)
        ),
        "beam 16: 64 problems in flight over one at a time, tokens/s": lambda seed: flight_ratio(
            problems, seed
        ),
        "beam 16: policy tokens computed over the minimum": lambda seed: policy_tokens_over_minimum(
            problems, seed
        ),
        "solve examples/problem.txt, whole process, seconds": lambda _: process_seconds(*solve_example),
        "of which import and load, seconds": lambda _: process_seconds(
            "-c", f"import tts_select as t; t.load_policy('{POLICY}'); t.load_prm('{PRM}')"
        ),
        "import tts_select, seconds": lambda _: import_seconds(),
    }
    record = {}
    for name, figure in figures.items():
        values = [figure(seed) for seed in range(arguments.repeats)]
        record[name] = {
            "median": statistics.median(values),
            "min": min(values),
            "max": max(values),
            "n": len(values),
        }
        if not arguments.json:
            row = record[name]
            print(f"{name}: {row['median']:.3f} ({row['min']:.3f} to {row['max']:.3f})", flush=True)
    if arguments.json:
        print(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
