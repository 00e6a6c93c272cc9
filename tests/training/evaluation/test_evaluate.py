"""One evaluation for every kind of router, on sweeps and imported logs, whole and in folds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np
import pytest

from tests.ladders import by_length, ladder_router
from tests.training.evaluation.by_hand import SMALL, VOTE, ByHand, log_by_hand
from tests.training.made import made_log
from tests.training.synthetic import FEW_ARMS
from tts_select.core.arm import Arm
from tts_select.core.errors import InputError
from tts_select.selector.routers.named import NamedArm
from tts_select.selector.routers.protocol import Router
from tts_select.training.evaluation.comparing import cost_ratios
from tts_select.training.evaluation.evaluate import cross_evaluate, evaluate
from tts_select.training.evaluation.frontier import walker
from tts_select.training.evaluation.ladder import climber
from tts_select.training.evaluation.records import Report
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.curves import Curve
from tts_select.training.replay.envelope import cost_at
from tts_select.training.replay.fixed import Score
from tts_select.training.replay.metrics import bootstrap
from tts_select.training.replay.walks import draw_of
from tts_select.training.report.page import build_page
from tts_select.training.report.rendering import without_nan
from tts_select.training.routers.kinds import TrainedRouter, trainer_of
from tts_select.training.routers.ladder.fit import FittedLadders, fit_ladders

N_PROBLEMS, N_SAMPLES = 33, 4


@pytest.fixture(scope="module")
def fitted() -> FittedLadders:
    return fit_ladders(made_log(N_PROBLEMS, n_samples=N_SAMPLES), seed=0)


@pytest.fixture(scope="module")
def folded() -> Report:
    log = made_log(N_PROBLEMS, n_samples=N_SAMPLES)
    return cross_evaluate(log, trainer_of(log), folds=3, seed=1)


@pytest.mark.parametrize("ids", [(0, 1, 2, 3), (3, 1)])
def test_a_ladder_is_climbed_as_it_is_walked(fitted: FittedLadders, ids: tuple[int, ...]) -> None:
    """In all orders at once, and decision by decision; some pools have fewer samples than it draws."""
    log = made_log(7, n_samples=N_SAMPLES, prefix="t", seed=5)
    few = {key: replace(p, samples=p.samples[: 1 + k % 4]) for k, (key, p) in enumerate(log.pools.items())}
    log = replace(log, pools=few)
    cases = [cases_of(log)[k] for k in ids]
    drawn = [draw_of(cases, seed) for seed in range(3)]
    hand = ladder_router(policies=("log:weak", "log:strong"), unit="FLOPs")
    longest = max(len(case.problem.problem) for case in cases)
    for router in (fitted.router, hand, by_length(hand, letters=longest - 0.5)):
        walked, climbed = (make(router, cases, drawn, log.manifest) for make in (walker, climber))
        for price in [ladder.price for ladder in router.ladders] + [0.0, 1e9]:
            one, other = walked(price), climbed(price)
            assert one.correct.tolist() == other.correct.tolist()
            assert one.cost == pytest.approx(other.cost)
            assert one.confidence == pytest.approx(other.confidence)
            assert not other.is_unfamiliar.any()
            assert not other.probe_cost.any()


def test_in_a_replay_the_text_picks_the_ladder() -> None:
    """Some problems have one ladder, some the other, in one order of the samples."""
    log = made_log(12, n_samples=N_SAMPLES)
    cases = cases_of(log)
    router = ladder_router(policies=("log:weak", "log:strong"), unit="FLOPs")
    told = by_length(router, letters=13.5)
    short = np.array([len(case.problem.problem) < 13.5 for case in cases])
    assert 0 < short.sum() < 12
    drawn = [draw_of(cases, 0)]
    plain, by_text = (climber(r, cases, drawn, log.manifest)(1e-4) for r in (router, told))
    assert by_text.cost[:, short].tolist() == plain.cost[:, short].tolist()
    assert (by_text.cost[:, ~short] != plain.cost[:, ~short]).all()


def test_the_report_of_folds_has_the_names_of_the_contract(folded: Report) -> None:
    assert {
        "arms", "best_fixed", "oracle", "paper_bins", "baselines", "calibration", "gap_closed",
        "cost_ratio_at_equal_accuracy", "frontier_gaps", "n_problems", "unit", "ladders",
    } <= set(folded)  # fmt: skip
    assert (folded["n_problems"], folded["n_left_out"], folded["n_trained"]) == (N_PROBLEMS, 0, 22)
    assert (folded["unit"], folded["kind"], folded["split"]) == ("FLOPs", "ladder", "3 folds over problems")
    assert set(folded["paper_bins"]) == {"oracle", "estimated"}
    for rule in ("margin", "beta", "adaptive consistency", "doubling", "early-stopping self-consistency"):
        assert {f"{rule} log:weak", f"{rule} log:strong"} <= set(folded["baselines"])
    assert "cascade log:weak -> log:strong" in folded["baselines"]
    assert {arm["name"] for arm in folded["arms"]} == {
        f"majority@{k} {policy}" for k in (1, 2, 3, 4) for policy in ("log:weak", "log:strong")
    }
    assert len(folded["ladders"]) == 3
    assert set(folded["router"]["efforts"]) == {"low", "medium", "high"}


def test_the_oracle_is_no_worse_than_the_best_arm_and_the_frontier_spans_the_costs(folded: Report) -> None:
    frontier = folded["router"]["frontier"]
    costs = [p["cost"] for p in frontier]
    assert min(costs) == pytest.approx(min(arm["cost"] for arm in folded["arms"]), rel=0.05)
    assert costs[0] > 3 * costs[-1]
    assert folded["oracle"]["accuracy"] >= folded["best_fixed"]["accuracy"] - 0.03
    assert all(p["low"] <= p["accuracy"] <= p["high"] for p in frontier)


def test_ratios_of_costs_are_those_of_one_arm_after_the_other() -> None:
    rng = np.random.default_rng(0)
    points = [Score(rng.random(30), rng.random(30) + k) for k in range(1, 6)]
    arms = {name: Score(rng.random(30), 3 * rng.random(30) + 1) for name in ("a", "b")}
    arms["dear"] = Score(np.ones(30), np.ones(30))
    lesses = (0.01, 0.0)
    ratios = cost_ratios(Curve.of(points), list(arms), Curve.of(list(arms.values())), less=lesses)
    for less, found in zip(lesses, ratios, strict=True):
        for name, arm in arms.items():

            def ratio(places: np.ndarray, arm: Score = arm, less: float = less) -> float:
                wanted = float(arm.correct[places].mean()) - less
                return cost_at(points, wanted, places) / float(arm.flops[places].mean())

            assert found[name].as_dict() == pytest.approx(bootstrap(ratio, 30).as_dict())
        assert found["dear"].value == math.inf


def test_a_report_is_reproducible_by_its_seed(folded: Report) -> None:
    log = made_log(N_PROBLEMS, n_samples=N_SAMPLES)
    again = cross_evaluate(log, trainer_of(log), folds=3, seed=1)
    assert timeless(again) == timeless(folded)


def test_each_fold_is_measured_by_the_router_that_has_not_seen_it() -> None:
    """The trainer notes what it is given; the routers it makes refuse every problem that they trained on."""
    log, asked = log_by_hand(), []

    def train(inside: SweepLog, *, seed: int, note: Callable[[str], None]) -> TrainedRouter:
        asked.append((sorted(inside.problems), seed))
        note("training")
        return TrainedRouter(Jealous(inside), {})

    noted: list[str] = []
    found = cross_evaluate(log, train, folds=2, seed=7, note=noted.append)
    (first, _), (second, _) = asked
    assert sorted(first + second) == sorted(log.problems)
    assert [seed for _, seed in asked] == [7, 8]
    assert noted[:2] == ["fold 1 of 2: training", "fold 2 of 2: training"]
    assert found["unfamiliar_share"] == 0.0
    assert (found["n_trained"], found["split"]) == (2, "2 folds over problems")
    # what it gets is what one router would that behaves alike
    alone = evaluate(NotStrange(), log, {})
    assert [p["cost"] for p in found["router"]["frontier"]] == [
        p["cost"] for p in alone["router"]["frontier"]
    ]
    efforts = zip(found["router"]["efforts"].values(), alone["router"]["efforts"].values(), strict=True)
    assert all(one == pytest.approx(other) for one, other in efforts)


class NotStrange(ByHand):
    def unfamiliar(self, problem: str, evidence: object) -> str | None:
        return None


class Jealous(ByHand):
    """Refuses the problems of its training."""

    def __init__(self, log: SweepLog) -> None:
        super().__init__()
        object.__setattr__(self, "known", {p.problem for p in log.problems.values()})

    def unfamiliar(self, problem: str, evidence: object) -> str | None:
        return "it was trained on it" if problem in self.known else None  # type: ignore[attr-defined]


def test_a_ladder_is_measured_on_problems_that_it_has_not_seen(fitted: FittedLadders) -> None:
    other = made_log(N_PROBLEMS, n_samples=N_SAMPLES, prefix="t", seed=7)
    found = evaluate(fitted.router, other, fitted.facts)
    assert found["n_trained"] == N_PROBLEMS
    assert [p["price"] for p in found["router"]["frontier"]] == [x.price for x in fitted.router.ladders]
    assert {e: p["price"] for e, p in found["router"]["efforts"].items()} == fitted.router.prices
    (ladders,) = found["ladders"]
    assert ladders[0]["stages"]
    with pytest.raises(InputError, match=r"33 problems of the log trained the router.*--folds 5"):
        evaluate(fitted.router, made_log(N_PROBLEMS, n_samples=N_SAMPLES), fitted.facts)


def test_other_policies_and_other_units_are_refused(fitted: FittedLadders) -> None:
    other = made_log(5, n_samples=N_SAMPLES, prefix="t")
    cards = {n: replace(card, fingerprint="another") for n, card in other.manifest.models.items()}
    renamed = replace(other, manifest=replace(other.manifest, models=cards))
    with pytest.raises(InputError, match=r"another.*a log of its own models"):
        evaluate(fitted.router, renamed, fitted.facts)
    unsized = made_log(5, n_samples=N_SAMPLES, prefix="t", sized=False)
    with pytest.raises(InputError, match="costs are in FLOPs, the log's in tokens"):
        evaluate(fitted.router, unsized, fitted.facts)


def test_trainings_that_are_all_alike_change_nothing() -> None:
    """Three of one router: the same figures and intervals, and each of them beside the others."""
    log = log_by_hand()
    alone = evaluate(ByHand(), log, {}, n_orders=2)
    again = evaluate(ByHand(), log, {}, again=[TrainedRouter(ByHand(), {})] * 2, n_orders=2)
    assert (alone["n_trainings"], alone["trainings"], again["n_trainings"]) == (1, [], 3)
    for key in ("area", "frontier_gaps", "costs_against_cheapest", "savings", "regret"):
        assert without_nan(again[key]) == approx_in_depth(without_nan(alone[key]))  # type: ignore[literal-required]
    assert [p["accuracy"] for p in again["router"]["frontier"]] == [
        p["accuracy"] for p in alone["router"]["frontier"]
    ]
    first, *others = again["trainings"]
    assert others == [first, first]
    assert first["efforts"].keys() == alone["router"]["efforts"].keys()


def test_trainings_that_differ_are_told_as_their_mean() -> None:
    """The second one never asks the large policy, which has .5 where the small one has .25."""
    log, never = log_by_hand(), ByHand(prices={"low": 1.0, "medium": 1.0, "high": 1.0})
    found = evaluate(ByHand(), log, {}, again=[TrainedRouter(never, {})], n_orders=2)
    high = found["router"]["efforts"]["high"]
    assert high["accuracy"] == pytest.approx((0.5 + 0.25) / 2)
    assert high["price"] == pytest.approx((0.001 * 1.0) ** 0.5)
    assert [one["efforts"]["high"]["accuracy"] for one in found["trainings"]] == [0.5, 0.25]
    assert high["low"] <= 0.25, "of two trainings one is drawn, the second in half of the resamples"
    assert high["high"] >= 0.5


def test_trainings_of_different_kinds_are_refused() -> None:
    with pytest.raises(InputError, match="several routers are trainings of one: the same kind"):
        evaluate(ByHand(), log_by_hand(), {}, again=[TrainedRouter(NamedArm(VOTE), {})])


def test_every_training_cuts_its_own_folds() -> None:
    log, asked = log_by_hand(), []

    def train(inside: SweepLog, *, seed: int, note: Callable[[str], None]) -> TrainedRouter:
        asked.append((tuple(sorted(inside.problems)), seed))
        return TrainedRouter(Jealous(inside), {})

    noted: list[str] = []
    found = cross_evaluate(log, train, folds=2, trainings=3, seed=7, n_orders=2, note=noted.append)
    assert found["n_trainings"] == 3
    assert found["n_draws"] == 2
    assert found["split"] == "2 folds over problems, 3 times"
    for k in range(3):  # each training sees every problem once, in one fold or the other
        (one, _), (other, _) = asked[2 * k : 2 * k + 2]
        assert sorted(one + other) == sorted(log.problems)
    assert len({seed for _, seed in asked}) == 6
    assert len({problems for problems, _ in asked}) > 2
    assert any(text.startswith("training 3 of 3: ") for text in noted)
    assert found["unfamiliar_share"] == 0.0


def test_folds_of_too_few_problems_are_refused() -> None:
    log = made_log(2)
    with pytest.raises(InputError, match=r"in fold 1 of 2 1 of 2 problems are left .*at least 20"):
        cross_evaluate(log, trainer_of(log), folds=2)


def test_a_named_arm_is_measured_like_any_router() -> None:
    """Its frontier is a point, which is that of the fixed arm."""
    log = log_by_hand()
    found = evaluate(NamedArm(VOTE), log, {})
    (point,) = found["router"]["frontier"]
    assert (found["kind"], point["price"], point["accuracy"], point["cost"]) == ("named", 0.0, 0.5, 8.0)
    assert found["router"]["efforts"] == {}
    same = next(row for row in found["savings"] if row["name"] == VOTE.name)
    assert (same["cost_ratio"]["value"], same["gain"]["value"]) == (1.0, 0.0)
    assert "confidence" in found["calibration"]


def test_the_arm_that_the_router_itself_is_is_not_the_worst_one() -> None:
    """The vote costs 8 and is as accurate as the large policy, which costs 12."""
    found = evaluate(NamedArm(VOTE), log_by_hand(), {})["frontier_gaps"]
    assert found["worst"]["name"] == "cot@1 made:large"
    assert found["worst"]["value"] == pytest.approx(0.0)
    assert found["cheaper_than_any_router"] == ["cot@1 made:small"]


def test_on_samples_a_router_and_the_arm_that_it_is_are_the_same() -> None:
    """In the same orders, that is, so that no difference between them is noise."""
    arm = Arm("log:weak", None, "majority", 2)
    found = evaluate(NamedArm(arm), made_log(6, n_samples=4), {})
    same = next(a for a in found["arms"] if a["name"] == arm.name)
    (point,) = found["router"]["frontier"]
    assert (point["accuracy"], point["cost"]) == (same["accuracy"], pytest.approx(same["cost"]))
    assert same["cost_ratio"] == pytest.approx({"value": 1.0, "low": 1.0, "high": 1.0})


def test_a_named_arm_costs_what_the_log_counts() -> None:
    found = evaluate(NamedArm(Arm("log:weak", None, "majority", 2)), made_log(6, sized=False), {})
    assert found["unit"] == "tokens"
    assert found["best_fixed"]["unit"] == "tokens"


def test_the_confidence_of_samples_that_nothing_is_known_of_is_left_out() -> None:
    """A single unscored sample has no share of a vote."""
    found = evaluate(NamedArm(Arm(SMALL, None, "cot", 1)), log_by_hand(), {})
    assert "confidence" not in found["calibration"]


@pytest.mark.parametrize("kind", ["by hand", "named", "ladder"])
def test_the_page_of_every_kind_lacks_nothing(kind: str, fitted: FittedLadders) -> None:
    if kind == "ladder":
        found = evaluate(
            fitted.router, made_log(N_PROBLEMS, n_samples=N_SAMPLES, prefix="t", seed=7), fitted.facts
        )
    else:
        router: Router = ByHand() if kind == "by hand" else NamedArm(VOTE)
        found = evaluate(router, log_by_hand(), {"n_problems": 5})
    page = build_page(without_nan(dict(found)), {})
    assert "not measured" not in page
    assert "nan" not in page.lower().split("<h1>")[1]
    for row in found["savings"]:
        assert escape(row["name"]) in page


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_sweep_is_measured_in_folds_by_either_kind(synthetic_log: Callable[..., SweepLog]) -> None:
    log = synthetic_log(64, n_samples=4, arms=FEW_ARMS)
    for kind in ("ladder", "look-ahead"):
        found = cross_evaluate(log, trainer_of(log, kind), folds=2, seed=1)
        assert found["kind"] == kind
        assert {arm["name"] for arm in found["arms"]} >= {arm.name for arm in log.manifest.arms}
        assert "not measured" not in build_page(without_nan(dict(found)), {})


def timeless(report: Report) -> dict[str, Any]:
    return {
        key: value
        for key, value in without_nan(dict(report)).items()
        if key not in ("decision_ms", "first_decision_ms")
    }


def approx_in_depth(found: Any) -> Any:
    """The same, but for rounding."""
    if isinstance(found, dict):
        return {key: approx_in_depth(value) for key, value in found.items()}
    if isinstance(found, list):
        return [approx_in_depth(value) for value in found]
    return pytest.approx(found) if isinstance(found, float) else found
