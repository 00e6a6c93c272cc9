"""The one place where the selector meets the executors: options -> plan -> search -> solution."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from tts_select.core.errors import InputError, TtsSelectError, UnknownName
from tts_select.core.plan import (
    AGGREGATIONS,
    MAX_BUDGET,
    SELECTIONS,
    Aggregation,
    Plan,
    Selection,
    Settings,
)
from tts_select.core.problem import Problem
from tts_select.core.protocols import Policy, RewardModel, solution_tokens, why_no_steps
from tts_select.core.solution import Finished, RankedCandidate, Solution
from tts_select.executors.accounting import Ledger
from tts_select.executors.aggregation import choose, order, rank
from tts_select.executors.limits import LimitedPolicy, Limits
from tts_select.executors.methods import METHODS
from tts_select.executors.registry import WORLD, load_policy, load_prm
from tts_select.executors.search import Search
from tts_select.selector.routers.rule import DEFAULT_BUDGET, Pair, rule_of_thumb

T = TypeVar("T")

DEFAULT_POLICY = f"{WORLD}:small"
DEFAULT_PRM = f"{WORLD}:prm"
AUTO = "auto"
SEARCH_PHASE = "search"
_SCORING_SHARE = 0.2
"""Of a deadline, kept for the PRM after the last token is written."""
_LAST_TOKEN_SHARE = 0.05
"""Of a deadline, kept for the token that is being written when time is up, where there is no PRM."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to solve; what is None is chosen by the rule of thumb. Validated by `check`, inert until then."""

    policy: str | Policy = DEFAULT_POLICY
    """A spec for `load_policy`, or a policy."""
    base_url: str | None = None
    """Of the server, for `openai:MODEL`."""
    policy_options: Mapping[str, Any] = field(default_factory=dict)
    """More of the options of `load_policy`, by name."""
    prm: str | RewardModel | None = AUTO
    """A spec for `load_prm`, a PRM, or None. `auto` is the embedded PRM for embedded policies, else none."""
    prm_format: str | None = None
    """How it reads a solution, where its name does not tell (docs/prms.md)."""
    prm_options: Mapping[str, Any] = field(default_factory=dict)
    """More of the options of `load_prm`, by name."""
    method: str | None = None
    budget: int | None = None
    aggregation: Aggregation | None = None
    selection: Selection | None = None
    temperature: float | None = None
    max_new_tokens: int | None = None
    """Of one candidate; None leaves it to the policy (`protocols.solution_tokens`)."""
    seed: int = 0
    max_tokens: int | None = None
    """The policy generates no more tokens than this."""
    deadline: float | None = None
    """Seconds from the start of the search; models are loaded before."""
    logprobs: bool = False
    """Whether `Candidate.logprob` is wanted. vLLM takes time for it, and leaves it NaN unless it is asked; a
    router reads it, and always asks."""

    def check(self) -> None:
        """Raises:
        InputError: an option is out of range or unknown; the message names the remedy.
        """
        _check_name("method", self.method, METHODS)
        _check_name("aggregation", self.aggregation, AGGREGATIONS)
        _check_name("selection", self.selection, SELECTIONS)
        if self.budget is not None and not 1 <= self.budget <= MAX_BUDGET:
            raise InputError(f"the budget is {self.budget}: choose from 1 to {MAX_BUDGET:,}")
        if self.temperature is not None and not 0 <= self.temperature <= 10:
            raise InputError(f"the temperature is {self.temperature}: choose from 0 (greedy) to 10")
        if self.max_new_tokens is not None and self.max_new_tokens < 1:
            raise InputError(f"a candidate has at most {self.max_new_tokens} new tokens: allow at least 1")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise InputError(f"the cap is {self.max_tokens} tokens: allow at least 1")
        if self.deadline is not None and not self.deadline > 0:
            raise InputError(f"the deadline is {self.deadline} seconds: allow more than 0")


@dataclass(frozen=True, slots=True)
class Executors:
    """The models of a plan, loaded."""

    policy: Policy
    prm: RewardModel | None


def as_problem(problem: str | Problem) -> Problem:
    """Raises:
    InputError: the problem has no text.
    """
    found = Problem(problem.strip()) if isinstance(problem, str) else problem
    if not found.text.strip():
        raise InputError("the problem is empty: write it in the file, or pipe it in and name the file -")
    return found


def prepare(options: Options) -> tuple[Plan, Executors]:
    """Check the options, load the models and plan the search."""
    options.check()
    policy = _policy_of(options)
    prm = _prm_of(options, policy)
    plan = _plan(options, policy, prm)
    if METHODS[plan.method].needs_steps and (reason := why_no_steps(policy)):
        raise InputError(f"the method {plan.method} cannot run on {policy.name}: {reason}")
    if METHODS[plan.method].needs_prm and prm is None:
        raise InputError(
            f"the method {plan.method} needs a PRM: name one with --prm (embedded: {DEFAULT_PRM}), "
            "or choose the method majority"
        )
    return plan, Executors(policy, prm if METHODS[plan.method].needs_prm else None)


async def run_plan(problem: Problem, plan: Plan, executors: Executors, options: Options) -> Solution:
    """Run a plan on a problem within the limits of `options`."""
    limits = _limits(options, has_prm=executors.prm is not None)
    ledger = Ledger()
    search = Search(
        problem.text,
        LimitedPolicy(executors.policy, limits),
        executors.prm,
        plan.settings,
        plan.budget,
        ledger.phase(SEARCH_PHASE),
        logprobs=options.logprobs,
    )
    try:
        with ledger.timed(SEARCH_PHASE):
            await _run(search, plan.method, options.deadline)
        return _solution(search, plan, ledger)
    except TtsSelectError as error:
        error.bill = ledger.bill
        raise


async def _run(search: Search, method: str, deadline: float | None) -> None:
    try:
        async with asyncio.timeout(deadline):
            await METHODS[method].run(search)
    except TimeoutError:
        search.policy.limits.reached = "deadline"


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end, in a thread of its own if this one has a running event loop (as in a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def _check_name(kind: str, name: str | None, known: Any) -> None:
    if name is not None and name not in known:
        raise UnknownName(kind, name, known)


def _policy_of(options: Options) -> Policy:
    more = dict(options.policy_options)
    if options.base_url is not None:
        more["base_url"] = options.base_url
    if isinstance(options.policy, str):
        return load_policy(options.policy, **more)
    if more:
        raise InputError(f"'{next(iter(more))}' is for a policy that is loaded by its spec: drop it")
    return options.policy


def _prm_of(options: Options, policy: Policy) -> RewardModel | None:
    prm = options.prm
    if prm == AUTO:
        if not policy.name.startswith(f"{WORLD}:") or options.method in ("cot", "majority", "adaptive"):
            return None
        prm = DEFAULT_PRM
    if isinstance(prm, str):
        return load_prm(prm, options.prm_format, **options.prm_options)
    if options.prm_options:
        raise InputError(
            f"'{next(iter(options.prm_options))}' is for a PRM that is loaded by its spec: drop it"
        )
    return prm


def _plan(options: Options, policy: Policy, prm: RewardModel | None) -> Plan:
    changes = {
        name: value
        for name in ("aggregation", "selection", "temperature", "seed")
        if (value := getattr(options, name)) is not None
    }
    most = options.max_new_tokens or solution_tokens(policy)
    settings = Settings(max_new_tokens=most, **changes)
    has_steps = why_no_steps(policy) is None
    pair = Pair(policy.name, policy.n_parameters, prm.name if prm else None, has_steps)
    plan = rule_of_thumb(pair, budget=options.budget, settings=settings)
    if options.method is None:
        return plan
    method = METHODS[options.method]
    return replace(
        plan,
        method=options.method,
        budget=1 if options.method == "cot" else options.budget or DEFAULT_BUDGET,
        prm=pair.prm if method.needs_prm else None,
        reason="asked for",
    )


def _limits(options: Options, *, has_prm: bool) -> Limits:
    if options.deadline is None:
        return Limits(options.max_tokens, failures=[])
    writing = options.deadline * (1 - (_SCORING_SHARE if has_prm else _LAST_TOKEN_SHARE))
    return Limits(options.max_tokens, time.monotonic() + writing, failures=[])


def _solution(search: Search, plan: Plan, ledger: Ledger) -> Solution:
    ranked = rank(search.pool, plan.settings.aggregation)
    chosen = choose(ranked, plan.settings.selection)
    best = chosen[0] if chosen else None
    limits = search.policy.limits
    failures = limits.failures or []
    if best is None and failures:
        raise failures[0]
    finished: Finished = limits.reached or "complete"
    return Solution(
        answer=best.answer if best else None,
        text=best.text if best else "",
        confidence=_confidence(ranked, chosen),
        finished=finished,
        plan=plan,
        bill=ledger.bill,
        candidates=tuple(sorted(ranked, key=lambda r: order(r.score), reverse=True)),
        errors=tuple(str(error) for error in failures),
    )


def _confidence(
    ranked: tuple[RankedCandidate, ...], chosen: tuple[RankedCandidate, float] | None
) -> float | None:
    """The share of the vote, which a single unscored candidate does not have."""
    if chosen is None or (len(ranked) == 1 and chosen[0].score is None):
        return None
    return chosen[1]
