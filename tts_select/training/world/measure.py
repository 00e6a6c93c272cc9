"""What the world report reads off a sweep of problems of the embedded world."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tts_select.core.arm import Arm
from tts_select.core.cost import inference_flops
from tts_select.core.errors import InputError
from tts_select.data.world.checker import is_strictly_right
from tts_select.data.world.suite import STEP_DELIMITER, parse
from tts_select.executors.stepping import split_steps
from tts_select.training.log import records


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled solution; `scores` are the last step's, of each PRM in the order of the measurement."""

    text: str | None
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
    """A finished sweep with these PRMs, `prm` for `world:prm`."""

    log: records.SweepLog
    prms: tuple[str, ...]

    @cached_property
    def problems(self) -> list[records.LoggedProblem]:
        """The problems of the sweep.

        Raises:
            InputError: one of them is not of the embedded world, so nothing can be checked exactly.
        """
        found = list(self.log.problems.values())
        if strange := next((p for p in found if parse(p.problem) is None), None):
            raise InputError(
                f"problem {strange.id} is not of the embedded world: this report is of sweeps of its "
                "problems alone (tts-select world problems); for others there is `tts-select evaluate`"
            )
        return found

    @property
    def n_samples(self) -> int:
        """The number of samples of each policy on each problem."""
        return self.log.manifest.n_samples

    def samples(self, policy: str) -> list[list[Sample]]:
        """The samples of every problem."""
        name = f"world:{policy}"
        return [
            [self._sample(problem, sample) for sample in self.log.pools[problem.id, name].samples]
            for problem in self.problems
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

    def searched(self) -> set[tuple[str, int, str, str]]:
        """The searches of the sweep: (method, budget, policy, PRM)."""
        arms = [arm for arm in self.log.manifest.arms if not arm.is_sampling and arm.prm]
        return {(a.method, a.budget, _bare(a.policy), _bare(a.prm or "")) for a in arms}

    def _sample(self, problem: records.LoggedProblem, sample: records.Sample) -> Sample:
        steps = split_steps(sample.text or "", STEP_DELIMITER) if sample.finish == "stop" else ()
        scores = (sample.scores.get(f"world:{prm}") for prm in self.prms)
        last = [found[-1] if found and steps else 0.0 for found in scores]
        strict = (problem.id, sample.text) in self._strict if steps else False
        return Sample(sample.text, sample.answer, sample.correct, strict, sample.n_tokens, last)

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


def _bare(name: str) -> str:
    return name.removeprefix("world:")
