"""Reports in other units: a router decides as before, and costs are what the log says in that unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from tests.training.made import made_log
from tts_select.core.errors import InputError
from tts_select.core.pricing import TokenPrice
from tts_select.training.evaluation.evaluate import cross_evaluate, evaluate
from tts_select.training.evaluation.records import Report
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.costs import costs_of, in_unit
from tts_select.training.report.page import build_page
from tts_select.training.report.rendering import without_nan
from tts_select.training.routers import kinds
from tts_select.training.routers.kinds import trainer_of
from tts_select.training.routers.ladder.fit import FittedLadders, fit_ladders

N_PROBLEMS = 24


def sold(log: SweepLog, *, output: float = 3.0) -> SweepLog:
    """The log with prices; the last policy's output costs ten times as much as that of the first."""
    price = {n: TokenPrice(1.0 + k, output * (1 + 9 * k), 1.0) for k, n in enumerate(log.manifest.models)}
    models = {name: replace(card, price=price[name]) for name, card in log.manifest.models.items()}
    return replace(log, manifest=replace(log.manifest, models=models))


@pytest.fixture(scope="module")
def ladders() -> FittedLadders:
    return fit_ladders(sold(made_log(N_PROBLEMS, n_samples=4)), seed=0)


@pytest.fixture(scope="module")
def others() -> SweepLog:
    return sold(made_log(N_PROBLEMS, n_samples=4, prefix="t", seed=9))


def costs(report: Report) -> list[float]:
    return [p["cost"] for p in report["router"]["frontier"]]


def test_a_ladder_decides_as_before_and_costs_dollars(ladders: FittedLadders, others: SweepLog) -> None:
    own, in_dollars = (evaluate(ladders.router, others, {}, unit=unit) for unit in (None, "dollars"))
    assert (own["unit"], in_dollars["unit"]) == ("FLOPs", "dollars")
    assert [p["price"] for p in own["router"]["frontier"]] == [
        p["price"] for p in in_dollars["router"]["frontier"]
    ], "its prices stay in its own unit"
    assert [p["accuracy"] for p in own["router"]["frontier"]] == [
        p["accuracy"] for p in in_dollars["router"]["frontier"]
    ]
    assert 0 < max(costs(in_dollars)) < 1 < min(costs(own))
    dearer = evaluate(ladders.router, sold_anew(others), {}, unit="dollars")
    assert costs(dearer) == pytest.approx([2 * cost for cost in costs(in_dollars)])
    assert "dollars, at the prices of tokens in the log" in build_page(without_nan(dict(in_dollars)), {})


def sold_anew(log: SweepLog) -> SweepLog:
    """At twice the prices."""
    models = {
        name: replace(card, price=TokenPrice(2 * p.input, 2 * p.output, 2 * p.cached))
        for name, card in log.manifest.models.items()
        if (p := card.price)
    }
    return replace(log, manifest=replace(log.manifest, models=models))


def test_a_ladder_may_be_trained_in_dollars(others: SweepLog) -> None:
    trained = fit_ladders(in_unit(others, "dollars"), seed=0)
    assert (trained.router.unit, trained.facts["unit"]) == ("dollars", "dollars")
    assert all(ladder.cost < 1 for ladder in trained.router.ladders)
    other = sold(made_log(N_PROBLEMS, n_samples=4, prefix="x", seed=10))
    with pytest.raises(InputError, match=r"costs are in dollars, the log's in FLOPs.*--unit dollars"):
        evaluate(trained.router, other, trained.facts)
    report = evaluate(trained.router, other, trained.facts, unit="dollars")
    assert report["unit"] == "dollars"


def test_folds_train_their_ladders_in_dollars() -> None:
    log = sold(made_log(40, n_samples=3))
    report = cross_evaluate(log, trainer_of(log, "ladder"), folds=2, unit="dollars")
    assert report["unit"] == "dollars"
    assert max(costs(report)) < 1
    assert max(p["price"] for p in report["router"]["frontier"]) > 1, "per dollar"


def test_a_look_ahead_router_is_trained_in_flops_whatever_is_asked(
    synthetic_log: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[SweepLog] = []
    monkeypatch.setattr(kinds, "fit_router", lambda log, *_, **__: seen.append(log) or Fitted(None, {}))
    log = in_unit(sold(synthetic_log(2)), "dollars")
    trainer_of(log, "look-ahead")(log, seed=0, note=lambda _: None)
    assert costs_of(seen[0].manifest).unit == "FLOPs"


class Fitted(NamedTuple):
    """What training gives, without the router."""

    router: None
    facts: dict[str, Any]


@pytest.mark.slow
def test_a_look_ahead_router_is_replayed_at_its_own_prices(
    fitted: Any, synthetic_log: Callable[..., Any]
) -> None:
    log = sold(synthetic_log(8))
    own, in_dollars = (evaluate(fitted.router, log, {}, unit=unit) for unit in (None, "dollars"))
    prices = [[p["price"] for p in r["router"]["frontier"]] for r in (own, in_dollars)]
    assert prices[1] == pytest.approx(prices[0], rel=0.5), "the best fixed arm may differ among equals"
    assert max(costs(in_dollars)) < 1 < min(costs(own))
