"""A sweep as a page: its fixed arms, and a router replayed on it as `walk` replays it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.ladders import ladder_router
from tts_select import InputError
from tts_select.selector.routers.artifact import save_router
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.tracing.listing import Flag
from tts_select.tracing.sources import page_of
from tts_select.tracing.sweeps import SEED, price_grid
from tts_select.tracing.view import Page
from tts_select.training.log.manifest import searches
from tts_select.training.log.records import SweepLog
from tts_select.training.log.writer import Writer
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.walks import walk


def own_router(*policies: str) -> LadderRouter:
    """A ladder of these policies, whoever they are."""
    return replace(ladder_router(policies=(policies[0], policies[1])), fingerprints={})


@pytest.fixture(scope="module")
def log(synthetic_log: Callable[..., SweepLog]) -> SweepLog:
    found: SweepLog = synthetic_log(8, seed=1)
    return found


@pytest.fixture(scope="module")
def sweep(log: SweepLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweeps") / "sweep"
    asked = {(arm.name, seed) for arm, seed in searches(log.manifest.arms, log.manifest.n_runs, 0)}
    runs = [run for found in log.runs.values() for run in found if (run.arm, run.seed) in asked]
    with Writer(folder, log.manifest, list(log.problems.values())) as writer:
        for record in (*log.pools.values(), *runs):
            writer.write(record)
        writer.finish()
    return folder


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("routers") / "router"
    save_router(own_router("world:small", "world:large"), folder, trained_on={})
    return folder


@pytest.fixture(scope="module")
def page(sweep: Path, router: Path) -> Page:
    return page_of(sweep, router=router)


def test_each_price_is_what_a_walk_comes_to(page: Page, log: SweepLog) -> None:
    cases, own = cases_of(log), own_router("world:small", "world:large")
    for view in page.data["views"]:
        walks = walk(own, cases, view["price"], seed=SEED)
        assert view["correct"] == [bool(w.correct) for w in walks]
        assert view["cost"] == pytest.approx([w.flops for w in walks], rel=1e-3)
        assert view["accuracy"] == pytest.approx(np.mean([w.correct for w in walks]))
        assert view["low"] <= view["accuracy"] <= view["high"]


def test_a_problem_is_shown_as_a_trace(page: Page, log: SweepLog) -> None:
    record = page.records[0]
    own = page.data["views"][page.data["own"]]
    assert record["problem"]["correct"] == own["correct"][0]
    assert record["answer"] == own["answer"][0]
    spent = sum(d["cost"]["flops"] for d in record["decisions"] if d["cost"])
    assert spent == pytest.approx(own["cost"][0], rel=1e-3)
    drawn: dict[str, int] = {}
    for decision in record["decisions"]:
        for pool, (first, last) in decision["samples"].items():
            assert first == drawn.get(pool, 0)
            drawn[pool] = last
    assert sum(len(pool["samples"]) for pool in record["pools"]) == sum(
        len(pool.samples) for (id_, _), pool in log.pools.items() if id_ == record["problem"]["id"]
    )


def test_early_and_overspent_compare_the_prices(page: Page) -> None:
    views = page.data["views"]
    for k, view in enumerate(views):
        for place, flags in enumerate(view["flags"]):
            others = [(v["correct"][place], v["cost"][place]) for v in views]
            right, cost = others[k]
            cheaper = any(ok and spent <= 0.5 * cost for ok, spent in others)
            assert bool(flags & Flag.OVERSPENT) == (right and cheaper)
            assert bool(flags & Flag.EARLY) == (not right and any(ok and s > cost for ok, s in others))


def test_without_a_router_of_its_models_there_are_the_fixed_arms_alone(sweep: Path, log: SweepLog) -> None:
    page = page_of(sweep)
    assert "no router" in page.data["subtitle"]
    assert len(page.data["views"]) == 1
    assert len(page.data["frontier"]["series"][0]["points"]) == len(log.manifest.arms)
    assert [len(r["arms"]) for r in page.records] == [len(log.manifest.arms)] * len(page.records)


def test_a_router_that_is_named_must_fit(sweep: Path, tmp_path: Path) -> None:
    save_router(own_router("other", "models"), tmp_path / "r", trained_on={})
    with pytest.raises(InputError, match="lacks the router's arm"):
        page_of(sweep, router=tmp_path / "r")


def test_the_grid_of_prices_has_every_effort() -> None:
    grid = price_grid({"low": 4.0, "medium": 1.0})
    assert grid == [0.25, 1.0, 2.0, 4.0, 16.0]
    assert price_grid({}) == [0.0]
