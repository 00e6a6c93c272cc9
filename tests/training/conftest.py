"""The made-up log that the shared router was fitted to, and problems that it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import LookaheadRouter, Probe
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import Case, cases_of
from tts_select.training.routers.lookahead.fit import FittedRouter


@pytest.fixture(scope="session")
def log(synthetic_log: Callable[..., SweepLog]) -> SweepLog:
    """As in the root's `fitted`."""
    return synthetic_log(48)


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
def router(fitted: FittedRouter) -> LookaheadRouter:
    """Takes its probe, whatever the text says."""
    return replace(fitted.router, first_steps=None)


@pytest.fixture(scope="session")
def unseen(synthetic_log: Callable[..., SweepLog]) -> list[Case]:
    """Problems that the router was not trained on."""
    return cases_of(synthetic_log(60, seed=1))
