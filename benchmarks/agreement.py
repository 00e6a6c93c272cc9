"""The same problems through transformers, vLLM in this process and vLLM's OpenAI server: answers and bills.

    python benchmarks/agreement.py [--problems 64] [--json]      # in an environment with vLLM

Accuracy is that of majority voting, with its 95 % interval; each backend draws random numbers of its own, so
samples differ. A bill must be the sum of its samples' counts, and a sample must count the tokens of its text
and the one that ended it. Greedy solutions must be the same text, and then have the same count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from typing import Any

from measuring import MODEL, accuracy, as_problems, policy_in, server, solve_all, world_problems

from tts_select import Policy, Solution, load_policy
from tts_select.data.world.artifacts import folder_of
from tts_select.data.world.suite import WorldProblem
from tts_select.executors.runtime.loading import load_tokenizer
from tts_select.solving.options import SolveOptions

N_PARAMETERS = 177_472


def solved(policy: Policy, problems: Sequence[WorldProblem], **how: Any) -> list[Solution]:
    """All of them, all in flight."""
    return asyncio.run(solve_all(as_problems(problems), SolveOptions(policy=policy, **how)))


def judged(policy: Policy, problems: Sequence[WorldProblem], budget: int) -> dict[str, Any]:
    """What it did with majority voting, and greedily."""
    voted = solved(policy, problems, method="majority", budget=budget)
    greedy = [s.candidates[0].candidate for s in solved(policy, problems, method="cot")]
    return {
        "accuracy": accuracy([s.answer for s in voted], problems),
        **counted(voted),
        "greedy": [(c.text, c.n_tokens) for c in greedy],
    }


def counted(solutions: Sequence[Solution]) -> dict[str, int]:
    """How bills, samples and texts agree."""
    tokenizer = load_tokenizer(str(folder_of("policy", MODEL)))
    samples = [[r.candidate for r in s.candidates] for s in solutions]
    billed = [s.bill.total.policy_generated_tokens for s in solutions]
    sums = [sum(c.n_tokens for c in some) for some in samples]
    ended = [c for some in samples for c in some if c.finish == "stop"]
    own = [len(tokenizer(c.text)["input_ids"]) + 1 for c in ended]
    return {
        "samples": sum(map(len, samples)),
        "generated tokens": sum(billed),
        "bills unlike their samples": sum(b != n for b, n in zip(billed, sums, strict=True)),
        "counts unlike their texts": sum(c.n_tokens != n for c, n in zip(ended, own, strict=True)),
        "errors": sum(len(s.errors) for s in solutions),
    }


def compare_greedy(found: dict[str, dict[str, Any]]) -> None:
    """With the solutions of transformers."""
    reference = found["transformers"]["greedy"]
    for said in found.values():
        pairs = list(zip(said.pop("greedy"), reference, strict=True))
        said["greedy texts alike"] = sum(a[0] == b[0] for a, b in pairs)
        said["of those, other counts"] = sum(a[0] == b[0] and a[1] != b[1] for a, b in pairs)


def table(found: dict[str, dict[str, Any]]) -> str:
    """In markdown."""
    heads = list(next(iter(found.values())))
    lines = [f"| backend | {' | '.join(heads)} |", f"|{' --- |' * (len(heads) + 1)}"]
    for backend, said in found.items():
        cells = [_share(v) if isinstance(v, dict) else f"{v:,}" for v in said.values()]
        lines.append(f"| {backend} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _share(found: dict[str, float]) -> str:
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def main() -> None:
    """Print what each backend did."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", type=int, default=64)
    parser.add_argument("--budget", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()

    problems = world_problems(arguments.problems)
    found = {}
    for backend in ("transformers", "vllm"):
        policy: Any = policy_in(backend)
        found[backend] = judged(policy, problems, arguments.budget)
        if backend == "vllm":
            policy.close()
    with server() as url:
        policy = load_policy(
            f"openai:{MODEL}", base_url=url, api="completions", params=N_PARAMETERS, fresh=True
        )
        found["openai"] = judged(policy, problems, arguments.budget)
        policy.close()
    compare_greedy(found)
    print(json.dumps(found, indent=1) if arguments.json else table(found))


if __name__ == "__main__":
    main()
