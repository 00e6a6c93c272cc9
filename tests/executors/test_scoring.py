"""Samples that a PRM cannot score: they stay unscored, are counted, and cost nothing but themselves."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Callable
from typing import Any

import pytest

from tts_select import solve
from tts_select.core.errors import BackendError, ProblemTooLong
from tts_select.core.json_text import to_json
from tts_select.core.methods import METHODS
from tts_select.executors.scoring import NotScored, step_scores
from tts_select.testing import FakePolicy, FakeRewardModel

TEXTS = ["Fine.\n\n\\boxed{1}", "Odd.\n\n\\boxed{2}", "Good.\n\n\\boxed{1}", "Odd too.\n\n\\boxed{2}"]
NO_NUMBERS = [math.nan, math.inf, -math.inf]
WITH_PRM = [name for name, method in METHODS.items() if method.needs_prm]


def write(request: Any, k: int) -> str:
    text = TEXTS[k % 4]
    return text if not request.steps else f"\\boxed{{{2 if 'Odd' in request.steps[0] else 1}}}"


def scores(odd: float, at: int = 0) -> Callable[[str, tuple[str, ...]], list[float]]:
    def score(_: str, steps: tuple[str, ...]) -> list[float]:
        found = [0.5] * len(steps)
        if "Odd" in steps[0] and len(steps) > at:
            found[at] = odd
        return found

    return score


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("odd", NO_NUMBERS)
@pytest.mark.parametrize("method", WITH_PRM)
def test_scores_that_are_no_numbers_leave_a_sample_unscored(
    method: str, odd: float, at: int, run_method: Callable[..., Any]
) -> None:
    from tts_select.executors.limits import Limits

    failures: list[BackendError] = []
    limits = Limits(failures=failures)
    prm = FakeRewardModel(scores(odd, at))
    run = run_method(method, FakePolicy(write), prm, budget=4, limits=limits)
    unscored = [c for c in run.pool if c.step_scores is None]
    assert all(math.isfinite(s) for c in run.pool for s in c.step_scores or ())
    assert all("Odd" in c.steps[0] for c in unscored)
    if method in ("beam", "dvts") and at == 1:  # an odd solution is not kept for a second step
        return
    assert unscored or method in ("beam", "dvts")  # those drop what ranks last
    (said,) = failures
    assert isinstance(said, NotScored)
    assert "no numbers" in str(said)


@pytest.mark.parametrize("odd", NO_NUMBERS)
@pytest.mark.parametrize("selection", ["vote", "max"])
@pytest.mark.parametrize("aggregation", ["min", "last", "mean", "prod"])
def test_they_are_not_chosen_are_said_and_leave_json_whole(
    odd: float, selection: str, aggregation: str
) -> None:
    found = solve(
        "What is it?",
        policy=FakePolicy(write),
        prm=FakeRewardModel(scores(odd)),
        method="best_of_n",
        budget=4,
        selection=selection,  # type: ignore[arg-type]
        aggregation=aggregation,  # type: ignore[arg-type]
    )
    assert (found.answer, found.confidence is not None and 0 < found.confidence <= 1) == ("1", True)
    assert len(found.candidates) == 4
    assert len(found.errors) == 1
    assert found.errors[0].startswith("2 solutions are unscored")
    text = to_json(found.as_dict())
    assert json.loads(text) == json.loads(json.dumps(found.as_dict(), allow_nan=False))


def test_where_no_sample_has_scores_they_vote() -> None:
    prm = FakeRewardModel(lambda _, steps: [math.nan] * len(steps))
    found = solve("What is it?", policy=FakePolicy(write), prm=prm, method="best_of_n", budget=3)
    assert found.answer == "1"
    assert found.errors[0].startswith("3 solutions are unscored")


def test_one_is_counted_as_one_and_each_prm_by_itself() -> None:
    failures: list[BackendError] = []
    a, b = (FakeRewardModel(lambda *_: [math.nan], name=name) for name in "ab")
    for prm in (a, b, b):
        asked = step_scores(prm, "?", ("x",), meter=None, failures=failures)
        assert asyncio.run(asked) is None
    assert [str(f)[: str(f).index(" gave")] for f in failures] == [
        "1 solution is unscored, since a",
        "2 solutions are unscored, since b",
    ]


def test_what_is_too_long_is_unscored_without_a_word() -> None:
    def score(*_: object) -> list[float]:
        raise ProblemTooLong(n_tokens=2, context=1, model="fake-prm")

    failures: list[BackendError] = []
    asked = step_scores(FakeRewardModel(score), "?", ("x",), meter=None, failures=failures)
    assert asyncio.run(asked) is None
    assert failures == []


def test_where_no_failures_are_kept_it_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    prm = FakeRewardModel(lambda *_: [math.nan])
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(step_scores(prm, "?", ("x",), meter=None, failures=None)) is None
    assert "no numbers" in caplog.text
