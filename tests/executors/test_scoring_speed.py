"""What is learned about a PRM's speed, and what is predicted from it."""

from __future__ import annotations

import asyncio

import pytest

from tts_select.executors.scoring import step_scores
from tts_select.executors.scoring_speed import KEPT, ScoringSpeed, scoring_speed_of
from tts_select.testing import FakeRewardModel


class Stopwatch:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def scored(speed: ScoringSpeed, clock: Stopwatch, seconds: float) -> None:
    with speed.watch():
        clock.now += seconds


def test_before_anything_was_scored_nothing_is_predicted() -> None:
    speed = ScoringSpeed(Stopwatch())
    assert speed.seconds(3) is None
    assert speed.seconds(0) == 0.0


def test_one_after_the_other_takes_as_long_as_each_did() -> None:
    clock = Stopwatch()
    speed = ScoringSpeed(clock)
    for seconds in (1.0, 3.0):
        scored(speed, clock, seconds)
        clock.now += 100.0  # nothing waits
    assert speed.seconds(5) == pytest.approx(10.0)


def test_a_batch_is_as_fast_as_all_of_it() -> None:
    clock = Stopwatch()
    speed = ScoringSpeed(clock)
    waiting = [speed.watch() for _ in range(4)]
    for one in waiting:
        one.__enter__()
    clock.now += 2.0
    for one in waiting:
        one.__exit__(None, None, None)
    assert speed.seconds(4) == pytest.approx(2.0)
    assert speed.seconds(8) == pytest.approx(4.0)


def test_what_was_long_ago_is_forgotten() -> None:
    clock = Stopwatch()
    speed = ScoringSpeed(clock)
    scored(speed, clock, 500.0)
    for _ in range(KEPT):
        scored(speed, clock, 1.0)
    assert speed.seconds(1) == pytest.approx(1.0)


def test_one_that_fails_teaches_nothing() -> None:
    clock = Stopwatch()
    speed = ScoringSpeed(clock)
    with pytest.raises(AttributeError), speed.watch():
        clock.later()  # type: ignore[attr-defined]
    assert speed.seconds(1) is None
    scored(speed, clock, 2.0)
    assert speed.seconds(1) == pytest.approx(2.0)


def test_every_scored_solution_teaches() -> None:
    prm = FakeRewardModel(lambda _, steps: [0.5] * len(steps), delay=0.02)
    asyncio.run(step_scores(prm, "?", ["one", "two"], meter=None, failures=None))
    assert 0.02 <= (scoring_speed_of(prm).seconds(1) or 0.0) < 1.0
    other = FakeRewardModel(lambda _, steps: [0.5] * len(steps))
    assert scoring_speed_of(other).seconds(1) is None
