"""One fitted router for all tests: fitting takes most of a test run's time."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from tts_select.selector.portfolio import Portfolio
from tts_select.selector.router import Probe, Router
from tts_select.training.routing.cases import Case, cases_of
from tts_select.training.routing.fit import Fitted, fit_router
from tts_select.training.sweep.records import SweepLog

N_PROBLEMS = 48


@pytest.fixture(scope="session")
def synthetic_log() -> Callable[..., SweepLog]:
    """Makes up a sweep log of so many problems."""
    made: Callable[..., SweepLog] = runpy.run_path(str(Path(__file__).with_name("synthetic.py")))[
        "synthetic_log"
    ]
    return made


@pytest.fixture(scope="session")
def log(synthetic_log: Callable[..., SweepLog]) -> SweepLog:
    return synthetic_log(N_PROBLEMS)


@pytest.fixture(scope="session")
def cases(log: SweepLog) -> list[Case]:
    return cases_of(log)


@pytest.fixture(scope="session")
def portfolio(log: SweepLog) -> Portfolio:
    return Portfolio(log.manifest.portfolio, log.manifest.arms)


@pytest.fixture(scope="session")
def probe() -> Probe:
    return Probe("world:small", "world:prm", 2)


@pytest.fixture(scope="session")
def fitted(log: SweepLog, probe: Probe) -> Fitted:
    return fit_router(log, probe)


@pytest.fixture(scope="session")
def router(fitted: Fitted) -> Router:
    return fitted.router


@pytest.fixture(scope="session")
def unseen(synthetic_log: Callable[..., SweepLog]) -> list[Case]:
    """Problems that the router was not trained on."""
    return cases_of(synthetic_log(80, seed=1))
