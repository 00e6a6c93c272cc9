"""A log as cases to replay: what any arm would have answered and cost, with which evidence.

An imported log is replayed as a sweep is, with its own grading and in its own unit of costs. The samples of
a pool are exchangeable, so every order of them is a draw: an arm that takes k samples is replayed on the
first k of the order. Nothing is computed by a model.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError
from tts_select.core.methods import METHODS
from tts_select.core.voting import aggregate
from tts_select.data.grading import group_equivalent
from tts_select.selector.evidence import Evidence, SeenSamples, SolutionEvidence, won_by
from tts_select.training.log.estimators import best_of_k
from tts_select.training.log.manifest import pools_of
from tts_select.training.log.records import LoggedProblem, Manifest, Pool, Run, Sample, SweepLog
from tts_select.training.log.wordless import STEP_DELIMITER
from tts_select.training.replay.costs import Costs, costs_of
from tts_select.training.replay.grouping import RIGHT, Groups, is_cut


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an arm: its answer's group and share of the vote, whether it is right, and the cost."""

    correct: float
    group: int
    share: float
    flops: float
    tokens: float


@dataclass(frozen=True, slots=True)
class Order:
    """A draw of one case: for each pool a permutation of its samples, and which of its runs each search arm
    gets. It keeps what replays of the case have seen."""

    samples: Mapping[str, np.ndarray]
    run: int
    pools: dict[tuple[Any, ...], SeenSamples] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Of each pool, by how many samples were drawn and scored."""
    evidence: dict[tuple[Any, ...], Evidence] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Of the case, by position."""


def order_in(sizes: Mapping[str, int], rng: np.random.Generator) -> Order:
    """Draw a random order of pools of these sizes."""
    perms = {pool: rng.permutation(n) for pool, n in sizes.items()}
    return Order(perms, int(rng.integers(1 << 30)))


@dataclass(frozen=True, slots=True)
class Position:
    """The point that a replay of a case has come to: samples of each pool, how many of them PRMs have scored,
    searches by name."""

    n: Mapping[str, int] = field(default_factory=dict)
    scored: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    found: frozenset[str] = frozenset()
    readers: frozenset[str] = frozenset()
    """The policies and PRMs that have read the prompt: their caches keep it."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What evidence depends on: who has read the prompt does not count."""
        scored = ((pool, *sorted(by_prm.items())) for pool, by_prm in self.scored.items())
        return (*self.n.items(), *scored), self.found

    def after(self, arm: Arm, n: int) -> Position:
        """Return the position when the arm has run, with `n` samples if it is a sampling arm."""
        readers = self.readers | {model for model in (arm.policy, arm.prm) if model}
        if not arm.is_sampling:
            return replace(self, found=self.found | {arm.name}, readers=readers)
        seen = max(n, self.n.get(arm.pool, 0))
        scored = {**self.scored.get(arm.pool, {}), **({arm.prm: seen} if arm.prm else {})}
        return Position({**self.n, arm.pool: seen}, {**self.scored, arm.pool: scored}, self.found, readers)


@dataclass(frozen=True, slots=True)
class Case:
    """One problem of a log. Its pools are known by their names."""

    problem: LoggedProblem
    observed: Mapping[str, Sequence[SolutionEvidence]]
    correct: Mapping[str, np.ndarray]
    """By pool, whether each sample is right."""
    pools: Mapping[str, Pool]
    runs: Mapping[str, Sequence[tuple[Run, SolutionEvidence]]]
    """The runs by arm name."""
    searchers: Mapping[str, str]
    """The policy of each search, by arm name."""
    costs: Costs
    """What tokens cost, in the unit that is asked of the log."""
    partly: dict[tuple[Any, ...], SolutionEvidence] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Samples with the scores of some PRMs, by pool, place and these."""
    in_any_order: dict[tuple[Any, ...], Evidence] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """By position, where no order makes a difference."""

    def order(self, rng: np.random.Generator) -> Order:
        """Draw a random order."""
        return order_in({pool: len(samples) for pool, samples in self.observed.items()}, rng)

    def evidence(self, order: Order, position: Position) -> Evidence:
        """Return what has been seen at a position."""
        seen = {
            pool: self._drawn(pool, order, n, position.scored.get(pool, {}))
            for pool, n in position.n.items()
            if n
        }
        found = {name: self._run(name, order)[1] for name in sorted(position.found)}
        exhausted = frozenset(pool for pool, n in position.n.items() if n >= len(self.observed[pool]))
        return Evidence(self.problem.problem, seen, found, exhausted)

    def evidence_again(self, order: Order, position: Position) -> Evidence:
        """Return the same, always as the same object: a walk at another price comes there again. Of greedy
        solutions there is one a pool, so walks in all orders come to the same."""
        key = position.key
        is_greedy = not position.found and all(len(self.observed[pool]) == 1 for pool in position.n)
        known = self.in_any_order if is_greedy else order.evidence
        if key not in known:
            known[key] = self.evidence(order, position)
        return known[key]

    def _drawn(self, pool: str, order: Order, n: int, scored: Mapping[str, int]) -> SeenSamples:
        """Return the first samples of a pool, always the same object."""
        key = (pool, n, *sorted(scored.items()))
        if key not in order.pools:
            places = order.samples[pool][:n].tolist()
            order.pools[key] = SeenSamples(
                self._seen(pool, k, place, scored) for place, k in enumerate(places)
            )
        return order.pools[key]

    def _seen(self, pool: str, k: int, place: int, scored: Mapping[str, int]) -> SolutionEvidence:
        """Return a sample with the scores of those PRMs that have come to its place."""
        sample = self.observed[pool][k]
        prms = tuple(prm for prm in sample.scores if place < scored.get(prm, 0))
        if len(prms) == len(sample.scores):
            return sample
        key = (pool, k, prms)
        if key not in self.partly:
            self.partly[key] = replace(sample, scores={prm: sample.scores[prm] for prm in prms})
        return self.partly[key]

    def pass_at_1(self, policy: str) -> float:
        """Return the share of right samples in the policy's largest pool, without those that were cut,
        unless all were. For a policy that is not sampled it is the share of right searches."""
        pools = [name for name, pool in self.pools.items() if pool.policy == policy]
        if not pools:
            return float(np.mean([run.correct for run, _ in self.found_by(policy)]))
        largest = max(pools, key=lambda name: len(self.correct[name]))
        ended = np.array([not is_cut(sample) for sample in self.pools[largest].samples])
        return float(self.correct[largest][ended if ended.any() else ~ended].mean())

    def found_by(self, policy: str) -> list[tuple[Run, SolutionEvidence]]:
        """Return what all searches of a policy came to."""
        return [run for name, runs in self.runs.items() if self.searchers[name] == policy for run in runs]

    def outcome(self, arm: Arm, order: Order) -> Outcome:
        """Return the outcome of the arm alone, from the start."""
        if not arm.is_sampling:
            run, observed = self._run(arm.name, order)
            share, tokens = run.confidence or 0.0, float(run.cost.policy_generated_tokens)
            return Outcome(run.correct, observed.group, share, self.costs.of_run(arm, run.cost), tokens)
        n = self.n_samples(arm, order)
        won = won_by(arm, [self.observed[arm.pool][k] for k in order.samples[arm.pool][:n]])
        flops, tokens = self.sampling_cost(arm, order, Position(), n)
        return Outcome(self.is_right(won.group), won.group, won.share, flops, tokens)

    def best_of(self, arm: Arm) -> float:
        """Return how often the best-scored of as many samples as the arm takes is right, over all subsets."""
        samples = self.observed[arm.pool]
        scores = [s.scores.get(arm.prm or "") for s in samples]
        settled = [aggregate(found, arm.settings.aggregation) if found else -1.0 for found in scores]
        right = [s.group == 0 for s in samples]
        return best_of_k(settled, right, min(arm.budget, len(samples)))

    def n_samples(self, arm: Arm, order: Order) -> int:
        """Return how many samples a sampling arm takes; one with a stop rule stops by itself."""
        observed = self.observed[arm.pool]
        if rule := METHODS[arm.method].stop_rule:
            places = order.samples[arm.pool][: arm.budget]
            return rule.n_drawn([observed[k].group for k in places], arm.budget)
        return min(arm.budget, len(observed))

    def is_right(self, group: int) -> float:
        """Return whether the answer of this group is the right one."""
        return float(group == RIGHT)

    def cost(self, arm: Arm, order: Order, position: Position) -> float:
        """Return the cost from a position to the end of the arm."""
        if arm.is_sampling:
            return self.sampling_cost(arm, order, position, self.n_samples(arm, order))[0]
        whole = self.costs.of_run(arm, self._run(arm.name, order)[0].cost)
        return max(0.0, whole - self._reused(arm, position))

    def sampling_cost(self, arm: Arm, order: Order, position: Position, n: int) -> tuple[float, float]:
        """Return (cost, generated tokens) from a position to `n` samples of the arm's pool, scored by its
        PRM."""
        pool, places = self.pools[arm.pool], order.samples[arm.pool]
        here = position.n.get(arm.pool, 0)
        generated = sum(pool.samples[k].n_tokens for k in places[here:n])
        prompt = 0 if here or arm.policy in position.readers else pool.prompt_tokens or 0
        cost = self.costs.per_token[arm.policy] * generated + self.costs.per_prompt_token[arm.policy] * prompt
        if arm.prm is not None:
            before = position.scored.get(arm.pool, {}).get(arm.prm, 0)
            read = self._prm_tokens(pool, arm.prm, max(n, here)) - self._prm_tokens(pool, arm.prm, before)
            if not before and arm.prm in position.readers:
                read -= self._prompt_tokens
            cost += self.costs.per_token[arm.prm] * max(0.0, read)
        return cost, float(generated)

    def scoring_cost(self, arm: Arm, n: int) -> float:
        """Return what the arm's PRM reads of its first `n` samples comes to; NaN if that is not known."""
        assert arm.prm is not None
        return self.costs.per_token[arm.prm] * self._prm_tokens(self.pools[arm.pool], arm.prm, n)

    @property
    def _prompt_tokens(self) -> int:
        """The prompt's tokens; a PRM's are hardly more or fewer than a policy's, and no log splits them."""
        return min((pool.prompt_tokens or 0 for pool in self.pools.values()), default=0)

    def _reused(self, arm: Arm, position: Position) -> float:
        """Return the cost of reading the prompt that was paid before the run and is not paid again."""
        again = [model for model in (arm.policy, arm.prm) if model in position.readers]
        return sum(self.costs.per_prompt_token[model] * self._prompt_tokens for model in again)

    def _run(self, name: str, order: Order) -> tuple[Run, SolutionEvidence]:
        runs = self.runs[name]
        return runs[order.run % len(runs)]

    def _prm_tokens(self, pool: Pool, prm: str, n: int) -> float:
        """Return what the PRM has read after so many samples; NaN if that is not known, as in an imported
        log."""
        if n == 0:
            return 0.0
        if prm not in pool.prm_tokens:
            return math.nan
        curve = pool.prm_tokens[prm]
        known = sorted(curve)
        right = min(bisect_left(known, n), len(known) - 1)
        left = right if known[right] <= n else max(0, right - 1)
        return float(np.interp(n, [known[left], known[right]], [curve[known[left]], curve[known[right]]]))


class Recorded(NamedTuple):
    """What a log has of a problem, in the order of its manifest."""

    pools: Mapping[str, Pool]
    runs: Mapping[str, Sequence[Run]]
    """By arm name; nobody searches in an imported log."""


def cases_of(log: SweepLog) -> list[Case]:
    """Return one case for each problem that every pool has samples of, in the order of the log.

    Raises:
        InputError: there is no such problem.
    """
    costs, cases = costs_of(log.manifest), []
    for problem in replayed_in(log):
        recorded = recorded_of(log, problem)
        cases.append(case_of(log.manifest, problem, recorded, numbers_of(problem, recorded, log), costs))
    return cases


def replayed_in(log: SweepLog) -> list[LoggedProblem]:
    """Return the problems that every pool has samples of, in the order of the log.

    Raises:
        InputError: there are none.
    """
    pools = pools_of(log.manifest.arms)
    problems = [p for p in log.problems.values() if all((p.id, name) in log.pools for name in pools)]
    if not problems:
        raise InputError(
            f"no problem of the log has samples of all {len(pools)} policies: name some with --policies"
        )
    return problems


def recorded_of(log: SweepLog, problem: LoggedProblem) -> Recorded:
    """Return what the log has of a problem."""
    pools = {name: log.pools[problem.id, name] for name in pools_of(log.manifest.arms)}
    if log.manifest.imported is not None:
        return Recorded(pools, {})
    searches = [arm.name for arm in log.manifest.arms if not arm.is_sampling]
    return Recorded(pools, {name: log.runs[problem.id, name] for name in searches})


def numbers_of(problem: LoggedProblem, recorded: Recorded, log: SweepLog) -> list[int]:
    """Return the groups of a problem's answers, pool by pool and then search by search. Those of an imported
    log are as it has graded them; a sweep's are compared, which takes the time."""
    if log.manifest.imported is not None:
        groups = Groups()
        return [groups.of_sample(s) for pool in recorded.pools.values() for s in pool.samples]
    answers: list[str | None] = [problem.answer]
    answers += [s.answer for pool in recorded.pools.values() for s in pool.samples]
    answers += [run.answer for found in recorded.runs.values() for run in found]
    return group_equivalent(answers)[1:]  # the known answer is grouped first, as `RIGHT`


def case_of(
    manifest: Manifest, problem: LoggedProblem, recorded: Recorded, numbers: Iterable[int], costs: Costs
) -> Case:
    """Return the case of a problem whose answers have these groups (`numbers_of`)."""
    (pools, runs), groups = recorded, iter(numbers)
    searches = {arm.name: arm for arm in manifest.arms if arm.name in runs}
    observed = {name: [_observed(s, next(groups)) for s in pool.samples] for name, pool in pools.items()}
    numbered = {
        name: [(run, _ended(run, searches[name].prm, next(groups))) for run in found]
        for name, found in runs.items()
    }
    if manifest.imported is not None:
        correct = {n: np.array([s.group == RIGHT for s in some], float) for n, some in observed.items()}
    else:
        correct = {n: np.array([s.correct for s in pool.samples], dtype=float) for n, pool in pools.items()}
    searchers = {name: arm.policy for name, arm in searches.items()}
    return Case(problem, observed, correct, pools, numbered, searchers, costs)


def _observed(sample: Sample, group: int) -> SolutionEvidence:
    n_steps = sample.text.count(STEP_DELIMITER) + 1 if sample.text else 0
    logprob = math.nan if sample.logprob is None else sample.logprob
    return SolutionEvidence(
        group,
        sample.n_tokens,
        logprob,
        n_steps,
        sample.scores,
        is_cut=is_cut(sample),
        certainty=math.nan if sample.certainty is None else sample.certainty,
    )


def _ended(run: Run, prm: str | None, group: int) -> SolutionEvidence:
    scores = {prm: run.scores} if prm is not None and run.scores else {}
    share = 1.0 if run.confidence is None else run.confidence
    return SolutionEvidence(group, run.n_tokens, run.logprob, len(run.scores), scores, share)
