"""Every number that a report holds, against what it is on paper (`by_hand.py` has the outcomes)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.training.evaluation.by_hand import (
    ADAPTIVE,
    BEAM,
    BIG,
    GREEDY_LARGE,
    LARGE,
    ONE,
    SMALL,
    VOTE,
    ByHand,
    board_by_hand,
    frontier_by_hand,
    log_by_hand,
    measured_by_hand,
)
from tts_select.core.errors import InputError
from tts_select.selector.portfolio import Portfolio
from tts_select.training.evaluation.evaluate import evaluate
from tts_select.training.evaluation.frontier import PROBES, Part
from tts_select.training.evaluation.records import Report
from tts_select.training.evaluation.report import report_of
from tts_select.training.evaluation.thresholds import THRESHOLDS
from tts_select.training.replay import metrics

AT = {
    cost: 0.375 + 0.1875 * (cost - 2) if cost <= 4 else 0.75 + 0.0625 * (cost - 4)
    for cost in (2.6, 3, 4, 4.5, 4.75, 5, 5.125, 5.25, 6)
}
"""The router's accuracy at a cost, between its points at 2, 4 and 6."""


def cost_of(accuracy: float) -> float:
    """The router's cost at an accuracy from .375 to .75."""
    return 2 + (accuracy - 0.375) / 0.1875


@pytest.fixture(scope="module")
def report() -> Report:
    return report_of(measured_by_hand(), n_left_out=3, n_trained=7, split="test")


@pytest.fixture(scope="module")
def walked() -> Report:
    """Of the router on the log, walks and all."""
    return evaluate(ByHand(), log_by_hand(), {"n_problems": 9})


def points(found: list[Any]) -> list[tuple[float, float]]:
    return [(pytest.approx(p["accuracy"]), pytest.approx(p["cost"])) for p in found]


def bootstrapped(statistic: Callable[[list[int]], float]) -> Mapping[str, float]:
    """The slow way to an interval over four problems."""
    rng = np.random.default_rng(0)
    found = sorted(statistic(rng.integers(4, size=4).tolist()) for _ in range(metrics.N_RESAMPLES))
    known = [value for value in found if not math.isnan(value)]
    how = "linear" if math.isfinite(known[-1]) else "higher"
    low, high = np.quantile(known, [0.025, 0.975], method=how)  # type: ignore[call-overload]
    return {"value": statistic([0, 1, 2, 3]), "low": low, "high": high}


def mean(values: list[float], places: list[int]) -> float:
    return sum(values[k] for k in places) / len(places)


BIG_CORRECT, BIG_COST = [1.0, 0.0, 1.0, 1.0], [6.0, 10.0, 8.0, 8.0]
ROUTER = [  # correct and cost of each problem, at each price
    ([1.0, 1.0, 1.0, 0.5], [2.0, 2.0, 10.0, 10.0]),
    ([1.0, 0.5, 1.0, 0.5], [2.0, 2.0, 6.0, 6.0]),
    ([1.0, 0.5, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0]),
]


ARMS = {
    "one": ([1, 1, 0, 0.5], [0.3, 0.9, 0.6, 0.6]),
    "adaptive": ([1, 1, 0.5, 0], [4, 4, 4, 4]),
    "big": (BIG_CORRECT, BIG_COST),
    "beam": ([1, 1, 0.5, 0.492], [5, 5, 5, 5]),
}


def spread(known: Any, places: list[int]) -> list[tuple[float, float]]:
    """(cost, accuracy) of each point."""
    return [(mean(cost, places), mean(correct, places)) for correct, cost in known]


def best_at(cost: float, points: list[tuple[float, float]]) -> float:
    """The best point for the cost, or mixture of two; where all are dearer, the cheapest."""
    found = [a for c, a in points if c <= cost * (1 + 1e-9)]
    for (c0, a0), (c1, a1) in itertools.combinations(sorted(points), 2):
        if c0 <= cost < c1:
            found.append(a0 + (a1 - a0) * (cost - c0) / (c1 - c0))
    return max(found, default=max(a for c, a in points if c == min(points)[0]))


def accuracy_at(cost: float, places: list[int]) -> float:
    return best_at(cost, spread(ROUTER, places))


def cost_at(accuracy: float, points: list[tuple[float, float]]) -> float:
    """The least cost of a point, or of a mixture of two, that is so accurate."""
    found = [c for c, a in points if a >= accuracy - 1e-9]
    for (c0, a0), (c1, a1) in itertools.permutations(points, 2):
        if a0 < accuracy < a1:
            found.append(c0 + (c1 - c0) * (accuracy - a0) / (a1 - a0))
    return min(found, default=math.inf)


def test_what_it_is_of(report: Report) -> None:
    assert {k: report[k] for k in ("schema", "kind", "unit", "n_problems", "n_left_out")} == {
        "schema": "tts-select/report@1", "kind": "ByHand", "unit": "FLOPs", "n_problems": 4, "n_left_out": 3,
    }  # fmt: skip
    assert (report["n_trained"], report["n_draws"], report["split"]) == (7, 2, "test")
    assert report["policies"] == [SMALL, LARGE]


def test_the_frontier(report: Report) -> None:
    frontier = report["router"]["frontier"]
    assert [p["price"] for p in frontier] == [0.001, 0.1, 1.0]
    assert points(frontier) == [(0.875, 6.0), (0.75, 4.0), (0.375, 2.0)]
    assert [p["probe_share"] for p in frontier] == [1 / 6, 1 / 4, 1 / 2]
    assert report["probe_share"] == 1 / 4
    for point, (correct, _) in zip(frontier, ROUTER, strict=True):
        expected = bootstrapped(lambda places, correct=correct: mean(correct, places))  # type: ignore[misc]
        assert (point["low"], point["high"]) == pytest.approx((expected["low"], expected["high"]))


def test_fixed_arms(report: Report) -> None:
    arms = {arm["name"]: arm for arm in report["arms"]}
    assert list(arms) == [ONE.name, ADAPTIVE.name, BIG.name, BEAM.name]
    assert points(report["arms"]) == [(0.625, 0.6), (0.625, 4.0), (0.75, 8.0), (0.748, 5.0)]
    ratios = [cost_of(0.625) / 0.6, cost_of(0.625) / 4, 4 / 8, cost_of(0.748) / 5]
    assert [arm["cost_ratio"]["value"] for arm in report["arms"]] == pytest.approx(ratios)
    near = [cost_of(0.62) / 0.6, cost_of(0.62) / 4, cost_of(0.745) / 8, cost_of(0.743) / 5]
    assert [arm["cost_ratio_near"]["value"] for arm in report["arms"]] == pytest.approx(near)
    best = report["best_fixed"]
    assert (best["name"], best["accuracy"], best["cost"]) == (BIG.name, 0.75, 8.0)
    found = report["near_best"]
    assert (found["name"], found["accuracy"], found["cost"]) == (BEAM.name, pytest.approx(0.748), 5.0)
    assert found["cost_ratio"] == arms[BEAM.name]["cost_ratio"]


def test_the_oracle(report: Report) -> None:
    assert points([report["oracle"]]) == [(1.0, (0.3 + 0.9 + 8 + 8) / 4)]


def test_cost_at_equal_accuracy(report: Report) -> None:
    """The cheapest arm that is as accurate as the large one is looked for in every resample."""

    def ratio(places: list[int]) -> float:
        wanted = mean(BIG_CORRECT, places)
        enough = [mean(cost, places) for right, cost in ARMS.values() if mean(right, places) >= wanted - 1e-9]
        return cost_at(wanted, spread(ROUTER, places)) / min(enough)

    assert report["cost_ratio_at_equal_accuracy"] == pytest.approx(bootstrapped(ratio))
    assert report["cost_ratio_at_equal_accuracy"]["value"] == 0.5


def test_the_gap_to_the_oracle_and_regret(report: Report) -> None:
    """Of four problems the distance of .25 is not two of its standard errors: there is no share to speak of,
    and what there is to say is the regret."""
    found = report["guards"]["gap_closed"]
    distances = bootstrapped(lambda places: 1 - mean(BIG_CORRECT, places))
    assert found["distance"] == pytest.approx(distances)
    assert found["distance"]["value"] == 0.25
    # of four problems one differs by 1, so that a mean of four of them has a standard error of sqrt(3 / 64)
    assert found["standard_error"] == pytest.approx(math.sqrt(3 / 64), rel=0.2)
    assert not found["holds"]
    assert math.isnan(report["gap_closed"]["value"])
    expected = bootstrapped(lambda places: 1 - accuracy_at(mean(BIG_COST, places), places))
    assert report["regret"] == pytest.approx(expected)
    assert report["regret"]["value"] == pytest.approx(0.125)


def test_a_distance_that_is_surely_one_has_a_share_closed() -> None:
    """The oracle is right everywhere, the best arm with one half, the router with .875 at most."""
    board = board_by_hand()
    board.correct[0], board.correct[2] = 1.0, 0.5
    scores = {BIG.name: board.score(BIG.name)}
    found = report_of(
        measured_by_hand(board=board, scores=scores), n_left_out=0, n_trained=None, split="test"
    )
    guard = found["guards"]["gap_closed"]
    assert (guard["holds"], guard["standard_error"]) == (True, pytest.approx(0.0, abs=1e-9))
    assert guard["distance"] == pytest.approx({"value": 0.5, "low": 0.5, "high": 0.5})
    expected = bootstrapped(lambda places: (accuracy_at(mean(BIG_COST, places), places) - 0.5) / 0.5)
    assert found["gap_closed"] == pytest.approx(expected)
    assert expected["value"] == pytest.approx(0.75)


def test_frontier_gaps(report: Report) -> None:
    found = report["frontier_gaps"]
    assert found["cheaper_than_any_router"] == [ONE.name]
    worst, beam = found["worst"], ARMS["beam"][0]
    assert (worst["name"], worst["value"]) == (BEAM.name, pytest.approx(AT[5] - 0.748))
    gap = bootstrapped(lambda places: accuracy_at(5, places) - mean(beam, places))
    assert (worst["low"], worst["high"]) == pytest.approx((gap["low"], gap["high"]))
    gaps = {arm["name"]: arm["gap"]["value"] for arm in report["arms"] if "gap" in arm}
    assert gaps == pytest.approx({ADAPTIVE.name: 0.75 - 0.625, BIG.name: 0.125, BEAM.name: AT[5] - 0.748})
    assert found["median_budget"] == 4.5
    one = [1.0, 1.0, 0.0, 0.5]
    expected = bootstrapped(lambda places: accuracy_at(4.5, places) - mean(one, places))
    assert found["at_median_budget"] == pytest.approx(expected)
    assert expected["value"] == pytest.approx(AT[4.5] - 0.625)


def test_the_papers_bins(report: Report) -> None:
    """With .6 to 3.9 the first arm is within the budget, with 5.0 the second, with 6.3 the fourth."""
    known, estimated = report["paper_bins"]["oracle"], report["paper_bins"]["estimated"]
    assert points(known) == [*[(0.625, 0.6)] * 9, (0.625, 4.0), (0.748, 5.0), (1.0, 6.5)]
    assert points(estimated) == [*[(0.625, 2.6)] * 9, (0.625, 6.0), (0.748, 7.0), (0.75, 9.75)]
    gaps = report["bins_gaps"]
    # what is cheaper than any router does not count
    assert gaps["oracle"]["value"] == pytest.approx((AT[4] - 0.625 + AT[5] - 0.748 + 0.875 - 1) / 3)
    of_estimated = 9 * (AT[2.6] - 0.625) + (0.875 - 0.625) + (0.875 - 0.748) + (0.875 - 0.75)
    assert gaps["estimated"]["value"] == pytest.approx(of_estimated / 12)


def test_baselines(report: Report) -> None:
    found = report["baselines"]
    assert points(list(found.values())) == [
        (0.687, 4.4),  # random
        (0.748, 5.0),  # the paper's rule
        (0.625, 4.0),  # adaptive consistency as an arm
        (0.625, 3.0),  # margin: 2 and 2, 4 and 4, 2 and 6, 2 and 2 samples
        (0.75, 5.125),  # adaptive consistency: 4 and 5, 6 and 6, 6 and 6, 4 and 4
        (0.75, 5.125),  # the same by another name
        (0.625, 3.0),  # doubling: 2 and 2, 4 and 4, 2 and 6, 2 and 2
        (0.75, 5.25),  # early stopping: 4 and 6, 6 and 6, 6 and 6, 4 and 4
        *[(0.0, 16.0)] * 5,
        (0.5, 4.75),  # the cascade asks the large policy once, which spoils the answer: 4 and 16
    ]
    rules = ("margin", "adaptive consistency", "beta", "doubling", "early-stopping self-consistency")
    names = ["random", "rule", "adaptive_consistency", *(f"{r} {p}" for p in (SMALL, LARGE) for r in rules)]
    assert list(found) == [*names, f"cascade {SMALL} -> {LARGE}"]
    assert [name for name, point in found.items() if "same_as" in point] == [f"beta {SMALL}", f"beta {LARGE}"]
    assert found[f"beta {LARGE}"]["same_as"] == f"adaptive consistency {LARGE}"
    assert found["rule"]["name"] == BEAM.name
    assert found["adaptive_consistency"]["name"] == ADAPTIVE.name
    assert found[f"margin {SMALL}"]["strategy"] == "margin"
    assert found[f"margin {SMALL}"]["policy"] == SMALL


def test_savings(report: Report) -> None:
    found = {row["against"]: row for row in report["savings"]}
    expected = {
        "the best fixed arm": (BIG.name, 0.75, 8.0, 4 / 8, 0.875 - 0.75),
        "the cheapest arm within half a point of it": (
            *(BEAM.name, 0.748, 5.0),
            *(cost_of(0.748) / 5, AT[5] - 0.748),
        ),
        "margin": (f"margin {SMALL}", 0.625, 3.0, cost_of(0.625) / 3, AT[3] - 0.625),
        "adaptive consistency": (
            *(f"adaptive consistency {SMALL}", 0.75, 5.125),
            *(4 / 5.125, AT[5.125] - 0.75),
        ),
        "doubling": (f"doubling {SMALL}", 0.625, 3.0, cost_of(0.625) / 3, AT[3] - 0.625),
        "early-stopping self-consistency": (
            *(f"early-stopping self-consistency {SMALL}", 0.75, 5.25),
            *(4 / 5.25, AT[5.25] - 0.75),
        ),
        "cascade": (f"cascade {SMALL} -> {LARGE}", 0.5, 4.75, cost_of(0.5) / 4.75, AT[4.75] - 0.5),
    }
    assert list(found) == list(expected)
    for against, (name, accuracy, cost, ratio, gain) in expected.items():
        row = found[against]
        assert row["name"] == name
        assert (row["accuracy"], row["cost"]) == pytest.approx((accuracy, cost))
        assert row["cost_ratio"]["value"] == pytest.approx(ratio)
        assert row["gain"]["value"] == pytest.approx(gain)


def test_gains_are_paired(report: Report) -> None:
    """Router and arm are compared on the same problems, at what the arm costs there."""
    row = report["savings"][0]
    expected = bootstrapped(lambda p: accuracy_at(mean(BIG_COST, p), p) - mean(BIG_CORRECT, p))
    assert row["gain"] == pytest.approx(expected)


def test_accuracy_within_budgets(report: Report) -> None:
    """From 2, the router's cheapest point, to 8, the dearest arm: 2, 2.4, 3.0, 3.6, 4.4, 5.4, 6.6, 8."""
    found = report["at_budgets"]
    assert [row["budget"] for row in found] == pytest.approx([2 * 4 ** (k / 7) for k in range(8)])
    assert [row["router"]["accuracy"] for row in found] == [0.375] * 4 + [0.75] * 2 + [0.875] * 2
    assert [row["router"]["cost"] for row in found] == [2.0] * 4 + [4.0] * 2 + [6.0] * 2
    best = [row["best_fixed"] for row in found]
    assert [arm["name"] for arm in best] == [ONE.name] * 5 + [BEAM.name] * 2 + [BIG.name]
    assert [arm["difference"]["value"] for arm in best] == pytest.approx(
        [-0.25] * 4 + [0.125, 0.002, 0.127, 0.125]
    )
    margin, doubling = f"margin {SMALL}", f"doubling {SMALL}"  # from 3.0
    adaptive, early = (f"{r} {SMALL}" for r in ("adaptive consistency", "early-stopping self-consistency"))
    cheap, all_ = [margin, doubling], [margin, adaptive, doubling, early, f"cascade {SMALL} -> {LARGE}"]
    assert [[rule["name"] for rule in row["stop_rules"]] for row in found] == [[]] * 3 + [cheap] * 2 + [
        all_
    ] * 3
    assert [rule["difference"]["value"] for rule in found[5]["stop_rules"]] == [0.125, 0.0, 0.125, 0.0, 0.25]


def test_differences_within_a_budget_are_paired(report: Report) -> None:
    expected = bootstrapped(lambda p: mean(ROUTER[0][0], p) - mean(BIG_CORRECT, p))
    assert report["at_budgets"][-1]["best_fixed"]["difference"] == pytest.approx(expected)


def test_costs_of_accuracies_that_both_reach(report: Report) -> None:
    """From .625, the cheapest arm's, to .75: the arms have more than .625 between those at .6, 5 and 8."""
    found = report["cost_at_accuracies"]
    wanted = [0.625, 0.65625, 0.6875, 0.71875, 0.75]
    assert [row["accuracy"] for row in found] == pytest.approx(wanted)
    assert [row["router"] for row in found] == pytest.approx([cost_of(a) for a in wanted])
    fixed = [0.6 + 4.4 * (a - 0.625) / 0.123 for a in wanted[:4]] + [8.0]
    assert [row["fixed"] for row in found] == pytest.approx(fixed)
    ratios = [cost_of(a) / cost for a, cost in zip(wanted, fixed, strict=True)]
    assert [row["cost_ratio"]["value"] for row in found] == pytest.approx(ratios)


def test_the_area_between_the_frontiers(report: Report) -> None:
    """The mean over the logarithm of cost from 2, the cheapest of the router, to 8, the dearest arm."""
    steps = np.geomspace(2, 8, 2001)
    middles = np.sqrt(steps[1:] * steps[:-1]).tolist()

    def area(places: list[int]) -> float:
        router, arms = spread(ROUTER, places), spread(ARMS.values(), places)
        return float(np.mean([best_at(c, router) - best_at(c, arms) for c in middles]))

    found = report["area"]
    assert found["value"] == pytest.approx(area([0, 1, 2, 3]), abs=1e-4)

    # on paper: the integral of a + b x cost over log cost is a x log(cost) + b x cost
    def part(start: float, end: float, at_start: float, at_end: float) -> float:
        slope = (at_end - at_start) / (end - start)
        return (at_start - slope * start) * math.log(end / start) + slope * (end - start)

    router = part(2, 4, 0.375, 0.75) + part(4, 6, 0.75, 0.875) + part(6, 8, 0.875, 0.875)
    at_2 = 0.625 + 0.123 * 1.4 / 4.4  # between the arms at .6 and 5
    arms = part(2, 5, at_2, 0.748) + part(5, 8, 0.748, 0.75)
    assert found["value"] == pytest.approx((router - arms) / math.log(4))


def test_the_area_of_a_resample_is_that_of_its_problems(report: Report) -> None:
    """With fewer steps: the slow way to the interval."""
    middles = (2 * 4 ** ((np.arange(60) + 0.5) / 60)).tolist()

    def area(places: list[int]) -> float:
        router, arms = spread(ROUTER, places), spread(ARMS.values(), places)
        return float(np.mean([best_at(c, router) - best_at(c, arms) for c in middles]))

    assert report["area"] == pytest.approx(bootstrapped(area), abs=3e-3)


def test_gains_at_budgets_are_of_mixtures(report: Report) -> None:
    for row in report["at_budgets"]:
        budget = row["budget"]
        expected = bootstrapped(
            lambda p, b=budget: best_at(b, spread(ROUTER, p)) - best_at(b, spread(ARMS.values(), p))  # type: ignore[misc]
        )
        assert row["gain"] == pytest.approx(expected)
    assert report["at_budgets"][0]["gain"]["value"] == pytest.approx(0.375 - 0.625 - 0.123 * 1.4 / 4.4)
    assert report["at_budgets"][-1]["gain"]["value"] == pytest.approx(0.125)


def test_costs_against_the_cheapest_arm_within_a_point(report: Report) -> None:
    """The best arm has .75, the beam .748 for 5, the first one .625 for .6: with .70 and .65 the beam is the
    cheapest within a point, with .60 the first one. The router has .85 between 4 and 6, and .875 at most."""
    found = {row["above_best"]: row for row in report["costs_against_cheapest"]}
    expected = {  # cost of the router, arm, cost of the arm
        0.1: (5.6, None, math.nan),
        0.05: (4.8, None, math.nan),
        0.02: (4.32, None, math.nan),
        0.0: (4.0, BEAM.name, 5.0),
        -0.02: (cost_of(0.73), BEAM.name, 5.0),
        -0.05: (cost_of(0.7), BEAM.name, 5.0),
        -0.1: (cost_of(0.65), BEAM.name, 5.0),
        -0.15: (cost_of(0.6), ONE.name, 0.6),
        -0.2: (cost_of(0.55), ONE.name, 0.6),
        -0.3: (cost_of(0.45), ONE.name, 0.6),
    }
    assert list(found) == list(expected)
    for above, (cost, arm, paid) in expected.items():
        row = found[above]
        assert row["accuracy"] == pytest.approx(0.75 + above)
        assert row["router"] == pytest.approx(cost)
        assert row.get("arm", {}).get("name") == arm
        if arm is not None:
            assert row["cost_ratio"]["value"] == pytest.approx(cost / paid)

    def ratio(places: list[int]) -> float:
        wanted = mean(BIG_CORRECT, places) - 0.1
        paid = [mean(c, places) for a, c in ARMS.values() if mean(a, places) >= wanted - 0.01 - 1e-9]
        return cost_at(wanted, spread(ROUTER, places)) / min(paid)

    assert found[-0.1]["cost_ratio"] == pytest.approx(bootstrapped(ratio))


def test_stop_rules_at_all_their_thresholds(report: Report) -> None:
    """Each is the frontier of all its settings."""
    found = {rule["against"]: rule for rule in report["rules"]}
    assert list(found) == [*THRESHOLDS, "cascade"]
    # two policies; the small one has six samples, the large one two: caps of 1, 2, 4 and 6, and of 1 and 2
    assert found["margin"]["n_settings"] == 4 * 4 + 4 * 2
    # two margins of the first policy, at most 2, 4 or 8 samples of it, and two caps of the second
    assert found["cascade"]["n_settings"] == 2 * 3 * 2
    for rule in found.values():
        costs, accuracies = ([p[k] for p in rule["points"]] for k in ("cost", "accuracy"))  # type: ignore[literal-required]
        assert costs == sorted(costs)
        assert accuracies == sorted(accuracies)
    # one sample is right in half of the rows; a lead of three in at most six takes 3 and 3, 5 and 5, 6 and 6,
    # 3 and 3; one of two in at most four, .625 for 2.75, is below the line between these
    assert found["lead"]["points"] == [
        {"policy": SMALL, "threshold": 2, "most_samples": 1, "accuracy": 0.5, "cost": pytest.approx(1.0)},
        {"policy": SMALL, "threshold": 3, "most_samples": 6, "accuracy": 0.75, "cost": pytest.approx(4.25)},
    ]


def test_calibration(report: Report) -> None:
    found = report["calibration"]
    assert list(found) == ["difficulty", "confidence"]
    difficulty = found["difficulty"]  # .9, .2, .2 and .05 where pass@1 is 1, .75, .25 and 0
    assert difficulty["bins"] == [
        {"predicted": 0.05, "observed": 0.0, "n": 1},
        {"predicted": 0.2, "observed": 0.5, "n": 2},
        {"predicted": 0.9, "observed": 1.0, "n": 1},
    ]
    assert difficulty["ece"] == pytest.approx((0.05 + 2 * 0.3 + 0.1) / 4)
    assert difficulty["brier"] == pytest.approx((0.0025 + 0.3025 + 0.0025 + 0.01) / 4)
    confidence = found["confidence"]  # one of the eight is not known
    assert confidence["n"] == 7
    assert confidence["bins"] == [
        {"predicted": pytest.approx(0.35), "observed": 0.0, "n": 1},
        {"predicted": pytest.approx(0.55), "observed": 1.0, "n": 2},
        {"predicted": pytest.approx(0.75), "observed": 0.5, "n": 2},
        {"predicted": pytest.approx(0.95), "observed": 1.0, "n": 2},
    ]
    assert confidence["ece"] == pytest.approx((0.35 + 2 * 0.45 + 2 * 0.25 + 2 * 0.05) / 7)
    right = [0.45**2] * 2 + [0.25**2] + [0.05**2] * 2
    assert confidence["brier"] == pytest.approx((sum(right) + 0.35**2 + 0.75**2) / 7)


def test_choices_and_refusals(report: Report) -> None:
    """A and B are easy, C is medium and D hard for the small policy."""
    assert report["choices"] == {
        "easy": {PROBES: 0.5, ONE.name: 0.5},
        "medium": {BIG.name: 0.5, ONE.name: 0.5},
        "hard": {BIG.name: 1.0},
    }
    assert report["unfamiliar_share"] == 1 / 8
    assert set(report["decision_ms"]) == {"median", "p95"}


def test_where_arms_are_votes_the_policy_that_drew_last_is_the_choice() -> None:
    found = report_of(measured_by_hand(is_imported=True), n_left_out=0, n_trained=None, split="test")
    assert found["choices"]["medium"] == {LARGE: 0.5, SMALL: 0.5}
    assert found["choices"]["easy"] == {PROBES: 0.5, SMALL: 0.5}


def test_a_frontier_that_never_is_as_accurate_has_infinite_ratios() -> None:
    frontier = frontier_by_hand()
    cheap = replace(frontier, prices=[1.0], walked=frontier.walked[2:], scores=frontier.scores[2:])
    found = report_of(measured_by_hand(frontier=cheap, middle=0), n_left_out=0, n_trained=None, split="test")
    assert found["cost_ratio_at_equal_accuracy"]["value"] == math.inf
    assert found["near_best"]["cost_ratio"]["value"] == math.inf
    assert [row["cost_ratio"]["value"] for row in found["savings"]] == [math.inf] * 7
    assert {row["best_fixed"]["difference"]["value"] for row in found["at_budgets"]} <= {
        -0.25,
        -0.373,
        -0.375,
    }
    (cost,) = found["cost_at_accuracies"]
    assert (cost["accuracy"], cost["router"], cost["fixed"]) == (0.375, 2.0, 0.6)
    for row in (found, found["near_best"], *found["arms"], *found["savings"]):
        assert points([row["reached"]]) == [(0.375, 2.0)]
    assert found["regret"]["value"] == pytest.approx(1 - 0.375)
    assert not found["guards"]["cost_ratio_at_equal_accuracy"]["holds"]
    assert found["guards"]["cost_ratio_at_equal_accuracy"]["distance"]["value"] == -0.375


def test_a_router_dearer_than_all_arms_has_no_gap_to_any() -> None:
    frontier = frontier_by_hand()
    dear = [replace(score, flops=100 * score.flops) for score in frontier.scores]
    measured = measured_by_hand(frontier=replace(frontier, scores=dear))
    report = report_of(measured, n_left_out=0, n_trained=None, split="test")
    found = report["frontier_gaps"]
    assert found["worst"]["name"] == ""
    assert math.isnan(found["worst"]["value"])
    assert len(found["cheaper_than_any_router"]) == 4
    (within,) = report["at_budgets"]  # what both can be had with begins where the arms end
    assert (within["budget"], within["router"]["accuracy"], within["best_fixed"]["name"]) == (
        200,
        0.375,
        BIG.name,
    )
    assert math.isfinite(report["area"]["value"])


def test_without_distance_to_the_oracle_there_is_no_gap_to_close() -> None:
    board = board_by_hand()
    board.correct[:] = board.correct[2]
    measured = measured_by_hand(board=board, scores=board.scores())
    found = report_of(measured, n_left_out=0, n_trained=None, split="test")
    assert math.isnan(found["gap_closed"]["value"])
    assert found["regret"]["value"] == pytest.approx(-0.125)


def test_bins_without_a_table_of_the_training_are_those_of_the_other_folds() -> None:
    """Folds (A, C) and (B, D): C has none of its bin in the other fold, and gets the best over all of it."""
    part = Part(ByHand(), {}, np.arange(4))
    found = report_of(measured_by_hand(trainings=[[part]]), n_left_out=0, n_trained=None, split="test")
    known = found["paper_bins"]["oracle"]
    # at the largest budget: A by B's best (first arm), B by A's, C by all of (B, D), D by all of (A, C)
    correct, cost = [1, 1, 0, 1], [0.3, 0.9, 0.6, 8]
    assert points(known)[-1] == (sum(correct) / 4, sum(cost) / 4)


def test_walks_of_the_router(walked: Report) -> None:
    """Its look costs 2 and the large policy 12; the strange problem is given to the large one at once."""
    frontier = walked["router"]["frontier"]
    assert [p["price"] for p in frontier] == pytest.approx(np.geomspace(1e-3, 100, 16) / 8)
    asked = [p["price"] < 0.05 for p in frontier]
    assert points(frontier) == [(0.5, (3 * 14 + 12) / 4) if a else (0.25, (3 * 2 + 12) / 4) for a in asked]
    assert [p["probe_share"] for p in frontier] == [1.5 / 13.5 if a else 1.5 / 4.5 for a in asked]
    efforts = walked["router"]["efforts"]
    assert {name: p["price"] for name, p in efforts.items()} == ByHand().prices
    assert points([efforts["low"], efforts["medium"], efforts["high"]]) == [
        (0.25, 4.5),
        (0.25, 4.5),
        (0.5, 13.5),
    ]
    assert walked["unfamiliar_share"] == 0.25
    assert walked["n_draws"] == 16
    assert walked["n_trained"] == 9


def test_the_middle_price_is_that_of_medium_effort(walked: Report) -> None:
    assert walked["choices"] == {"easy": {PROBES: 1.0}, "hard": {PROBES: 0.5, GREEDY_LARGE.name: 0.5}}
    confidence = walked["calibration"]["confidence"]
    assert confidence["bins"] == [
        {"predicted": pytest.approx(0.6), "observed": pytest.approx(1 / 3), "n": 48},
        {"predicted": pytest.approx(0.8), "observed": 0.0, "n": 16},
    ]
    assert walked["probe_share"] == 1.5 / 4.5


def test_arms_of_the_log_that_the_router_does_not_know_are_compared_too(walked: Report) -> None:
    assert [arm["name"] for arm in walked["arms"]][-1] == VOTE.name
    assert walked["best_fixed"]["name"] == VOTE.name
    assert points(walked["arms"]) == [(0.25, 2.0), (0.5, 12.0), (0.5, 8.0)]


@pytest.mark.parametrize(
    ("router", "trained_on", "said"),
    [
        (ByHand(fingerprints={SMALL: "another"}), {}, "was trained for 'made:small' as another"),
        (
            ByHand(unit="tokens", fingerprints={SMALL: "fp-small", LARGE: "fp-large"}),
            {},
            "costs are in tokens",
        ),
        (
            ByHand(portfolio=Portfolio("more", (BEAM,))),
            {},
            "lacks the router's arm 'beam@16",
        ),
        (ByHand(), {"problem_ids": ["B", "C", "Z"]}, "2 problems of the log trained the router, 'B' first"),
    ],
)
def test_what_cannot_be_measured_is_refused(router: ByHand, trained_on: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        evaluate(router, log_by_hand(), trained_on)
