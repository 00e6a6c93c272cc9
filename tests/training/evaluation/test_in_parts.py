"""A report does not depend on how many problems are replayed at a time, nor on where that is done."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from tests.training.made import made_log
from tests.training.synthetic import synthetic_log
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.training.evaluation.evaluate import cross_evaluate, evaluate
from tts_select.training.evaluation.records import Report
from tts_select.training.replay import many
from tts_select.training.routers.kinds import trainer_of
from tts_select.training.routers.ladder.fit import fit_ladders
from tts_select.training.routers.lookahead.fit import FittedRouter

N_PROBLEMS, MOST = 23, 1000
TIMES = ("decision_ms", "first_decision_ms")


def figures(report: object, path: str = "") -> dict[str, Any]:
    """Every number and text of a report by its place, but for times."""
    if isinstance(report, Mapping):
        items = {str(k): v for k, v in report.items() if k not in TIMES}
    elif isinstance(report, list | tuple):
        items = {str(k): v for k, v in enumerate(report)}
    else:
        return {path: report}
    return {k: v for name, value in items.items() for k, v in figures(value, f"{path}/{name}").items()}


class Elsewhere:
    """Work as another process does it: everything goes there and comes back as bytes."""

    n_at_once = 5

    def __init__(self) -> None:
        self.n_items = 0

    def __call__(self, work: Any, shared: Any, items: Iterable[Any], *, note: Any) -> Iterator[Any]:
        there = pickle.dumps((work, shared))
        for item in [pickle.dumps(item) for item in items]:
            self.n_items += 1
            own_work, own = loaded(there)
            yield loaded(pickle.dumps(own_work(own, loaded(item), note)))


def loaded(data: bytes) -> Any:
    return pickle.loads(data)  # noqa: S301 - made a moment ago


def same(found: Report, wanted: Report) -> None:
    parts, whole = figures(found), figures(wanted)
    assert parts.keys() == whole.keys()
    for name, value in whole.items():
        if isinstance(value, float):
            np.testing.assert_allclose(parts[name], value, rtol=1e-12, atol=1e-15, err_msg=name)
        else:
            assert parts[name] == value, name


def check_same(of: Callable[[], Report], at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "AT_ONCE", MOST)
    whole = of()
    monkeypatch.setattr(many, "AT_ONCE", at_once)
    same(of(), whole)


@pytest.mark.parametrize("at_once", [1, 7])
def test_of_a_ladder(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = fit_ladders(made_log(30, n_samples=4), seed=0)
    log = made_log(N_PROBLEMS, n_samples=4, prefix="t", seed=5)
    check_same(lambda: evaluate(fitted.router, log, fitted.facts, n_orders=4), at_once, monkeypatch)


@pytest.mark.parametrize("at_once", [1, 7])
def test_of_ladders_of_folds(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    log = made_log(N_PROBLEMS + 7, n_samples=4)
    check_same(
        lambda: cross_evaluate(log, trainer_of(log), folds=3, trainings=2, n_orders=4), at_once, monkeypatch
    )


def test_of_a_look_ahead_router(
    router: LookaheadRouter, fitted: FittedRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = synthetic_log(N_PROBLEMS, seed=1)
    check_same(lambda: evaluate(router, log, {}, n_orders=5), 7, monkeypatch)
    check_same(lambda: evaluate(fitted.router, log, {}, n_orders=5), 7, monkeypatch)


def test_ladders_spread_over_processes() -> None:
    log, elsewhere = made_log(N_PROBLEMS + 7, n_samples=4), Elsewhere()

    def of(**more: Any) -> Report:
        return cross_evaluate(log, trainer_of(log), folds=3, trainings=2, n_orders=4, **more)

    same(of(spread=elsewhere), of())
    # six trainings, and the problems of each of six folds in more than one stretch
    assert elsewhere.n_items >= 6 + 12


def test_a_sweep_spread_over_processes(fitted: FittedRouter) -> None:
    log, elsewhere = synthetic_log(N_PROBLEMS, seed=1), Elsewhere()

    def of(**more: Any) -> Report:
        return evaluate(fitted.router, log, {}, n_orders=5, **more)

    same(of(spread=elsewhere), of())
    assert elsewhere.n_items >= 5
