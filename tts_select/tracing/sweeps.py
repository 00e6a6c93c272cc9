"""A sweep, as a page: every fixed arm, and a router replayed on it over a grid of prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from tts_select.core.errors import InputError
from tts_select.data.world.artifacts import ROUTER
from tts_select.selector.routers.artifact import describe_router, load_router
from tts_select.selector.routers.prior import DEFAULT_BUDGET, PriorRouter
from tts_select.selector.routers.protocol import Router
from tts_select.tracing.listing import NOTHING, Flag, Line, columns, filters_of, problems
from tts_select.tracing.replayed import Replayed, answers_of, record_of
from tts_select.tracing.view import Page
from tts_select.training.evaluation.checks import check_measurable
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import Case, cases_of
from tts_select.training.replay.fixed import Board, board_in
from tts_select.training.replay.metrics import mean_interval
from tts_select.training.replay.orders import replayable
from tts_select.training.replay.walks import Walk, draw_of, walk_in
from tts_select.training.routers.prior.binding import on_log

Note = Callable[[str], None]
SEED = 1
HALF = 0.5
BEYOND = 4.0
"""How many times dearer and cheaper than all efforts the ends of the grid of prices are."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A router to replay, if there is one, and what is to be said of it."""

    router: Router | None
    remark: str


def sweep_page(folder: Path, router: Path | None, note: Note) -> Page:
    """The page of a sweep or an imported log. Without a router it is the shipped one, if it can be replayed
    on it, else none: then there are the fixed arms alone.

    Raises:
        InputError: the log cannot be read or is not whole, or the router cannot be replayed on it.
    """
    log = replayable(read_log(folder), note=note)
    chosen = _chosen(router, log)
    note("grading")
    cases = cases_of(log)
    orders = draw_of(cases, SEED)
    note("replaying the fixed arms")
    board = board_in(cases, log.manifest.arms, [[order] for order in orders])
    prices = price_grid(chosen.router.prices) if chosen.router else []
    walked = []
    for k, price in enumerate(prices, start=1):
        note(f"replaying the router at price {k} of {len(prices)}")
        assert chosen.router is not None
        walked.append(walk_in(chosen.router, cases, orders, price))
    replayed = Replayed(chosen.router, prices, own_price(prices, chosen.router), walked, board)
    data = _data(folder, log, cases, replayed, chosen.remark)
    return Page(
        data,
        [
            record_of(case, order, replayed, k)
            for k, (case, order) in enumerate(zip(cases, orders, strict=True))
        ],
    )


def price_grid(efforts: Mapping[str, float]) -> list[float]:
    """The prices of the efforts, one between every two, and one beyond each end, the lowest first."""
    known = sorted(efforts.values())
    if not known:
        return [0.0]
    between = [sqrt(low * high) for low, high in pairwise(known)]
    return sorted([known[0] / BEYOND, *known, *between, known[-1] * BEYOND])


def own_price(prices: Sequence[float], router: Router | None) -> int:
    """The place of the price of medium effort, or of the one in the middle."""
    medium = router.prices.get("medium") if router else None
    return prices.index(medium) if medium in prices else len(prices) // 2


def _chosen(folder: Path | None, log: SweepLog) -> Chosen:
    found = load_router(folder or ROUTER)
    if isinstance(found, PriorRouter):
        found = on_log(found, log, DEFAULT_BUDGET)
    try:
        check_measurable(found, log, {})
    except InputError:
        if folder is not None:
            raise
        return Chosen(None, "no router: name one of these models with --router")
    known = set(log.problems) & set(describe_router(folder or ROUTER).get("problem_ids", ()))
    remark = f"the router was trained on {len(known):,} of these problems" if known else ""
    return Chosen(found, remark)


def _data(folder: Path, log: SweepLog, cases: Sequence[Case], found: Replayed, remark: str) -> dict[str, Any]:
    asked = [(c.problem.id, c.problem.problem, c.problem.answer) for c in cases]
    arms = f"{len(log.manifest.arms)} arms"
    return {
        "kind": "many",
        "title": folder.resolve().name,
        "subtitle": ", ".join(filter(None, [f"{len(cases):,} problems", arms, remark])),
        "unit": cases[0].costs.unit,
        "items": problems(asked),
        "views": _views(found),
        "own": found.own,
        "efforts": dict(found.router.prices) if found.router else {},
        "filters": filters_of(*Flag) if found.prices else filters_of(Flag.WRONG),
        "frontier": _frontier(cases, found),
    }


def _views(found: Replayed) -> list[dict[str, Any]]:
    """The columns at each price; without a router, those of the best fixed arm."""
    if not found.prices:
        return [_best_arm(found.board)]
    correct = np.array([[walk.correct for walk in walks] for walks in found.walked]) > HALF
    cost = np.array([[walk.flops for walk in walks] for walks in found.walked])
    views = []
    for k, (price, walks) in enumerate(zip(found.prices, found.walked, strict=True)):
        cheaper = (correct & (cost <= HALF * cost[k])).any(axis=0) & correct[k]
        spends = (correct & (cost > cost[k])).any(axis=0) & ~correct[k]
        lines = [
            _line(w, overspent=bool(o), early=bool(e)) for w, o, e in zip(walks, cheaper, spends, strict=True)
        ]
        views.append(columns(lines, price=price, **_interval(correct[k]), mean_cost=float(cost[k].mean())))
    return views


def _line(walk: Walk, *, overspent: bool, early: bool) -> Line:
    given = answers_of(walk)
    flags = NOTHING
    if given.answer is None:
        flags |= Flag.NO_ANSWER
    elif not given.correct:
        flags |= Flag.WRONG
    flags |= Flag.OVERSPENT if overspent else NOTHING
    flags |= Flag.EARLY if early else NOTHING
    flags |= Flag.CUT if given.n_cut else NOTHING
    return Line(given.answer, given.correct, given.confidence, float(f"{walk.flops:.4g}"), flags)


def _best_arm(board: Board) -> dict[str, Any]:
    best = int(board.correct.mean(axis=(1, 2)).argmax())
    right, cost = board.correct[best, :, 0] > HALF, board.flops[best, :, 0]
    lines = [
        Line(board.arms[best].name, bool(ok), None, float(f"{spent:.4g}"), NOTHING if ok else Flag.WRONG)
        for ok, spent in zip(right, cost, strict=True)
    ]
    return columns(lines, price=None, **_interval(right), mean_cost=float(cost.mean()))


def _interval(correct: np.ndarray) -> dict[str, float]:
    found = mean_interval(correct.astype(float))
    return {"accuracy": found.value, "low": found.low, "high": found.high}


def _frontier(cases: Sequence[Case], found: Replayed) -> dict[str, Any]:
    arms = [{**score.as_dict(), "label": name} for name, score in found.board.scores().items()]
    series = [{"name": "fixed arms", "kind": "arm", "points": arms}]
    if found.prices:
        series.append({"name": "router", "kind": "views", "points": []})
    unit = cases[0].costs.unit
    return {"title": "Accuracy by cost", "x": f"mean {unit} of a problem", "is_log": True, "series": series}
