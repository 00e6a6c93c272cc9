"""Tokens a second of a batch of searches over those of the engine alone, in one run.

    python benchmarks/throughput.py --backend transformers
    python benchmarks/throughput.py --backend vllm          # in an environment with vLLM

The engine alone writes whole solutions, `N` a problem and all problems at once: `model.generate` with batches
of 256 rows, or vLLM's `generate` with n = N. Neither side has log-probabilities, as where no router runs;
with `--logprobs` both have. Searches run with a PRM that costs nothing, so that what is left is the search;
and with the embedded one, which is eight times as large as the policy and shares its cores. Which of the two
is first changes with every repeat.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from measuring import (
    BACKENDS,
    MODEL,
    as_problems,
    free_prm,
    policy_in,
    repeated,
    show,
    solve_all,
    world_problems,
)

from tts_select import Problem, RewardModel, load_prm
from tts_select.core.protocols import forget
from tts_select.data.world.artifacts import folder_of
from tts_select.solving.options import SolveOptions

BUDGET, TEMPERATURE, MAX_NEW_TOKENS = 16, 0.7, 256


class Searches:
    """Batches of searches on one policy, which has forgotten before each what it computed."""

    def __init__(self, policy: Any, problems: list[Problem], *, logprobs: bool) -> None:
        self._policy, self._problems, self._logprobs = policy, problems, logprobs

    def speed(self, method: str, prm: RewardModel | None, seed: int) -> float:
        """Generated tokens a second, scoring included."""
        options = SolveOptions(
            policy=self._policy, prm=prm, method=method, budget=BUDGET, seed=seed, logprobs=self._logprobs
        )
        return asyncio.run(self._speed(options))

    async def _speed(self, options: SolveOptions) -> float:
        await forget(self._policy)
        prm = options.get("prm")
        if not isinstance(prm, (str, type(None))):
            await forget(prm)
        began = time.perf_counter()
        solutions = await solve_all(self._problems, options)
        seconds = time.perf_counter() - began
        return sum(s.bill.total.policy_generated_tokens for s in solutions) / seconds


def raw_vllm(policy: Any, problems: list[Problem], seed: int, *, logprobs: int | None = None) -> float:
    """Generated tokens a second of the engine that the policy has, asked directly."""
    prompts = [policy._renderer.ids(policy._renderer.text(p.text)) for p in problems]

    async def one(k: int, ids: list[int]) -> int:
        sampling = policy._vllm.sampling_params(
            n=BUDGET,
            seed=1000 * seed + BUDGET * k,
            temperature=TEMPERATURE,
            max_tokens=MAX_NEW_TOKENS,
            logprobs=logprobs,
            output_kind=policy._vllm.output_kind.FINAL_ONLY,
        )
        outputs = policy._engine.generate({"prompt_token_ids": ids}, sampling, f"raw-{seed}-{k}")
        (last,) = [output async for output in outputs]
        return sum(len(written.token_ids) for written in last.outputs)

    async def all_of_them() -> float:
        await policy._engine.reset_prefix_cache()
        began = time.perf_counter()
        tokens = await asyncio.gather(*(one(k, ids) for k, ids in enumerate(prompts)))
        return sum(tokens) / (time.perf_counter() - began)

    found: float = policy._background.wait_for(all_of_them())
    return found


def raw_transformers(_: Any, problems: list[Problem], seed: int) -> float:
    """Generated tokens a second of `model.generate`."""
    from speed import raw_generate

    tokens, seconds = raw_generate(problems, BUDGET, seed)
    return tokens / seconds


RAW: dict[str, Callable[[Any, list[Problem], int], float]] = {
    "transformers": raw_transformers,
    "vllm": raw_vllm,
}


def main() -> None:
    """Print every ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", choices=BACKENDS, default="transformers")
    parser.add_argument("--problems", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--without-prm", action="store_true", help="Leave the embedded PRM out: it is slow.")
    parser.add_argument(
        "--logprobs", action="store_true", help="Ask vLLM for those on both sides, as a router's searches do."
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()

    problems = as_problems(world_problems(arguments.problems))
    policy = policy_in(arguments.backend)
    searches = Searches(policy, problems, logprobs=arguments.logprobs)
    prms: dict[str, RewardModel] = {"a free PRM": free_prm()}
    if not arguments.without_prm:
        prms["the embedded PRM"] = load_prm(str(folder_of("prm", "prm")), "world", fresh=True, device="cpu")
    raw = RAW[arguments.backend]
    if arguments.logprobs:
        if arguments.backend != "vllm":
            parser.error("--logprobs is for vLLM: `model.generate` gives none")
        raw = partial(raw_vllm, logprobs=0)
    raw(policy, problems, 99)  # warm
    figures = {}
    for name, prm in prms.items():
        for method in ("best_of_n", "beam"):
            figures[f"{arguments.backend}: {method} {BUDGET} with {name} over {MODEL} alone"] = repeated(
                arguments.repeats,
                one=lambda seed, method=method, prm=prm: searches.speed(method, prm, seed),
                other=lambda seed: raw(policy, problems, seed),
            )
    show(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
