"""Runs a sweep: samples once, scores with every PRM, and runs what no pool of samples can show.

The work is cut into stages: a pool of one policy, or one seed of one search arm, on all problems; those of a
policy come together. Each stage begins with models that have forgotten what they computed before, so a bill
never depends on what ran before, nor on where a sweep was interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from tts_select.core.arm import POOL_SETTINGS, Arm
from tts_select.core.candidate import Candidate
from tts_select.core.errors import BackendError, InputError, TtsSelectError, UnknownName, unknown_size
from tts_select.core.pricing import price_of_tokens
from tts_select.core.problem import Problem
from tts_select.core.protocols import Policy, RewardModel
from tts_select.core.solution import Solution
from tts_select.data.grading import GRADER
from tts_select.executors.registry import Loaders
from tts_select.selector.outlook import Spending
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.named import NamedArm
from tts_select.solving.batch import DEFAULT_CONCURRENCY, in_flight
from tts_select.solving.models import FRESH, Models
from tts_select.solving.session import Session
from tts_select.training.log.manifest import PoolPlan, pools_of, searches
from tts_select.training.log.reading import key_of
from tts_select.training.log.records import LoggedProblem, Manifest, ModelCard, Pool, Run, SweepLog
from tts_select.training.log.writer import Writer
from tts_select.training.sweep.pooling import is_right, sample_pool
from tts_select.training.sweep.reuse import reusable

DEFAULT_SAMPLES = 64
DEFAULT_RUNS = 2


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep to run. It is validated by `check` and inert until then."""

    portfolio: Portfolio
    problems: Sequence[LoggedProblem]
    n_samples: int = DEFAULT_SAMPLES
    """The number of samples of each policy on each problem."""
    n_runs: int = DEFAULT_RUNS
    """The number of runs of each search arm on each problem."""
    seed: int = 0
    concurrency: int = DEFAULT_CONCURRENCY
    n_samples_of: Mapping[str, int] = field(default_factory=dict)
    """The number of samples by policy, where it differs."""

    @property
    def searches(self) -> list[tuple[Arm, int]]:
        """The arms that are run, each with its seeds."""
        return searches(self.portfolio.arms, self.n_runs, self.seed)

    @property
    def n_records(self) -> int:
        """The number of pools and runs."""
        return len(self.problems) * (len(self.pools) + len(self.searches))

    @property
    def pools(self) -> dict[str, PoolPlan]:
        """The pools by name, with how each is sampled."""
        return pools_of(self.portfolio.arms)

    def check(self) -> None:
        """Raises:
        InputError: there is no problem, or a pool could not show what a sampling arm would have done.
        """
        if not self.problems:
            raise InputError("there is no problem to sweep: name a file with some")
        if unknown := sorted(set(self.n_samples_of) - set(self.portfolio.policies)):
            raise UnknownName("policy of the portfolio", unknown[0], self.portfolio.policies)
        if len({problem.id for problem in self.problems}) < len(self.problems):
            raise InputError("two problems have the same id: give each its own")
        for arm in self.portfolio.arms:
            if arm.is_sampling:
                self._check_sampling(arm)
        if both := set(self.portfolio.policies) & set(self.portfolio.prms):
            raise InputError(
                f"'{min(both)}' is a policy and a PRM of the portfolio: call one of them otherwise"
            )

    def _check_sampling(self, arm: Arm) -> None:
        n = self.pools[arm.pool].size(self.n_samples, self.n_samples_of)
        if arm.temperature > 0 and arm.budget > n:
            raise InputError(
                f"the arm '{arm.name}' needs {arm.budget} samples and a pool has {n}: "
                f"ask for --samples {arm.budget}, or take the arm out of the portfolio"
            )
        if arm.temperature == 0 and arm.budget > 1:
            raise InputError(
                f"the arm '{arm.name}' is greedy, so its {arm.budget} samples are all the same: "
                "give it a temperature, or a budget of 1"
            )
        shared = self.pools[arm.pool].arm.settings
        for name in POOL_SETTINGS:
            if getattr(arm.settings, name) != getattr(shared, name):
                raise InputError(
                    f"the arm '{arm.name}' samples with another {name} than {getattr(shared, name)}, and one "
                    "pool serves all sampling arms of a policy at one temperature: sweep it by itself"
                )


Progress = Callable[[int, int, str], None]
"""Called after each record with how many are there, of how many, and what was at work."""
Work = Callable[[LoggedProblem], Awaitable[Pool | Run]]


@dataclass(frozen=True, slots=True)
class _Stage:
    name: str
    todo: Sequence[LoggedProblem]
    work: Work


def run_sweep(
    sweep: Sweep,
    folder: Path,
    *,
    reuse: Sequence[Path] = (),
    loaders: Loaders = FRESH,
    progress: Progress = lambda *_: None,
) -> SweepLog:
    """Run what the log in `folder` does not hold yet, and complete it; `reuse` are earlier logs, whose
    records of unchanged problems, models and arms are taken over.

    Raises:
        InputError: the sweep cannot be run, `folder` holds another one, or a model cannot read a problem.
        BackendError: a model failed.
        OSError: a record cannot be written; those written before are whole.
    """
    sweep.check()
    models = Models(loaders, one_policy=True)
    try:
        with Writer(folder, manifest_of(sweep, models), sweep.problems) as log:
            for earlier in reuse:
                _take_over(earlier, sweep, log)
            asyncio.run(_run_stages(sweep, log, models, progress))
            return log.finish()
    finally:
        models.close()


def _take_over(earlier: Path, sweep: Sweep, log: Writer) -> None:
    for record in reusable(earlier, log.manifest, sweep.problems):
        if key_of(record) not in log:
            log.write(record)


def manifest_of(sweep: Sweep, swept: Models) -> Manifest:
    """Return the manifest. Every model is loaded for its fingerprint, so one that cannot be loaded is
    found before any work."""
    policies, prms = sweep.portfolio.policies, sweep.portfolio.prms
    # the one that begins is loaded last, and stays
    cards = {spec: _card("policy", swept.policy(spec)) for spec in reversed(policies)}
    cards |= {spec: _card("prm", swept.prm(spec)) for spec in prms}
    return Manifest(
        portfolio=sweep.portfolio.name,
        arms=sweep.portfolio.arms,
        n_samples=sweep.n_samples,
        n_samples_of=dict(sweep.n_samples_of),
        n_runs=sweep.n_runs,
        seed=sweep.seed,
        models={spec: cards[spec] for spec in (*policies, *prms)},
        grader=GRADER,
    )


def _card(kind: str, model: Policy | RewardModel) -> ModelCard:
    if model.n_parameters is None:
        raise InputError(unknown_size(model.name))
    return ModelCard(kind, model.n_parameters, model.fingerprint, price_of_tokens(model))


async def _run_stages(sweep: Sweep, log: Writer, models: Models, progress: Progress) -> None:
    progress(log.n_done, sweep.n_records, "")
    for spec in sweep.portfolio.policies:
        for stage in _stages(sweep, spec, log, models):
            await _run_stage(stage, log, sweep.concurrency, partial(_report, sweep, log, stage, progress))
            await models.forget()


def _report(sweep: Sweep, log: Writer, stage: _Stage, progress: Progress) -> None:
    progress(log.n_done, sweep.n_records, stage.name)


def _stages(sweep: Sweep, policy: str, log: Writer, models: Models) -> Iterator[_Stage]:
    """Yield what is left to do with a policy; the models of a stage are loaded when it is its turn."""
    for name, plan in sweep.pools.items():
        todo = [p for p in sweep.problems if ("pool", p.id, name) not in log]
        if todo and plan.arm.policy == policy:
            yield _Stage(f"samples of {name}", todo, _pooling(sweep, plan, models))
    for arm, seed in sweep.searches:
        todo = [p for p in sweep.problems if ("run", p.id, arm.name, seed) not in log]
        if todo and arm.policy == policy:
            yield _Stage(arm.name, todo, _searching(arm, seed, models))


async def _run_stage(stage: _Stage, log: Writer, concurrency: int, advance: Callable[[], None]) -> None:
    """Run a stage. After a failure nothing new is begun; what is in flight ends, and is kept."""
    failures: list[TtsSelectError] = []

    async def one(problem: LoggedProblem) -> None:
        if failures:
            return
        try:
            record = await stage.work(problem)
        except TtsSelectError as error:
            failures.append(_about(problem, error))
            return
        try:
            log.write(record)
        except ValueError as error:
            failures.append(BackendError(f"a model failed on the problem '{problem.id}': {error}"))
            return
        advance()

    await in_flight(one, stage.todo, concurrency)
    if failures:
        raise failures[0]


def _about(problem: LoggedProblem, error: TtsSelectError) -> TtsSelectError:
    if isinstance(error, InputError):
        return InputError(
            f"the problem '{problem.id}': {error}; or take it out of the problems, and sweep anew"
        )
    return BackendError(f"the problem '{problem.id}': {error}")


def _pooling(sweep: Sweep, plan: PoolPlan, models: Models) -> Work:
    arm, n = plan.arm, plan.size(sweep.n_samples, sweep.n_samples_of)
    policy = models.policy(arm.policy)
    prms = {name: models.prm(name) for name in plan.prms}
    settings = replace(arm.settings, seed=sweep.seed, temperature=arm.temperature)

    async def work(problem: LoggedProblem) -> Pool:
        return await sample_pool(problem, arm.policy, policy, prms, settings=settings, n=n)

    return work


def _searching(arm: Arm, seed: int, models: Models) -> Work:
    router = NamedArm(arm, why="swept")
    models.load(router.portfolio)

    async def work(problem: LoggedProblem) -> Run:
        session = Session(router, models, Problem(problem.problem, problem.id), Spending(), seed=seed)
        solution = await session.run()
        if solution.errors:
            raise BackendError(solution.errors[0])
        best = _chosen(solution)
        return Run(
            problem=problem.id,
            arm=arm.name,
            seed=seed,
            answer=solution.answer,
            correct=is_right(solution.answer, problem),
            confidence=solution.confidence,
            n_tokens=best.n_tokens,
            logprob=best.logprob,
            scores=best.step_scores or (),
            cost=replace(solution.bill.total, dollars=0.0),
        )

    return work


def _chosen(solution: Solution) -> Candidate:
    """The candidate that is the answer's solution; an empty one if there is no answer."""
    texts = (r.candidate for r in solution.candidates if r.text == solution.text)
    return next(texts, Candidate()) if solution.answer is not None else Candidate()
