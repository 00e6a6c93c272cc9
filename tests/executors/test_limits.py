from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.errors import BackendError
from tts_select.core.methods import METHODS
from tts_select.core.plan import Settings
from tts_select.core.protocols import Continuation, SampleRequest
from tts_select.core.seeds import derive_seed
from tts_select.executors.accounting import Ledger
from tts_select.executors.aggregation import choose, rank
from tts_select.executors.limits import LimitedPolicy, Limits
from tts_select.executors.methods import run_method
from tts_select.executors.search import Search
from tts_select.testing import FakePolicy, FakeRewardModel

PROBLEM = "What is it?"
caps = st.integers(1, 120)
budgets = st.integers(1, 9)
lengths = st.lists(st.integers(0, 12), min_size=1, max_size=6)


def script(step_lengths: list[int]) -> Callable[[SampleRequest, int], str]:
    """Three steps of so many words, and an answer; other samples have other steps."""

    def text(request: SampleRequest, index: int) -> str:
        done = len(request.steps)
        sizes = [
            step_lengths[(index + derive_seed(request.seed) + k) % len(step_lengths)] for k in range(done, 3)
        ]
        steps = [f"s{done + k}.{index}" + " w" * size for k, size in enumerate(sizes)]
        return "\n\n".join([*steps, f"\\boxed{{{index % 3}}}"])

    return text


def run(method: str, policy: FakePolicy, *, budget: int, limits: Limits, **settings: Any) -> Search:
    """A whole search, as `solving` runs it."""
    prm = FakeRewardModel(lambda _, steps: [derive_seed(s) % 100 / 100 for s in steps])
    limited = LimitedPolicy(policy, limits)
    search = Search(PROBLEM, limited, prm, Settings(**settings), budget, Ledger().phase("search"))

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await run_method(method, search)

    asyncio.run(bounded())
    return search


def sampled(policy: FakePolicy, limits: Limits, *requests: SampleRequest) -> list[list[Continuation]]:
    """What each of several concurrent requests got, in the end."""
    meter = Ledger().phase("search")

    async def one(request: SampleRequest) -> list[Continuation]:
        waves = LimitedPolicy(policy, limits).sample(request, meter)
        return [c async for wave in waves for c in wave]

    async def everything() -> list[list[Continuation]]:
        async with asyncio.timeout(20):
            return await asyncio.gather(*(one(r) for r in requests))

    return asyncio.run(everything())


@given(st.sampled_from(sorted(METHODS)), caps, budgets, lengths, st.sampled_from([3, 10, 2048]))
def test_no_more_tokens_are_written_than_the_cap_allows(
    method: str, cap: int, budget: int, step_lengths: list[int], max_new_tokens: int
) -> None:
    policy, limits = FakePolicy(script(step_lengths)), Limits(cap)
    ledger = Ledger()
    search = Search(
        PROBLEM,
        LimitedPolicy(policy, limits),
        FakeRewardModel(lambda _, steps: [0.5] * len(steps)),
        Settings(max_new_tokens=max_new_tokens),
        budget,
        ledger.phase("search"),
    )
    asyncio.run(run_method(method, search))
    assert ledger.bill.total.policy_generated_tokens == limits.used <= cap
    assert limits.reserved == 0
    for request in policy.requests:
        assert request.n * request.max_new_tokens <= cap


@given(st.sampled_from(["majority", "best_of_n"]), caps, budgets, lengths)
def test_capped_samples_are_the_beginning_of_the_uncapped_ones(
    method: str, cap: int, budget: int, step_lengths: list[int]
) -> None:
    whole = run(method, FakePolicy(script(step_lengths)), budget=budget, limits=Limits())
    capped = run(method, FakePolicy(script(step_lengths)), budget=budget, limits=Limits(cap))
    assert len(capped.pool) <= len(whole.pool)
    for short, long in zip(capped.pool, whole.pool, strict=False):
        assert "\n\n".join(long.steps).startswith("\n\n".join(short.steps))
        assert short.finish == "cap" or short.steps == long.steps
    assert all(c.is_complete for c in capped.pool[:-1])


@given(lengths, budgets, st.integers(0, 50))
def test_a_cap_that_allows_one_whole_solution_gives_an_answer(
    step_lengths: list[int], budget: int, spare: int
) -> None:
    whole = run("majority", FakePolicy(script(step_lengths)), budget=budget, limits=Limits())
    cap = whole.pool[0].n_tokens + spare
    capped = run("majority", FakePolicy(script(step_lengths)), budget=budget, limits=Limits(cap))
    assert choose(rank(capped.pool, "last"), "vote") is not None


@given(caps, budgets, lengths)
def test_a_cap_that_is_not_met_changes_nothing(cap: int, budget: int, step_lengths: list[int]) -> None:
    policy = FakePolicy(script(step_lengths))
    free = run("majority", policy, budget=budget, limits=Limits())
    needed = sum(c.n_tokens for c in free.pool)
    limits = Limits(needed + 2048)
    assert run("majority", policy, budget=budget, limits=limits).pool == free.pool
    assert limits.reached is None


@pytest.mark.parametrize("method", METHODS)
def test_a_search_that_is_cut_short_by_the_cap_says_so(method: str) -> None:
    limits = Limits(7)
    search = run(method, FakePolicy(script([9])), budget=1, limits=limits)
    assert {c.finish for c in search.pool} == {"cap"}
    assert limits.reached == "cap"


@pytest.mark.parametrize("method", METHODS)
def test_a_search_that_ends_within_its_cap_does_not_say_so(method: str) -> None:
    limits = Limits(20_000)
    search = run(method, FakePolicy(script([2])), budget=4, limits=limits)
    assert limits.reached is None
    assert all(c.is_complete for c in search.pool)


def test_a_solution_that_ends_by_its_own_limit_is_not_blamed_on_the_cap() -> None:
    search = run("majority", FakePolicy(script([9])), budget=2, limits=Limits(10_000), max_new_tokens=5)
    assert {c.finish for c in search.pool} == {"length"}


@given(
    st.integers(1, 60),
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 20)), min_size=1, max_size=6),
    lengths,
)
def test_concurrent_requests_share_the_cap_without_deadlock(
    cap: int, shapes: list[tuple[int, int]], step_lengths: list[int]
) -> None:
    limits = Limits(cap)
    requests = [
        SampleRequest(PROBLEM, n=n, max_new_tokens=most, seed=k) for k, (n, most) in enumerate(shapes)
    ]
    written = sampled(FakePolicy(script(step_lengths)), limits, *requests)
    assert sum(c.n_tokens for one in written for c in one) == limits.used <= cap
    assert limits.reserved == 0
    if limits.reached is None:
        assert [len(one) for one in written] == [n for n, _ in shapes]
    else:
        assert limits.free == 0


@pytest.mark.parametrize("method", ["beam", "dvts"])
@pytest.mark.parametrize("cap", [70, 100, 115])
def test_a_capped_search_does_not_depend_on_which_request_is_answered_first(
    method: str, cap: int, uneven_policy: type[Any]
) -> None:
    pools = []
    for salt in range(4):
        policy = uneven_policy(script([1, 2, 3, 9]))
        policy.salt = salt
        limits = Limits(cap)
        search = run(method, policy, budget=8, limits=limits, beam_width=2, max_new_tokens=25)
        pools.append(search.pool)
        assert limits.reached == "cap"
    assert pools[1:] == pools[:-1]


def test_samples_are_numbered_through_all_waves() -> None:
    policy = FakePolicy(lambda _, index: f"w{index} w w w")
    ((*written,),) = sampled(policy, Limits(25), SampleRequest(PROBLEM, n=5, max_new_tokens=10, first=3))
    assert [c.text for c in written] == [f"w{k} w w w" for k in range(3, 8)]
    assert [(r.first, r.n) for r in policy.requests] == [(3, 2), (5, 1), (6, 1), (7, 1)]


def test_what_a_failed_request_reserved_is_given_back() -> None:
    limits = Limits(10)
    policy = FakePolicy(lambda *_: "w w w", errors={0: BackendError("down")})
    with pytest.raises(BackendError):
        sampled(policy, limits, SampleRequest(PROBLEM, max_new_tokens=10))
    assert (limits.reserved, limits.used) == (0, 0)
    ((*written,),) = sampled(policy, limits, SampleRequest(PROBLEM, max_new_tokens=10))
    assert written[0].finish == "stop"


def test_nothing_is_sampled_after_the_deadline() -> None:
    policy, limits = FakePolicy(script([1])), Limits(deadline=time.monotonic() - 1)
    assert sampled(policy, limits, SampleRequest(PROBLEM)) == [[]]
    assert policy.requests == []
    assert limits.reached == "deadline"


def test_the_deadline_is_handed_to_the_policy_and_ends_the_search() -> None:
    deadline = time.monotonic() + 0.05
    policy, limits = FakePolicy(lambda *_: "w " * 100 + "\\boxed{1}", delay=0.5), Limits(deadline=deadline)
    search = run("beam", policy, budget=4, limits=limits)
    assert [r.deadline for r in policy.requests] == [deadline]
    assert {c.finish for c in search.pool} == {"deadline"}
    assert limits.reached == "deadline"
    assert choose(rank(search.pool, "last"), "vote") is None
