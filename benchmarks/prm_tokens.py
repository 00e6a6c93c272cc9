"""PRM tokens computed in beam searches over the least: each prompt and each distinct step once.

    python benchmarks/prm_tokens.py --backend transformers
    python benchmarks/prm_tokens.py --backend vllm        # in an environment with vLLM

Through transformers both formats of the embedded PRM are measured: the likelihood, which reads every token,
and the sign, which reads one token a step. vLLM can read the sign alone, and finds prefixes in whole blocks.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from typing import Any

from measuring import BACKENDS, ENGINE, as_problems, show, solve_all, spread, world_problems

from tts_select import Problem, RewardModel, load_policy, load_prm
from tts_select.core.protocols import Meter, forget
from tts_select.data.world.artifacts import folder_of
from tts_select.executors.runtime.loading import load_tokenizer
from tts_select.solving.options import SolveOptions

FOLDER = folder_of("prm", "prm")
BUDGET = 16


class Recorded:
    """A PRM that notes what it is asked."""

    def __init__(self, prm: Any) -> None:
        self.prm = prm
        self.name, self.n_parameters, self.fingerprint = prm.name, prm.n_parameters, prm.fingerprint
        self.asked: set[tuple[str, ...]] = set()

    async def score(self, problem: str, steps: Sequence[str], *, meter: Meter | None = None) -> list[float]:
        """As the PRM does."""
        self.asked.add((problem, *steps))
        found: list[float] = await self.prm.score(problem, steps, meter=meter)
        return found


def over_minimum(prm: RewardModel, problems: Sequence[Problem], seed: int) -> float:
    """Of beam searches on all problems at once, with a PRM that has forgotten everything."""
    policy, recorded = load_policy("world:small", device="cpu"), Recorded(prm)
    asyncio.run(forget(prm))
    options = SolveOptions(policy=policy, prm=recorded, method="beam", budget=BUDGET, seed=seed)
    solutions = asyncio.run(solve_all(problems, options))
    prefixes = {asked[:k] for asked in recorded.asked for k in range(1, len(asked) + 1)}
    last = [x[-1] + ("\n\n" if len(x) > 1 else "\n") for x in prefixes]
    least = sum(len(ids) for ids in load_tokenizer(str(FOLDER))(last)["input_ids"])
    return sum(s.bill.total.prm_tokens for s in solutions) / least


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", choices=BACKENDS, default="transformers")
    parser.add_argument("--problems", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    problems, figures = as_problems(world_problems(arguments.problems)), {}
    formats = ("world", "world-likelihood") if arguments.backend == "transformers" else ("world",)
    for name in formats:
        if arguments.backend == "vllm":
            prm: Any = load_prm(f"vllm:{FOLDER}", name, fresh=True, **ENGINE)
        else:
            prm = load_prm(str(FOLDER), name, device="cpu", fresh=True)
        ratios = [over_minimum(prm, problems, seed) for seed in range(arguments.repeats)]
        figures[f"{arguments.backend}, {name}: PRM tokens computed over the least, beam {BUDGET}"] = spread(
            ratios
        )
        if arguments.backend == "vllm":
            prm.close()
    show(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
