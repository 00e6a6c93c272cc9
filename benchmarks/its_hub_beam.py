r"""Beam search here and in its_hub: the same problems, server, PRM and N; wall time and accuracy.

    pip install --no-deps --target its_hub its-hub==1.2.0 backoff      # in an environment with vLLM
    python benchmarks/its_hub_beam.py --its-hub its_hub

its_hub runs as it is published, with its own client and its own `BeamSearch`; its PRM is an adapter over
ours, which answers a solution with the score of its last step. A solution ends at `\boxed`, since a message
does not show the token that ended it. Its API solves one problem after the other; with `asyncio.gather` a
caller can have all of them in flight, so both are measured. The order changes with every repeat, and the PRM
has forgotten everything before each run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from measuring import MODEL, accuracy, as_problems, server, solve_all, spread, world_problems

from tts_select import RewardModel, load_policy, load_prm
from tts_select.core.protocols import forget
from tts_select.data.grading import extract_answer
from tts_select.data.world.artifacts import folder_of
from tts_select.data.world.suite import WorldProblem
from tts_select.solving.options import SolveOptions

BUDGET, BEAM_WIDTH, MAX_STEPS, TEMPERATURE = 16, 4, 40, 0.7
Answers = list[str | None]
Run = Callable[[int], Awaitable[Answers]]


def ours(policy: Any, prm: RewardModel, problems: Sequence[WorldProblem]) -> Run:
    """All problems in flight, the best solution chosen by its last score."""

    async def run(seed: int) -> Answers:
        options = SolveOptions(
            policy=policy, prm=prm, method="beam", budget=BUDGET, seed=seed, aggregation="last",
            selection="max", temperature=TEMPERATURE,
        )  # fmt: skip
        return [s.answer for s in await solve_all(as_problems(problems), options)]

    return run


def theirs(url: str, prm: RewardModel, problems: Sequence[WorldProblem], *, in_flight: bool) -> Run:
    """its_hub's search, one problem after the other or all at once."""
    from its_hub.api import AbstractProcessRewardModel
    from its_hub.core.algorithms.beam_search import BeamSearch
    from its_hub.core.lms.openai_lm import OpenAICompatibleLanguageModel
    from its_hub.core.lms.step_generation import StepGeneration

    class Adapter(AbstractProcessRewardModel):  # type: ignore[misc]
        async def ascore(self, problem: str, solutions: Any) -> Any:
            steps = [[s for s in text.split("\n\n") if s.strip()] for text in solutions]
            scores = await asyncio.gather(*(prm.score(problem, some) for some in steps))
            return [some[-1] if some else 0.0 for some in scores]

        def score(self, problem: str, solutions: Any) -> Any:
            return asyncio.run(self.ascore(problem, solutions))

    between, ends = "\n\n", "\\boxed"
    steps = StepGeneration(MAX_STEPS, step_token=between, stop_token=ends, temperature=TEMPERATURE)
    search = BeamSearch(steps, Adapter(), beam_width=BEAM_WIDTH)

    async def run(_: int) -> Answers:
        model = OpenAICompatibleLanguageModel(url, "none", MODEL, max_concurrency=-1)
        asked = [search.ainfer(model, p.problem, BUDGET) for p in problems]
        found = await asyncio.gather(*asked) if in_flight else [await one for one in asked]
        await model.close()
        return [extract_answer(message["content"]) for message in found]

    return run


def measured(runs: dict[str, Run], prm: RewardModel, repeats: int) -> dict[str, list[tuple[float, Answers]]]:
    """Seconds and answers of each run of each."""
    found: dict[str, list[tuple[float, Answers]]] = {name: [] for name in runs}

    async def timed(run: Run, seed: int) -> tuple[float, Answers]:
        await forget(prm)
        began = time.perf_counter()
        answers = await run(seed)
        return time.perf_counter() - began, answers

    for seed in range(repeats):
        for name in list(runs)[:: 1 if seed % 2 else -1]:
            found[name].append(asyncio.run(timed(runs[name], seed)))
            print(f"{name}: {found[name][-1][0]:.1f} s", file=sys.stderr)
    return found


def main() -> None:
    """Print how long each takes, over ours, and how often it is right."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--its-hub", required=True, help="The folder that it was installed into.")
    parser.add_argument("--problems", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()

    warnings.simplefilter("ignore", DeprecationWarning)
    sys.path.append(arguments.its_hub)
    problems = world_problems(arguments.problems)
    prm = load_prm(str(folder_of("prm", "prm")), "world", device="cpu", fresh=True)
    with server() as url:
        policy: Any = load_policy(
            f"openai:{MODEL}", base_url=url, api="chat", prompt="plain@1", params=2e5, fresh=True
        )
        runs = {
            "tts-select": ours(policy, prm, problems),
            "its_hub, all in flight": theirs(url, prm, problems, in_flight=True),
            "its_hub, one after the other": theirs(url, prm, problems, in_flight=False),
        }
        found = measured(runs, prm, arguments.repeats)
        policy.close()
    own = [seconds for seconds, _ in found["tts-select"]]
    figures = {
        name: {
            "seconds": spread([s for s, _ in some]),
            "seconds over ours": spread([s / o for (s, _), o in zip(some, own, strict=True)]),
            "accuracy": accuracy([a for _, answers in some for a in answers], problems * len(some)),
        }
        for name, some in found.items()
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
