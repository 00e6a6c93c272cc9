"""What is learned about a policy's speed, and what is predicted from it."""

from __future__ import annotations

import asyncio
import gc
import math
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.errors import BackendError
from tts_select.core.protocols import Continuation, SampleRequest
from tts_select.executors.accounting import Ledger
from tts_select.executors.crowd import Crowd
from tts_select.executors.latency import KEPT, LENGTHS_KEPT, Latency, Length, latency_of
from tts_select.executors.limits import LimitedPolicy, Limits
from tts_select.executors.speed_law import Finished, fitted
from tts_select.testing import FakePolicy

requests = st.builds(
    Finished,
    seconds=st.floats(0.0, 600.0),
    prompt_tokens=st.integers(0, 5000),
    longest=st.integers(0, 8000),
    in_flight=st.floats(1.0, 500.0),
)
lengths = st.builds(Length, st.integers(0, 8000), st.integers(1, 50), st.booleans())
learned = st.tuples(st.lists(requests, min_size=1, max_size=80), st.lists(lengths, min_size=1, max_size=80))
counts = st.integers(1, 300)


def taught(found: list[Finished], solutions: list[Length], in_flight: int = 0) -> Latency:
    latency = Latency(Crowd(n=in_flight))
    for request in found:
        latency.observe(request)
    for solution in solutions:
        latency.wrote(solution)
    return latency


def seconds(latency: Latency, n: int, **more: Any) -> float:
    found = latency.seconds(n, **more)
    assert found is not None
    return found


@given(learned, counts, counts, st.lists(st.integers(0, 9000), max_size=9), st.booleans())
def test_more_samples_are_never_predicted_to_be_faster(
    data: Any, n: int, m: int, own: list[int], in_steps: bool
) -> None:
    latency = taught(*data)
    few, many = (seconds(latency, k, own=own, in_steps=in_steps) for k in sorted((n, m)))
    assert 0 <= few <= many * (1 + 1e-9)
    assert math.isfinite(many)


@given(learned, counts, st.floats(-10.0, 1000.0), st.floats(-10.0, 1000.0))
def test_more_time_never_ends_fewer_samples(data: Any, n: int, one: float, other: float) -> None:
    latency = taught(*data)
    ended = []
    for time_left in sorted((one, other)):
        found = latency.most_in_time(n, time_left)
        assert found is not None
        assert 1 <= found[0] <= n
        assert 0 <= found[1] <= 1
        ended.append(found[0] * found[1])
    assert ended[0] <= ended[1] + 1e-6


@given(learned, counts, st.integers(0, 300), st.integers(0, 300))
def test_more_company_is_never_predicted_to_be_faster(data: Any, n: int, here: int, there: int) -> None:
    alone, crowded = (seconds(taught(*data, in_flight=k), n) for k in sorted((here, there)))
    assert alone <= crowded * (1 + 1e-9)


@given(learned, counts, st.integers(1, 9000), st.integers(1, 9000))
def test_shorter_solutions_are_never_predicted_to_be_slower(data: Any, n: int, one: int, other: int) -> None:
    latency = taught(*data)
    low, high = sorted((one, other))
    assert seconds(latency, n, at_most=low) <= seconds(latency, n, at_most=high) * (1 + 1e-9)
    assert seconds(latency, n, own=[low]) <= seconds(latency, n, own=[high]) * (1 + 1e-9)


def test_before_anything_was_measured_nothing_is_predicted() -> None:
    assert Latency().seconds(1) is None
    assert (Latency().tokens(), Latency().mean_steps) == (None, None)
    assert taught([Finished(1.0, 10, 0, 1.0)], []).seconds(1) is None  # no length is known
    assert Latency().seconds(0) == 0.0


def law(prompt: int, longest: int, in_flight: float) -> float:
    return 0.2 + 0.001 * prompt + longest * (0.01 + 0.004 * in_flight)


def measured(*sizes: int) -> list[Finished]:
    return [
        Finished(law(100 * (k % 3), 100 + 50 * (k % 4), n), 100 * (k % 3), 100 + 50 * (k % 4), n)
        for k, n in enumerate(sizes)
    ]


SIZES = (1, 2, 4, 8, 16, 3, 5, 12, 1, 7, 9, 2)


@pytest.mark.parametrize("n", [1, 6, 32])
def test_an_engine_that_keeps_to_the_law_is_predicted(n: int) -> None:
    latency = taught(measured(*SIZES, *SIZES, *SIZES), [Length(200)] * 9)
    assert seconds(latency, n) == pytest.approx(law(100, 200, n), rel=0.05)
    latency.crowd.n = 10
    assert seconds(latency, n) == pytest.approx(law(100, 200, n + 10), rel=0.05)


def test_a_few_requests_that_hung_change_little() -> None:
    stalls = [Finished(500.0, 100, 200, 4.0)] * 3
    latency = taught([*measured(*SIZES, *SIZES), *stalls], [Length(200)])
    assert seconds(latency, 8) == pytest.approx(law(100, 200, 8), rel=0.15)


def test_what_was_long_ago_is_forgotten() -> None:
    slow = [Finished(100.0, 10, 100, 1.0)] * KEPT
    latency = taught(
        [*slow, *[Finished(1.0, 10, 100, 1.0)] * KEPT], [Length(9999), *[Length(100)] * LENGTHS_KEPT]
    )
    assert seconds(latency, 1) == pytest.approx(1.0, rel=0.05)


def test_one_request_is_predicted_as_it_was() -> None:
    latency = taught([Finished(3.0, 50, 120, 4.0)], [Length(120)] * 4)
    assert seconds(latency, 4) == pytest.approx(3.0, rel=0.05)
    assert latency.tokens() == pytest.approx(120)


def test_the_longest_of_many_counts() -> None:
    latency = taught([Finished(1.0, 0, 100, 1.0)], [Length(100)] * 9 + [Length(1000)])
    latency.observe(Finished(1.0, 0, 100, 64.0))  # company costs nothing here
    assert seconds(latency, 64) > 4 * seconds(latency, 1)


def exact(*, token: float, crowd: float, n_long: int = 0) -> Latency:
    """An engine with these seconds per token; solutions of 100 tokens, and some of 1000."""
    found = [Finished(100 * (token + crowd * n), 0, 100, n) for n in (1, 2, 4, 8, 16, 32)]
    return taught(found * 10, [Length(100)] * (10 - n_long) + [Length(1000)] * n_long)


def test_an_engine_that_is_no_slower_with_company_is_asked_for_all_or_whatever_ends() -> None:
    latency = exact(token=0.1, crowd=0.0, n_long=5)
    found = latency.most_in_time(16, 20.0)
    assert found == (16, pytest.approx(0.5, abs=0.01))


def test_an_engine_that_shares_its_speed_is_asked_for_what_ends() -> None:
    latency = exact(token=0.0, crowd=0.01)  # a second for each sample in flight
    assert latency.most_in_time(16, 7.6) == (7 - 1, pytest.approx(1.0, abs=0.05))
    assert latency.most_in_time(3, 1000.0) == (3, pytest.approx(1.0))
    hopeless = latency.most_in_time(16, 0.2)
    assert hopeless == (1, pytest.approx(0.0, abs=0.01))


def test_predictions_that_were_wrong_make_chances_even() -> None:
    noisy = [Finished(5.0 * factor, 0, 100, 1) for factor in (0.25, 0.5, 1.0, 2.0, 4.0)] * 8
    wild, sure = taught(noisy, [Length(100)]), taught([Finished(5.0, 0, 100, 1)] * 40, [Length(100)])
    predicted = seconds(wild, 1)
    assert wild.chance(predicted, predicted) == pytest.approx(0.5)
    assert 0.5 < wild.chance(predicted, 1.5 * predicted) < 0.9
    assert sure.chance(5.0, 7.5) > 0.98
    assert sure.chance(5.0, -1.0) == pytest.approx(0.0)


def test_a_few_requests_that_fit_well_make_nothing_sure() -> None:
    """They always fit well: four coefficients are free."""
    chances = [taught(measured(*[1] * n), [Length(100)]).chance(1.0, 1.5) for n in (1, 2, 4, 16, 64)]
    assert chances == sorted(chances)
    assert 0.6 < chances[0] < 0.8
    assert chances[-1] > 0.95


def test_chances_after_a_few_noisy_requests_hold() -> None:
    """Of the requests that end with 80 % within some time, no fewer do: half a logarithm of noise."""
    rng = np.random.default_rng(0)
    n_ended = n_asked = 0
    for n in [1, 2, 3, 5, 8] * 60:
        noise = np.exp(0.5 * rng.standard_normal(n + 1))
        sizes = rng.choice(SIZES, n + 1)
        found = [
            replace(m, seconds=m.seconds * float(e)) for m, e in zip(measured(*sizes), noise, strict=True)
        ]
        latency = taught(found[:-1], [Length(100)])
        predicted = fitted(found[:-1]).seconds(found[-1])
        n_ended += bool(latency.chance(predicted, found[-1].seconds) <= 0.8)
        n_asked += 1
    assert 0.7 < n_ended / n_asked < 0.92


def test_more_samples_may_have_less_time() -> None:
    latency = exact(token=0.1, crowd=0.0)  # ten seconds, however many
    assert latency.most_in_time(16, [60.0] * 16) == latency.most_in_time(16, 60.0)
    found = latency.most_in_time(16, [24.0 - n for n in range(1, 17)])
    assert found is not None
    assert found[0] < 16
    assert 24.0 - found[0] > 10.0


def test_a_few_long_solutions_hold_up_the_last_but_not_most() -> None:
    latency = exact(token=0.0, crowd=0.01, n_long=1)
    found = latency.most_in_time(16, 8.5)
    assert found is not None
    assert seconds(latency, found[0]) > 2 * 8.5
    assert found[0] >= 6


def test_solutions_that_were_cut_stand_for_longer_ones() -> None:
    request = Finished(1.0, 0, 100, 1.0)
    whole = taught([request], [Length(50), Length(100), Length(200)])
    cut = taught([request], [Length(50, is_whole=False), Length(100), Length(200)])
    none_left = taught([request], [Length(50, is_whole=False)])
    assert seconds(cut, 1) > seconds(whole, 1)
    assert seconds(none_left, 1) == pytest.approx(seconds(taught([request], [Length(50)]), 1))


def test_a_search_pays_the_start_of_each_step() -> None:
    latency = taught(measured(*SIZES), [Length(200, n_steps=5)])
    assert seconds(latency, 4, in_steps=True) > seconds(latency, 4)


class Stopwatch:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def request_for(n: int, **more: Any) -> SampleRequest:
    return SampleRequest("What is it?", n=n, **more)


def test_the_company_of_a_request_is_a_mean_over_its_time() -> None:
    clock = Stopwatch()
    latency, meter = Latency(Crowd(clock)), Ledger().phase("search")
    with latency.watch(request_for(2), meter) as long:
        clock.now = 3.0
        with latency.watch(request_for(4), meter) as short:
            assert latency.crowd.n == 6
            clock.now = 4.0
            short.came_back([Continuation("a", "stop", 7, 0.0)], "\n\n")
        clock.now = 5.0
        long.came_back([Continuation("b", "stop", 9, 0.0), Continuation("c", "stop", 3, 0.0)], "\n\n")
    assert latency.crowd.n == 0
    assert [(f.seconds, f.longest, f.in_flight) for f in latency._requests] == [
        (1.0, 7, 6.0),
        (5.0, 9, pytest.approx((2 * 5 + 4 * 1) / 5)),
    ]


def sample(policy: FakePolicy, request: SampleRequest, limits: Limits | None = None) -> Ledger:
    ledger = Ledger()

    async def everything() -> None:
        async for _ in LimitedPolicy(policy, limits or Limits()).sample(request, ledger.phase("search")):
            pass

    asyncio.run(everything())
    return ledger


def test_every_request_under_limits_teaches() -> None:
    policy = FakePolicy(lambda *_: "one two\n\nthree \\boxed{4}")
    ledger = sample(policy, request_for(3))
    assert ledger.bill.total.policy_prompt_tokens == 3  # the watch passes costs on
    latency = latency_of(policy)
    assert latency.seconds(5) is not None
    assert list(latency._lengths) == [Length(4, 2)] * 3
    sample(policy, request_for(2, stop_at_step=True))
    assert len(latency._lengths) == 3
    assert len(latency._requests) == 2


def test_a_request_that_failed_teaches_nothing_and_is_in_flight_no_longer() -> None:
    policy = FakePolicy(lambda *_: "x", errors={0: BackendError("it broke")})
    sample(policy, request_for(3), Limits(failures=[]))
    latency = latency_of(policy)
    assert (latency.crowd.n, latency.seconds(1)) == (0, None)


def test_what_is_known_goes_with_the_policy() -> None:
    policy = FakePolicy({})
    assert latency_of(policy) is latency_of(policy)
    assert latency_of(policy) is not latency_of(FakePolicy({}))
    gone = weakref.ref(policy)
    del policy
    gc.collect()
    assert gone() is None


def test_a_policy_that_cannot_be_a_key_is_run_all_the_same() -> None:
    class Unhashable(FakePolicy):
        __hash__ = None  # type: ignore[assignment]

    policy = Unhashable(lambda *_: "x")
    assert sample(policy, request_for(2)).bill.total.policy_generated_tokens == 2
    assert latency_of(policy).seconds(1) is None
