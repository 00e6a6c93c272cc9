"""What is learned about a PRM's speed, and what is predicted from it."""

from __future__ import annotations

import pytest

from tts_select import solve
from tts_select.executors.crowd import Crowd
from tts_select.executors.scoring_speed import KEPT, ScoringSpeed, scoring_speed_of
from tts_select.testing import FakePolicy, FakeRewardModel


class Stopwatch:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def scored(speed: ScoringSpeed, clock: Stopwatch, n: int, seconds: float) -> None:
    with speed.watch(n):
        clock.now += seconds
    clock.now += 100.0  # nothing waits


def made() -> tuple[ScoringSpeed, Stopwatch]:
    clock = Stopwatch()
    return ScoringSpeed(Crowd(clock)), clock


def test_before_anything_was_scored_nothing_is_predicted() -> None:
    speed, _ = made()
    assert (speed.seconds(3), speed.seconds(0)) == (None, 0.0)


@pytest.mark.parametrize(("start", "each"), [(0.0, 0.5), (2.0, 0.0), (1.0, 0.1)])
def test_one_after_the_other_or_in_batches_it_is_predicted(start: float, each: float) -> None:
    speed, clock = made()
    for n in (1, 2, 4, 8, 16) * 8:
        scored(speed, clock, n, start + each * n)
    for n in (1, 6, 16):
        assert speed.seconds(n) == pytest.approx(start + each * n, rel=0.1, abs=0.05)


def test_a_slow_start_is_forgiven() -> None:
    speed, clock = made()
    scored(speed, clock, 1, 500.0)
    for n in (2, 4, 8) * 4:
        scored(speed, clock, n, 1.0)
    assert speed.seconds(4) == pytest.approx(1.0, rel=0.25)


def test_others_in_flight_hold_it_up() -> None:
    speed, clock = made()
    for n in (1, 2, 4, 8) * 8:
        scored(speed, clock, n, float(n))
    alone = speed.seconds(2)
    with speed.watch(6):
        assert (speed.seconds(2) or 0.0) == pytest.approx(4 * (alone or 0.0), rel=0.2)


def test_what_was_long_ago_is_forgotten() -> None:
    speed, clock = made()
    for _ in range(KEPT):
        scored(speed, clock, 1, 500.0)
    for _ in range(KEPT):
        scored(speed, clock, 1, 1.0)
    assert speed.seconds(1) == pytest.approx(1.0, rel=0.05)


def test_a_round_that_fails_teaches_nothing() -> None:
    speed, clock = made()
    with pytest.raises(AttributeError), speed.watch(3):
        clock.later()  # type: ignore[attr-defined]
    assert (speed.seconds(1), speed.crowd.n) == (None, 0)


def test_every_search_teaches() -> None:
    prm = FakeRewardModel(lambda _, steps: [0.5] * len(steps), delay=0.02)
    solve("?", policy=FakePolicy(lambda _, k: f"\\boxed{{{k}}}"), prm=prm, method="best_of_n", budget=3)
    (known,) = scoring_speed_of(prm)._rounds
    assert known.in_flight == pytest.approx(3.0, rel=0.1)
    assert 0.01 <= (scoring_speed_of(prm).seconds(3) or 0.0) < 1.0
    other = FakeRewardModel(lambda _, steps: [0.5] * len(steps))
    assert scoring_speed_of(other).seconds(1) is None
