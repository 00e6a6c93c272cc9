"""Runs one unit of a sweep: a unit and its models, and for scores the samples, make a record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from tts_select.core.candidate import Candidate
from tts_select.core.errors import BackendError
from tts_select.core.problem import Problem
from tts_select.core.protocols import Policy, RewardModel
from tts_select.core.solution import Solution
from tts_select.data.grading import is_equivalent
from tts_select.executors.accounting import Ledger
from tts_select.executors.aggregation import rank
from tts_select.executors.limits import LimitedPolicy, Limits
from tts_select.executors.scoring import scored
from tts_select.executors.search import Search
from tts_select.executors.stepping import split_steps
from tts_select.selector.outlook import Spending
from tts_select.selector.routers.named import NamedArm
from tts_select.solving.models import Models
from tts_select.solving.session import Session
from tts_select.training.log.chunks import rounds_in
from tts_select.training.log.records import LoggedProblem, Pool, Run, Sample, Scores
from tts_select.training.sweep.units import SampleUnit, ScoreUnit, SearchUnit, Unit

_SAMPLES = "samples"
_BETWEEN_STEPS = "\n\n"


def load(unit: Unit, models: Models) -> None:
    """Load what a unit needs, so that no clock runs while a model is loaded.

    Raises:
        InputError: a model cannot be loaded.
    """
    if isinstance(unit, ScoreUnit):
        models.prm(unit.prm)
    elif isinstance(unit, SampleUnit):
        models.policy(unit.policy)
    else:
        models.load(NamedArm(unit.arm, why="swept").portfolio)


async def perform(unit: Unit, models: Models, samples: Sequence[Pool] = ()) -> Pool | Scores | Run:
    """Run a unit. Scores need the records that it `needs`, in their order.

    Raises:
        InputError: a model cannot read the problem.
        BackendError: a model failed.
    """
    if isinstance(unit, SampleUnit):
        return await _sampled(unit, models.policy(unit.policy))
    if isinstance(unit, SearchUnit):
        return await _searched(unit, models)
    *before, pool = samples
    prm = models.prm(unit.prm)
    await _read_again(prm, unit.problem.problem, before, pool)
    return await _scored(unit, prm, pool)


async def _sampled(unit: SampleUnit, policy: Policy) -> Pool:
    """Sample as sampling methods do: the first k samples of a pool are those of `majority` with budget k."""
    ledger = Ledger()
    limited = LimitedPolicy(policy, Limits())
    search = Search(
        unit.problem.problem,
        limited,
        None,
        unit.settings,
        unit.n,
        ledger.phase(_SAMPLES),
        top_logprobs=unit.top_logprobs,
    )
    written = await search.solutions(unit.first + unit.n, first=unit.first)
    return Pool(
        problem=unit.problem.id,
        policy=unit.policy,
        temperature=unit.settings.temperature,
        prompt_tokens=ledger.bill.phases[_SAMPLES].policy_prompt_tokens,
        samples=tuple(_sample(unit.problem, candidate) for candidate in written),
        prm_tokens={},
        first=unit.first,
    )


async def _scored(unit: ScoreUnit, prm: RewardModel, pool: Pool) -> Scores:
    """Score the samples in rounds, as the first samples alone would be; truncated ones too, as `best_of_n`
    does."""
    ledger, asked = Ledger(), unit.samples
    meter = ledger.phase(unit.prm)
    written = [Candidate(steps) for steps in _steps(pool)]
    found: list[Candidate] = []
    tokens: dict[int, int] = {}
    unreadable: set[tuple[str, ...]] = set()
    for start, end in pairwise((asked.first, *rounds_in(asked.chunk, asked.pool_size))):
        found += await scored(
            prm,
            unit.problem.problem,
            written[start - asked.first : end - asked.first],
            meter=meter,
            failures=[],
            unreadable=unreadable,
        )
        tokens[end] = ledger.bill.total.prm_tokens
    complete = (sample.finish == "stop" for sample in pool.samples)
    scores = (c.step_scores or None if whole else None for c, whole in zip(found, complete, strict=True))
    return Scores(pool.problem, pool.policy, pool.temperature, unit.prm, tuple(scores), tokens, asked.first)


async def _read_again(prm: RewardModel, problem: str, before: Sequence[Pool], pool: Pool) -> None:
    """Have the PRM read what a chunk shares with the ones before it. That is on no bill, so that the chunk's
    is that of a pool that is scored at once; without it the chunk would take as much."""
    if not before:
        return
    earlier = [steps for part in before for steps in _steps(part) if steps]
    known = {steps[:n] for steps in earlier for n in range(1, len(steps) + 1)}
    shared = {
        max((steps[:n] for n in range(1, len(steps) + 1) if steps[:n] in known), key=len, default=())
        for steps in _steps(pool)
    }
    shared |= {steps[:1] for steps in earlier[:1]}  # the problem, if nothing else
    candidates = [Candidate(steps) for steps in sorted(shared) if steps]
    await scored(prm, problem, candidates, meter=None, failures=[], unreadable=set())


def _steps(pool: Pool) -> list[tuple[str, ...]]:
    return [split_steps(sample.text or "", _BETWEEN_STEPS) for sample in pool.samples]


async def _searched(unit: SearchUnit, models: Models) -> Run:
    problem, router = unit.problem, NamedArm(unit.arm, why="swept")
    session = Session(router, models, Problem(problem.problem, problem.id), Spending(), seed=unit.seed)
    solution = await session.run()
    if solution.errors:
        raise BackendError(solution.errors[0])
    best = _chosen(solution)
    return Run(
        problem=problem.id,
        arm=unit.arm.name,
        seed=unit.seed,
        answer=solution.answer,
        correct=_is_right(solution.answer, problem),
        confidence=solution.confidence,
        n_tokens=best.n_tokens,
        logprob=best.logprob,
        scores=best.step_scores or (),
        cost=replace(solution.bill.total, dollars=0.0),
    )


def _sample(problem: LoggedProblem, written: Candidate) -> Sample:
    (ranked,) = rank([written], "last")
    return Sample(
        answer=ranked.answer,
        correct=_is_right(ranked.answer, problem),
        n_tokens=written.n_tokens,
        logprob=written.logprob,
        finish=written.finish,
        text=written.text,
        scores={},
        certainty=None if math.isnan(written.certainty) else written.certainty,
    )


def _chosen(solution: Solution) -> Candidate:
    """The candidate that is the answer's solution; an empty one if there is no answer."""
    texts = (r.candidate for r in solution.candidates if r.text == solution.text)
    return next(texts, Candidate()) if solution.answer is not None else Candidate()


def _is_right(answer: str | None, problem: LoggedProblem) -> bool:
    return answer is not None and is_equivalent(answer, problem.answer)
