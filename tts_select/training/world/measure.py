"""The measurement behind the world report: a sweep on test problems, with a portfolio of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tts_select.core.arm import Arm
from tts_select.core.cost import inference_flops
from tts_select.data.world.checker import is_strictly_right
from tts_select.data.world.suite import STEP_DELIMITER, WorldProblem
from tts_select.executors.stepping import split_steps
from tts_select.selector.portfolio import Portfolio
from tts_select.training.log import records
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import run_sweep


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


@dataclass(frozen=True)
class Measurement:
    """A finished sweep of `problems`."""

    problems: Sequence[WorldProblem]
    prms: tuple[str, ...]
    log: records.SweepLog

    @property
    def n_samples(self) -> int:
        """The number of samples of each policy on each problem."""
        return self.log.manifest.n_samples

    def samples(self, policy: str) -> list[list[Sample]]:
        """The samples of every problem."""
        return [
            self._row(problem, self.log.pools[problem.id, f"world:{policy}"]) for problem in self.problems
        ]

    def runs(self, method: str, budget: int, policy: str, prm: str | None) -> list[Run]:
        """The first search on every problem."""
        name = Arm(f"world:{policy}", prm and f"world:{prm}", method, budget).name
        found = [self.log.runs[problem.id, name][0] for problem in self.problems]
        return [Run(run.correct, run.cost.policy_generated_tokens, run.cost.flops) for run in found]

    def greedy(self, policy: str) -> list[Run]:
        """The greedy solution of every problem."""
        arm = Arm(f"world:{policy}", None, "cot", 1)
        size = self.log.manifest.models[arm.policy].n_parameters
        found = [self.log.pools[problem.id, arm.pool] for problem in self.problems]
        return [
            Run(s.correct, s.n_tokens, inference_flops(size, (pool.prompt_tokens or 0) + s.n_tokens))
            for pool in found
            for s in pool.samples
        ]

    def _row(self, problem: WorldProblem, pool: records.Pool) -> list[Sample]:
        return [self._sample(problem, sample) for sample in pool.samples]

    def _sample(self, problem: WorldProblem, sample: records.Sample) -> Sample:
        steps = split_steps(sample.text or "", STEP_DELIMITER) if sample.finish == "stop" else ()
        scores = (sample.scores.get(f"world:{prm}") for prm in self.prms)
        last = [found[-1] if found and steps else 0.0 for found in scores]
        strict = (problem.id, sample.text) in self._strict if steps else False
        return Sample(sample.answer, sample.correct, strict, sample.n_tokens, last)

    @cached_property
    def _strict(self) -> set[tuple[str, str]]:
        """The texts that are right in every step; the same text comes often."""
        texts = {(place, s.text) for (place, _), pool in self.log.pools.items() for s in pool.samples}
        asked = {problem.id: problem.problem for problem in self.problems}
        return {
            (place, text)
            for place, text in texts
            if text and is_strictly_right(asked[place], split_steps(text, STEP_DELIMITER))
        }


def measure_world(
    folder: Path,
    problems: Sequence[WorldProblem],
    arms: Sequence[Arm],
    prms: tuple[str, ...],
    *,
    n_samples: int,
    seed: int,
    progress: Callable[[int, int, str], None],
) -> Measurement:
    """Sweep the arms on the problems, or go on with it; `folder` is an ordinary sweep log."""
    logged = [records.LoggedProblem(p.id, p.problem, p.answer, p.level, p.family) for p in problems]
    sweep = Sweep(Portfolio("world report", tuple(arms)), logged, n_samples, 1, seed)
    return Measurement(problems, prms, run_sweep(sweep, folder, progress=progress))
