"""A sweep log as cases to replay: what any arm would have answered and cost, with which evidence.

The samples of a pool are exchangeable, so every order of them is a draw: an arm that takes k samples is
replayed on the first k of the order. Nothing is computed by a model.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.core.arm import Arm
from tts_select.core.cost import inference_flops
from tts_select.core.voting import ROUND, is_settled
from tts_select.data.grading import is_equivalent
from tts_select.selector.evidence import Evidence, Observed, counts, grouped, won_by
from tts_select.training.sweep.records import LoggedProblem, Pool, Run, Sample, SweepLog


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an arm came to: its answer's group and share of the vote, whether it is right, and the cost."""

    correct: float
    group: int
    share: float
    flops: float
    tokens: float


@dataclass(frozen=True, slots=True)
class Order:
    """A draw: for each policy a permutation of its pool, and which of its runs each search arm gets."""

    samples: Mapping[str, np.ndarray]
    run: int


@dataclass(frozen=True, slots=True)
class Case:
    """One problem of a sweep."""

    problem: LoggedProblem
    observed: Mapping[str, Sequence[Observed]]
    correct: Mapping[str, np.ndarray]
    """By policy, of each sample."""
    pools: Mapping[str, Pool]
    runs: Mapping[str, Sequence[tuple[Run, int]]]
    """By arm name, with the group of the run's answer."""
    n_parameters: Mapping[str, int]

    def order(self, rng: np.random.Generator) -> Order:
        """A random draw."""
        perms = {policy: rng.permutation(len(samples)) for policy, samples in self.observed.items()}
        return Order(perms, int(rng.integers(1 << 30)))

    def evidence(self, order: Order, n: Mapping[str, int], scored: Mapping[str, frozenset[str]]) -> Evidence:
        """The first `n[policy]` samples of each policy; only the scores of the PRMs in `scored[policy]`."""
        seen = {
            policy: [
                _seen(self.observed[policy][k], scored.get(policy)) for k in order.samples[policy][:count]
            ]
            for policy, count in n.items()
            if count
        }
        return Evidence(self.problem.problem, seen)

    def pass_at_1(self, policy: str) -> float:
        """The share of right samples."""
        return float(self.correct[policy].mean())

    def outcome(self, arm: Arm, order: Order) -> Outcome:
        """Of the arm alone, from the start."""
        if not arm.is_sampling:
            runs = self.runs[arm.name]
            run, group = runs[order.run % len(runs)]
            cost = run.cost
            return Outcome(
                run.correct, group, run.confidence or 0.0, cost.flops, float(cost.policy_generated_tokens)
            )
        places = order.samples[arm.policy]
        n = self.n_samples(arm, order)
        taken = [self.observed[arm.policy][k] for k in places[:n]]
        won = won_by(arm, taken)
        right = self.is_right(won.group)
        flops, tokens = self.sampling_cost(arm.policy, arm.prm, order, 0, n)
        return Outcome(right, won.group, won.share, flops, tokens)

    def n_samples(self, arm: Arm, order: Order) -> int:
        """How many samples a sampling arm takes; an adaptive one stops by itself."""
        if arm.method == "adaptive":
            return self._adaptive_n(arm, order.samples[arm.policy])
        return min(arm.budget, len(self.observed[arm.policy]))

    def is_right(self, group: int) -> float:
        """Whether the answer of this group is the right one."""
        return float(group == 0)  # the known answer is grouped first

    def sampling_cost(
        self,
        policy: str,
        prm: str | None,
        order: Order,
        n_before: int,
        n: int,
        *,
        scored_before: int | None = None,
    ) -> tuple[float, float]:
        """(FLOPs, generated tokens) of going from `n_before` samples to `n`, scored by `prm`; of the samples
        that are there `scored_before` (default: all) have been scored by it already."""
        pool, places = self.pools[policy], order.samples[policy]
        generated = sum(pool.samples[k].n_tokens for k in places[n_before:n])
        prompt = pool.prompt_tokens if n_before == 0 and n else 0
        flops = inference_flops(self.n_parameters[policy], generated + prompt)
        if prm is not None:
            before = n_before if scored_before is None else scored_before
            read = self._prm_tokens(policy, prm, n) - self._prm_tokens(policy, prm, before)
            flops += inference_flops(self.n_parameters[prm], max(0.0, read))
        return flops, float(generated)

    def _prm_tokens(self, policy: str, prm: str, n: int) -> float:
        curve = self.pools[policy].prm_tokens[prm]
        if n == 0:
            return 0.0
        known = sorted(curve)
        right = min(bisect_left(known, n), len(known) - 1)
        left = right if known[right] <= n else max(0, right - 1)
        return float(np.interp(n, [known[left], known[right]], [curve[known[left]], curve[known[right]]]))

    def _adaptive_n(self, arm: Arm, places: np.ndarray) -> int:
        for n in range(ROUND, arm.budget + 1, ROUND):
            if is_settled(counts([self.observed[arm.policy][k] for k in places[:n]])):
                return n
        return arm.budget


def cases_of(log: SweepLog) -> list[Case]:
    """One case a problem, in the order of the log."""
    arms = [arm for arm in log.manifest.arms if not arm.is_sampling]
    sizes = {name: card.n_parameters for name, card in log.manifest.models.items()}
    policies = tuple(dict.fromkeys(arm.policy for arm in log.manifest.arms))
    return [_case(log, problem, policies, arms, sizes) for problem in log.problems.values()]


def _case(
    log: SweepLog,
    problem: LoggedProblem,
    policies: Sequence[str],
    searches: Sequence[Arm],
    sizes: Mapping[str, int],
) -> Case:
    pools = {policy: log.pools[problem.id, policy] for policy in policies}
    runs = {arm.name: log.runs[problem.id, arm.name] for arm in searches}
    answers: list[str | None] = [problem.answer]
    answers += [s.answer for pool in pools.values() for s in pool.samples]
    answers += [run.answer for found in runs.values() for run in found]
    groups = iter(grouped(answers, is_equivalent)[1:])
    observed = {policy: [_observed(s, next(groups)) for s in pool.samples] for policy, pool in pools.items()}
    numbered = {name: [(run, next(groups)) for run in found] for name, found in runs.items()}
    correct = {p: np.array([s.correct for s in pool.samples], dtype=float) for p, pool in pools.items()}
    return Case(problem, observed, correct, pools, numbered, sizes)


def _observed(sample: Sample, group: int) -> Observed:
    n_steps = sample.text.count("\n\n") + 1 if sample.text else 0
    return Observed(group, sample.n_tokens, sample.logprob, n_steps, sample.scores)


def _seen(sample: Observed, prms: frozenset[str] | None) -> Observed:
    if prms is None:
        return Observed(sample.group, sample.n_tokens, sample.logprob, sample.n_steps)
    if prms.issuperset(sample.scores):
        return sample
    scores = {prm: s for prm, s in sample.scores.items() if prm in prms}
    return Observed(sample.group, sample.n_tokens, sample.logprob, sample.n_steps, scores)
