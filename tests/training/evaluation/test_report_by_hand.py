"""Every number that a report holds, against what it is on paper (`by_hand.py` has the outcomes)."""

from __future__ import annotations

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
from tts_select.training.replay import metrics

AT = {
    cost: 0.375 + 0.375 * math.log(cost / 2, 2) if cost <= 4 else 0.75 + 0.125 * math.log(cost / 4, 1.5)
    for cost in (2.6, 3, 4, 4.5, 4.75, 5, 5.125, 5.25, 6)
}
"""The router's accuracy at a cost, between its points at 2, 4 and 6."""


def cost_of(accuracy: float) -> float:
    """The router's cost at an accuracy from .375 to .75."""
    return float(2 * 2 ** ((accuracy - 0.375) / 0.375))


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


def envelope(places: list[int]) -> list[tuple[float, float]]:
    """(cost, accuracy) from cheap to dear, never falling."""
    found: list[tuple[float, float]] = []
    some = [(mean(cost, places), mean(correct, places)) for correct, cost in ROUTER]
    for cost, accuracy in sorted(some, key=lambda p: (p[0], -p[1])):
        found.append((cost, max([accuracy, *(a for _, a in found)])))
    return found


def accuracy_at(cost: float, places: list[int]) -> float:
    known = envelope(places)
    if cost < known[0][0]:
        return math.nan
    return float(np.interp(math.log(cost), [math.log(c) for c, _ in known], [a for _, a in known]))


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
    arms = {
        "one": ([1, 1, 0, 0.5], [0.3, 0.9, 0.6, 0.6]),
        "adaptive": ([1, 1, 0.5, 0], [4, 4, 4, 4]),
        "big": (BIG_CORRECT, BIG_COST),
        "beam": ([1, 1, 0.5, 0.492], [5, 5, 5, 5]),
    }

    def ratio(places: list[int]) -> float:
        wanted = mean(BIG_CORRECT, places)
        enough = [mean(cost, places) for right, cost in arms.values() if mean(right, places) >= wanted]
        known = envelope(places)
        if wanted > known[-1][1]:
            return math.inf
        k = next(k for k, (_, accuracy) in enumerate(known) if accuracy >= wanted)
        if k == 0:
            return known[0][0] / min(enough)
        (low_cost, low), (high_cost, high) = known[k - 1], known[k]
        share = (wanted - low) / (high - low)
        return float(low_cost ** (1 - share) * high_cost**share) / min(enough)

    assert report["cost_ratio_at_equal_accuracy"] == pytest.approx(bootstrapped(ratio))
    assert report["cost_ratio_at_equal_accuracy"]["value"] == 0.5


def test_the_gap_to_the_oracle_and_regret(report: Report) -> None:
    def gap(places: list[int]) -> float:
        reached, fixed = accuracy_at(mean(BIG_COST, places), places), mean(BIG_CORRECT, places)
        return (reached - fixed) / (1 - fixed) if fixed < 1 else math.nan

    assert report["gap_closed"] == pytest.approx(bootstrapped(gap))
    assert report["gap_closed"]["value"] == pytest.approx(0.5)
    expected = bootstrapped(lambda places: 1 - accuracy_at(mean(BIG_COST, places), places))
    assert report["regret"] == pytest.approx(expected)
    assert report["regret"]["value"] == pytest.approx(0.125)


def test_frontier_gaps(report: Report) -> None:
    found = report["frontier_gaps"]
    assert found["cheaper_than_any_router"] == [ONE.name]
    assert found["worst"] == {"name": BEAM.name, "value": pytest.approx(AT[5] - 0.748)}
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


def arms_envelope(places: list[int]) -> list[tuple[float, float]]:
    """The fixed arms from cheap to dear, never falling."""
    known = [
        ([1, 1, 0, 0.5], [0.3, 0.9, 0.6, 0.6]),
        ([1, 1, 0.5, 0], [4, 4, 4, 4]),
        (BIG_CORRECT, BIG_COST),
        ([1, 1, 0.5, 0.492], [5, 5, 5, 5]),
    ]
    found: list[tuple[float, float]] = []
    some = [(mean(cost, places), mean(correct, places)) for correct, cost in known]
    for cost, accuracy in sorted(some, key=lambda p: (p[0], -p[1])):
        found.append((cost, max([accuracy, *(a for _, a in found)])))
    return found


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
    """From .625, the cheapest arm's, to .75: the arms have more than .625 between the one at 4 and at 5."""
    found = report["cost_at_accuracies"]
    wanted = [0.625, 0.65625, 0.6875, 0.71875, 0.75]
    assert [row["accuracy"] for row in found] == pytest.approx(wanted)
    assert [row["router"] for row in found] == pytest.approx([cost_of(a) for a in wanted])
    fixed = [0.6, *(4 * 1.25 ** ((a - 0.625) / 0.123) for a in wanted[1:4]), 8.0]
    assert [row["fixed"] for row in found] == pytest.approx(fixed)
    ratios = [cost_of(a) / cost for a, cost in zip(wanted, fixed, strict=True)]
    assert [row["cost_ratio"]["value"] for row in found] == pytest.approx(ratios)


def test_the_area_between_the_frontiers(report: Report) -> None:
    """The mean over the logarithm of cost from 2 to 8, here by many small steps."""

    def area(places: list[int]) -> float:
        one, other = envelope(places), arms_envelope(places)
        start, end = max(one[0][0], other[0][0]), max(one[-1][0], other[-1][0])
        steps = np.linspace(math.log(start), math.log(end), 4001)
        mine, theirs = (
            np.interp(steps, [math.log(c) for c, _ in e], [a for _, a in e]) for e in (one, other)
        )
        return float((mine - theirs).mean())

    found = report["area"]
    assert found == pytest.approx(bootstrapped(area), abs=2e-4)
    parts = [  # (from, to, the router at both ends, the arms at both ends)
        (2, 4, 0.375, 0.75, 0.625, 0.625),
        (4, 5, 0.75, AT[5], 0.625, 0.748),
        (5, 6, AT[5], 0.875, 0.748, 0.748 + 0.002 * math.log(6 / 5) / math.log(8 / 5)),
        (6, 8, 0.875, 0.875, 0.748 + 0.002 * math.log(6 / 5) / math.log(8 / 5), 0.75),
    ]
    by_hand = sum(math.log(b / a) * (p + q - r - s) / 2 for a, b, p, q, r, s in parts)
    assert found["value"] == pytest.approx(by_hand / math.log(4))


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
    assert found["gap_closed"]["value"] == pytest.approx((0.375 - 0.75) / 0.25)
    assert found["regret"]["value"] == pytest.approx(1 - 0.375)


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
    found = report_of(measured_by_hand(parts=[part]), n_left_out=0, n_trained=None, split="test")
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
    assert walked["n_draws"] == 4
    assert walked["n_trained"] == 9


def test_the_middle_price_is_that_of_medium_effort(walked: Report) -> None:
    assert walked["choices"] == {"easy": {PROBES: 1.0}, "hard": {PROBES: 0.5, GREEDY_LARGE.name: 0.5}}
    confidence = walked["calibration"]["confidence"]
    assert confidence["bins"] == [
        {"predicted": pytest.approx(0.6), "observed": pytest.approx(1 / 3), "n": 12},
        {"predicted": pytest.approx(0.8), "observed": 0.0, "n": 4},
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
