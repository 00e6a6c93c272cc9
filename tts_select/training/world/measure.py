"""Runs the embedded models on test problems and keeps what came out; the report is computed from that alone.

Each (policy, part) is a file of its own, so an interrupted measurement goes on where it was.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tts_select.batch import in_flight
from tts_select.core.problem import Problem
from tts_select.core.protocols import Policy, RewardModel, SampleRequest
from tts_select.core.seeds import derive_seed
from tts_select.data.grading import extract_answer, is_equivalent
from tts_select.data.world.checker import is_strictly_right
from tts_select.data.world.suite import WorldProblem
from tts_select.executors.accounting import Ledger
from tts_select.executors.registry import load_policy, load_prm
from tts_select.executors.stepping import split_steps
from tts_select.solving import Options, prepare, run_plan

_IN_FLIGHT = 64


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled solution; `scores` are the last step's, of each PRM in the order of the measurement."""

    answer: str | None
    right: bool
    strict: bool
    n_tokens: int
    scores: list[float]


@dataclass(frozen=True, slots=True)
class Run:
    """One search; `n_tokens` are those that the policy generated."""

    right: bool
    n_tokens: int
    flops: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """Where to keep it, on what, and with which models."""

    folder: Path
    problems: Sequence[WorldProblem]
    policies: tuple[str, ...]
    prms: tuple[str, ...]
    n_samples: int
    seed: int

    def samples(self, policy: str, advance: Callable[[], None]) -> list[list[Sample]]:
        """`n_samples` solutions of every problem, scored by every PRM."""
        path = self.folder / f"samples-{policy}.jsonl"
        rows = self._kept(path, lambda: self._sample(policy, advance))
        return [[Sample(**sample) for sample in row] for row in rows]

    def runs(self, method: str, budget: int, policy: str, prm: str | None) -> list[Run]:
        """A search on every problem."""
        path = self.folder / f"runs-{method}-{budget}-{policy}-{prm}.jsonl"
        rows = self._kept(path, lambda: self._search(method, budget, policy, prm))
        return [Run(**row) for row in rows]

    def _kept(self, path: Path, compute: Callable[[], list[Any]]) -> list[Any]:
        if not path.exists():
            partial = path.with_suffix(".partial")
            partial.write_text("".join(json.dumps(row) + "\n" for row in compute()))
            partial.replace(path)
        return [json.loads(line) for line in path.read_text().splitlines()]

    def _sample(self, name: str, advance: Callable[[], None]) -> list[list[dict[str, Any]]]:
        policy = load_policy(f"world:{name}")
        prms = [load_prm(f"world:{prm}") for prm in self.prms]

        async def one(problem: WorldProblem) -> list[dict[str, Any]]:
            found = await self._sampled(problem, policy, prms)
            advance()
            return [asdict(sample) for sample in found]

        return asyncio.run(in_flight(one, self.problems, _IN_FLIGHT))

    async def _sampled(
        self, problem: WorldProblem, policy: Policy, prms: Sequence[RewardModel]
    ) -> list[Sample]:
        seed = derive_seed(self.seed, problem.problem)
        meter = Ledger().phase("samples")
        request = SampleRequest(problem.problem, n=self.n_samples, max_new_tokens=256, seed=seed)
        written = await policy.sample(request, meter)
        texts = [split_steps(c.text, policy.step_delimiter) if c.finish == "stop" else () for c in written]
        scores = await asyncio.gather(*(prm.score(problem.problem, steps) for steps in texts for prm in prms))
        last = [s[-1] if s else 0.0 for s in scores]
        samples = []
        for k, (steps, continuation) in enumerate(zip(texts, written, strict=True)):
            answer = extract_answer(steps[-1]) if steps else None
            samples.append(
                Sample(
                    answer,
                    is_equivalent(answer or "", problem.answer),
                    is_strictly_right(problem.problem, steps),
                    continuation.n_tokens,
                    last[k * len(prms) : (k + 1) * len(prms)],
                )
            )
        return samples

    def _search(self, method: str, budget: int, policy: str, prm: str | None) -> list[dict[str, Any]]:
        options = Options(
            policy=f"world:{policy}",
            prm=prm and f"world:{prm}",
            method=method,
            budget=budget,
            seed=self.seed,
        )
        plan, executors = prepare(options)

        async def one(problem: WorldProblem) -> dict[str, Any]:
            solution = await run_plan(Problem(problem.problem), plan, executors, options)
            total = solution.bill.total
            right = is_equivalent(solution.answer or "", problem.answer)
            return asdict(Run(right, total.policy_generated_tokens, total.flops))

        return asyncio.run(in_flight(one, self.problems, _IN_FLIGHT))
