from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tts_select.selector.evidence import Evidence
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.training.log.records import SweepLog
from tts_select.training.routers.lookahead.fit import FittedRouter, fit_router
from tts_select.training.routers.lookahead.learned import ENOUGH_PROBLEMS, skill_of, skills, warning_of
from tts_select.training.routers.lookahead.learning import Told
from tts_select.training.routers.lookahead.probes import probe_for

PROBLEMS = np.repeat(np.arange(20), 3)
LABELS = (np.arange(60) % 2).astype(float)


@pytest.mark.parametrize(
    ("said", "skill"),
    [(LABELS, 1.0), (np.full(60, 0.5), 0.0), (1 - LABELS, -3.0), (0.5 * LABELS + 0.25, 0.75)],
)
def test_skill_is_the_share_of_the_variance_that_is_explained(said: np.ndarray, skill: float) -> None:
    found = skill_of(Told(said, LABELS, PROBLEMS), 20)
    assert found is not None
    assert found["value"] == pytest.approx(skill)
    assert found["low"] <= found["value"] <= found["high"]


def test_the_interval_is_over_problems_and_not_over_their_rows() -> None:
    rng = np.random.default_rng(0)
    said = np.clip(LABELS + rng.normal(0, 0.4, 60), 0, 1)
    one, tenfold = (
        skill_of(Told(np.tile(said, k), np.tile(LABELS, k), np.tile(PROBLEMS, k)), 20) for k in (1, 10)
    )
    assert one == pytest.approx(tenfold)


def test_what_never_differs_cannot_be_measured() -> None:
    nothing, same = Told(np.zeros(0), np.zeros(0), np.zeros(0, int)), Told(LABELS, np.ones(60), PROBLEMS)
    assert skill_of(nothing, 20) is skill_of(same, 20) is None
    assert set(skills({"spoil": nothing, "mend": Told(LABELS, LABELS, PROBLEMS)}, 20)) == {"mend"}


def test_too_few_problems_are_said_with_how_many_would_do() -> None:
    assert warning_of(ENOUGH_PROBLEMS) is None
    assert f"sweep {ENOUGH_PROBLEMS} or more" in (warning_of(ENOUGH_PROBLEMS - 1) or "")


def test_what_was_learned_is_on_record(fitted: FittedRouter) -> None:
    assert set(fitted.facts["skill"]) == {"confidence", "mend", "spoil"}
    assert fitted.facts["skill"]["confidence"]["low"] > 0
    assert fitted.facts["warning"] == warning_of(fitted.facts["n_problems"])


@pytest.fixture(scope="module")
def of_few(synthetic_log: Callable[..., SweepLog]) -> tuple[LookaheadRouter, SweepLog]:
    """Of three arms of one policy and 32 problems: rows by the hundred, where the trees need thousands."""
    arms: list[dict[str, object]] = [
        {"policy": "world:small", "method": "cot"},
        {"policy": "world:small", "method": "majority", "budget": [1, 4]},
    ]
    log = synthetic_log(32, n_samples=4, arms=arms)
    return fit_router(log, probe_for(log.manifest)).router, log


def test_few_problems_promise_no_more_than_the_arms_keep(of_few: tuple[LookaheadRouter, SweepLog]) -> None:
    router, log = of_few
    texts = [problem.problem for problem in log.problems.values()]
    for arm in router.portfolio.arms:
        said = [next(o.p_correct for o in router.options(Evidence(text)) if o.arm == arm) for text in texts]
        assert np.mean(said) == pytest.approx(router.strengths[arm.name], abs=0.12)


def test_few_problems_tell_easy_ones_from_hard_ones(of_few: tuple[LookaheadRouter, SweepLog]) -> None:
    """The synthetic problems are as hard as they are long."""
    router, log = of_few
    short, long = (
        np.mean(
            [
                router.options(Evidence(p.problem))[0].p_correct
                for p in log.problems.values()
                if (len(p.problem) < 60) == is_short
            ]
        )
        for is_short in (True, False)
    )
    assert short > long + 0.2
