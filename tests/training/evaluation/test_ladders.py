"""The report of a staged router: exact replays, names of the contract, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.training.made import made_log
from tts_select.core.errors import InputError
from tts_select.core.strict_json import without_nan
from tts_select.selector.routers.ladder import Look, Tally
from tts_select.training.evaluation.ladder_report import cost_ratios
from tts_select.training.evaluation.ladders import (
    cross_evaluate,
    evaluate_staged,
    followed,
)
from tts_select.training.replay.climbing import climb
from tts_select.training.replay.fixed import Score, cost_at
from tts_select.training.replay.metrics import bootstrap
from tts_select.training.replay.orders import replay_of
from tts_select.training.report.targets import staged_targets
from tts_select.training.routers.ladder.fit import FittedStages, fit_staged

N_PROBLEMS, N_SAMPLES = 24, 4


@pytest.fixture(scope="module")
def fitted() -> FittedStages:
    return fit_staged(made_log(N_PROBLEMS, n_samples=N_SAMPLES), seed=0)


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return cross_evaluate(made_log(N_PROBLEMS, n_samples=N_SAMPLES), folds=3, seed=1)


def test_a_replay_is_what_deciding_sample_by_sample_comes_to(fitted: FittedStages) -> None:
    """The slow reference draws for one row at a time, and asks after every sample."""
    router = fitted.router
    replay = replay_of(made_log(6, n_samples=N_SAMPLES, prefix="t", seed=5), n_orders=3, seed=0)
    for ladder in (router.ladders[0], router.ladders[len(router.ladders) // 2], router.ladders[-1]):
        group, _, cost, n = followed(ladder, climb(ladder.stages, replay, router.usual))
        for row in range(len(replay)):
            tally, used, drawn, look = Tally.empty(1), dict.fromkeys(replay.draws, 0), 0, None
            for policy, _ending in ladder.draws:
                draws, k = replay.draws[policy], used[policy]
                one = [a[row : row + 1, k] for a in (draws.group, draws.cost, draws.is_there)]
                tally = tally.after(one[0], one[1], one[2], router.usual[policy])
                used[policy], drawn = k + 1, drawn + 1
                look = Look.at(tally, ladder.answers)
                if not ladder.goes_on(look, drawn)[0]:
                    break
            assert look is not None
            assert (n[row], group[row]) == (drawn, look.group[0])
            assert cost[row] == pytest.approx(tally.cost[0])


def test_the_report_has_the_names_of_the_contract(report: dict[str, Any]) -> None:
    assert {
        "arms", "best_fixed", "oracle", "paper_bins", "baselines", "calibration", "gap_closed",
        "cost_ratio_at_equal_accuracy", "frontier_gaps", "n_problems", "unit", "ladders",
    } <= set(report)  # fmt: skip
    assert report["n_problems"] == N_PROBLEMS
    assert report["unit"] == "FLOPs"
    assert report["split"] == "3 folds over problems"
    assert set(report["paper_bins"]) == {"oracle", "estimated"}
    assert any(name.startswith("adaptive consistency") for name in report["baselines"])
    assert any(name.startswith("early-stopping") for name in report["baselines"])
    assert {arm["name"] for arm in report["arms"]} == {
        f"majority@{k} {policy}" for k in (1, 2, 4) for policy in ("log:weak", "log:strong")
    }
    assert len(report["ladders"]) == 3
    without_nan(report)


def test_the_oracle_is_no_worse_than_the_best_arm_and_the_frontier_spans_the_costs(
    report: dict[str, Any],
) -> None:
    frontier = report["router"]["frontier"]
    costs = [p["cost"] for p in frontier]
    assert min(costs) == pytest.approx(min(arm["cost"] for arm in report["arms"]), rel=0.02)
    assert costs[0] > 3 * costs[-1]
    assert report["oracle"]["accuracy"] >= report["best_fixed"]["accuracy"] - 0.03
    assert all(p["low"] <= p["accuracy"] <= p["high"] for p in frontier)


def test_every_arm_says_what_the_router_costs_at_its_accuracy(report: dict[str, Any]) -> None:
    for arm in report["arms"]:
        ratio, near = arm["cost_ratio"], arm["cost_ratio_near"]
        assert near["value"] <= ratio["value"] + 1e-12
        assert ratio["low"] <= ratio["high"]
    near_best = report["near_best"]
    (same,) = [a for a in report["arms"] if a["name"] == near_best["name"]]
    assert near_best["cost_ratio"] == same["cost_ratio"]


def test_ratios_of_costs_are_those_of_one_arm_after_the_other() -> None:
    rng = np.random.default_rng(0)
    points = [Score(rng.random(30), rng.random(30) + k) for k in range(1, 6)]
    arms = {name: Score(rng.random(30), 3 * rng.random(30) + 1) for name in ("a", "b")}
    arms["dear"] = Score(np.ones(30), np.ones(30))
    lesses = (0.01, 0.0)
    for less, found in zip(lesses, cost_ratios(points, arms, less=lesses), strict=True):
        for name, arm in arms.items():

            def ratio(places: np.ndarray, arm: Score = arm, less: float = less) -> float:
                wanted = float(arm.correct[places].mean()) - less
                return cost_at(points, wanted, places) / float(arm.flops[places].mean())

            assert found[name].as_dict() == pytest.approx(bootstrap(ratio, 30).as_dict())
        assert found["dear"].value == math.inf


def test_a_report_is_reproducible_by_its_seed(report: dict[str, Any]) -> None:
    again = cross_evaluate(made_log(N_PROBLEMS, n_samples=N_SAMPLES), folds=3, seed=1)
    assert without_nan(again) == without_nan(report)


def test_a_router_is_measured_on_problems_that_it_has_not_seen(fitted: FittedStages) -> None:
    other = made_log(N_PROBLEMS, n_samples=N_SAMPLES, prefix="t", seed=7)
    found = evaluate_staged(fitted.router, other, fitted.facts)
    assert found["n_trained"] == N_PROBLEMS
    assert len(found["router"]["frontier"]) == len(fitted.router.ladders)
    with pytest.raises(InputError, match=r"24 problems of the log trained the router.*--folds 5"):
        evaluate_staged(fitted.router, made_log(N_PROBLEMS, n_samples=N_SAMPLES), fitted.facts)


def test_other_policies_and_other_units_are_refused(fitted: FittedStages) -> None:
    other = made_log(5, n_samples=N_SAMPLES, prefix="t")
    cards = {n: replace(card, fingerprint="another") for n, card in other.manifest.models.items()}
    renamed = replace(other, manifest=replace(other.manifest, models=cards))
    with pytest.raises(InputError, match=r"another.*a log of its own policies"):
        evaluate_staged(fitted.router, renamed, fitted.facts)
    unsized = made_log(5, n_samples=N_SAMPLES, prefix="t", sized=False)
    with pytest.raises(InputError, match="costs are in FLOPs, the log's in tokens"):
        evaluate_staged(fitted.router, unsized, fitted.facts)


def test_folds_of_too_few_problems_are_refused() -> None:
    with pytest.raises(InputError, match=r"1 problem .*at least 20"):
        cross_evaluate(made_log(1))


def test_a_target_of_cost_is_missed_by_a_router_that_never_is_as_accurate(report: dict[str, Any]) -> None:
    never = {"value": math.inf, "low": 0.4, "high": math.inf}
    row = staged_targets({**report, "near_best": {**report["near_best"], "cost_ratio": never}})[0]
    assert (row["measured"], row["met"]) == ("never (0.400 to never)", False)
