"""A router on levels that it was not trained on; the fitting itself is tested elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tts_select.core.errors import InputError
from tts_select.selector.routers.lookahead import Probe
from tts_select.training.evaluation import shift
from tts_select.training.evaluation.frontier import Walked
from tts_select.training.evaluation.shift import HIGHEST_TRAINED, shift_of, sides_of
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.fixed import Score
from tts_select.training.report.page import build_page

PROBE = Probe("world:small", "world:prm", 2)


def with_levels(log: SweepLog, *, n_known: int | None = None) -> SweepLog:
    """1 to 8 in turn; the problems from the `n_known`-th on have none."""
    known = len(log.problems) if n_known is None else n_known
    problems = {
        name: replace(problem, level=1 + k % 8 if k < known else None)
        for k, (name, problem) in enumerate(log.problems.items())
    }
    return replace(log, problems=problems)


@pytest.fixture
def logs(synthetic_log: Callable[..., SweepLog]) -> tuple[SweepLog, SweepLog]:
    return with_levels(synthetic_log(56)), with_levels(synthetic_log(96, seed=1))


@pytest.fixture
def trained(fitted: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[SweepLog, Probe, int]]:
    """What was asked to be trained; the router that comes is the one that all tests share."""
    asked: list[tuple[SweepLog, Probe, int]] = []

    def fit(log: SweepLog, probe: Probe, *, seed: int) -> Any:
        asked.append((log, probe, seed))
        return SimpleNamespace(router=fitted.router)

    monkeypatch.setattr(shift, "fit_router", fit)
    monkeypatch.setattr(shift, "N_ORDERS", 2)
    return asked


def test_it_trains_on_the_lower_levels_and_measures_on_the_ones_above(
    logs: tuple[SweepLog, SweepLog], trained: list[tuple[SweepLog, Probe, int]]
) -> None:
    noted: list[str] = []
    found = shift_of(*sides_of(*logs), PROBE, seed=3, note=noted.append)
    ((low, probe, seed),) = trained
    assert (probe, seed) == (PROBE, 3)
    assert {p.level for p in low.problems.values()} == {1, 2, 3, 4, 5}
    assert found["trained_on"] == f"35 problems of levels 1-{HIGHEST_TRAINED}"
    assert found["tested_on"] == "36 problems of the levels above"
    assert len(noted) == 2
    assert 0 <= found["unfamiliar_share"] <= 1
    assert found["router"]["accuracy"] - found["best_fixed"]["accuracy"] == pytest.approx(
        found["difference"]["value"]
    )
    assert found["difference"]["low"] <= found["difference"]["value"] <= found["difference"]["high"]


def test_the_problems_that_were_not_flagged_are_measured_alone() -> None:
    """Of four problems the last is flagged in both draws and the third in one, which is not most of them."""
    flagged = np.array([[False, False, False, True], [False, False, True, True]])
    correct = np.array([[1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 1.0, 0.0]])
    nothing = np.zeros((2, 4))
    cost = np.full((2, 4), 6.0)
    walked = Walked(correct, cost, nothing, nothing, flagged, nothing.astype(object))
    arm = Score(np.array([1.0, 0.0, 0.5, 1.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    found = shift.not_flagged(walked, "an arm", arm, "FLOPs")
    assert found is not None
    assert found["n"] == 3
    assert (found["router"]["accuracy"], found["router"]["cost"]) == (pytest.approx(2.5 / 3), 6.0)
    assert (found["best_fixed"]["accuracy"], found["best_fixed"]["cost"]) == (pytest.approx(0.5), 2.0)
    assert found["difference"]["value"] == pytest.approx((0 + 0.5 + 0.5) / 3)
    everything = replace(walked, is_unfamiliar=np.ones((2, 4), bool))
    assert shift.not_flagged(everything, "an arm", arm, "FLOPs") is None


def test_the_best_fixed_arm_is_that_of_the_tested_problems(
    logs: tuple[SweepLog, SweepLog], trained: list[tuple[SweepLog, Probe, int]]
) -> None:
    """So that a router is held against an arm that could be known afterwards alone."""
    found = shift_of(*sides_of(*logs), PROBE, seed=1, note=lambda _: None)
    names = {arm.name for arm in logs[1].manifest.arms}
    assert found["best_fixed"]["name"] in names
    wrong_but_cot = {
        (problem, pool): replace(p, samples=tuple(replace(s, answer="-1", correct=False) for s in p.samples))
        for (problem, pool), p in logs[1].pools.items()
        if not pool.startswith("world:medium temperature=0")
    }
    runs = {
        key: tuple(replace(run, answer="-1", correct=False) for run in some)
        for key, some in logs[1].runs.items()
    }
    spoilt = replace(logs[1], pools={**logs[1].pools, **wrong_but_cot}, runs=runs)
    found = shift_of(*sides_of(logs[0], spoilt), PROBE, seed=1, note=lambda _: None)
    assert found["best_fixed"]["name"] == "cot@1 world:medium"


@pytest.mark.parametrize(
    ("which", "n_known", "complaint"),
    [
        (0, 40, "has 25 problems of levels up to 5"),
        (1, 64, "has 24 problems of levels above 5"),
        (1, 0, "has 0 problems of levels above 5"),
    ],
)
def test_too_few_problems_of_known_levels_are_refused(
    logs: tuple[SweepLog, SweepLog], which: int, n_known: int, complaint: str
) -> None:
    chosen = list(logs)
    chosen[which] = with_levels(logs[which], n_known=n_known)
    with pytest.raises(InputError, match=f"{complaint}, and a shift takes 30 at least: sweep more") as caught:
        sides_of(*chosen)
    assert caught.value.exit_code == 2


def test_what_is_found_is_shown(
    logs: tuple[SweepLog, SweepLog], trained: list[tuple[SweepLog, Probe, int]]
) -> None:
    found = shift_of(*sides_of(*logs), PROBE, seed=1, note=lambda _: None)
    page = build_page({"shift": found}, {})
    for said in (found["trained_on"], found["tested_on"], found["best_fixed"]["name"]):
        assert said in page
