"""Searches over fakes: the problem is made up and a token is a word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tts_select.core.candidate import Candidate
from tts_select.core.cost import Cost
from tts_select.core.plan import Settings
from tts_select.core.protocols import Continuation, Meter, Policy, RewardModel, SampleRequest
from tts_select.core.seeds import derive_seed
from tts_select.executors import methods
from tts_select.executors.accounting import Ledger
from tts_select.executors.limits import LimitedPolicy, Limits
from tts_select.executors.search import Search
from tts_select.testing import FakePolicy

PROBLEM = "What is it?"


@dataclass
class Run:
    """A search over a policy and a PRM, with its bill."""

    search: Search
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def pool(self) -> list[Candidate]:
        return self.search.pool

    @property
    def cost(self) -> Cost:
        return self.ledger.bill.total

    @property
    def limits(self) -> Limits:
        return self.search.policy.limits


class CountingPolicy(FakePolicy):
    """Counts what it wrote by itself, to be compared with the bill."""

    n_written = 0

    async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        written = await super().sample(request, meter)
        self.n_written += sum(c.n_tokens for c in written)
        return written


@pytest.fixture
def counting_policy() -> type[CountingPolicy]:
    return CountingPolicy


class UnevenPolicy(FakePolicy):
    """Answers requests in an order that depends on `salt`, as an engine does whose load varies."""

    salt = 0

    async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        for _ in range(derive_seed(request.steps, request.seed, self.salt) % 23):
            await asyncio.sleep(0)
        return await super().sample(request, meter)


@pytest.fixture
def uneven_policy() -> type[UnevenPolicy]:
    return UnevenPolicy


@pytest.fixture
def problem() -> str:
    return PROBLEM


@pytest.fixture
def new_run() -> Callable[..., Run]:
    """A search that has not begun."""

    def make(
        policy: Policy,
        prm: RewardModel | None = None,
        *,
        budget: int = 4,
        limits: Limits | None = None,
        **settings: Any,
    ) -> Run:
        ledger = Ledger()
        limited = LimitedPolicy(policy, limits or Limits())
        search = Search(PROBLEM, limited, prm, Settings(**settings), budget, ledger.phase("search"))
        return Run(search, ledger)

    return make


@pytest.fixture
def run_method(new_run: Callable[..., Run], in_time: Callable[..., Any]) -> Callable[..., Run]:
    """Runs a method to its end; fails if that does not come."""

    def run(method: str, policy: Policy, prm: RewardModel | None = None, **options: Any) -> Run:
        new = new_run(policy, prm, **options)
        in_time(methods.run_method(method, new.search))
        return new

    return run
