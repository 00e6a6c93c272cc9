"""A sweep of a dozen records, on models that read from a script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tts_select.core.protocols import SampleRequest
from tts_select.core.seeds import derive_seed
from tts_select.executors.registry import Loaders
from tts_select.selector.portfolio import Portfolio, parse_portfolio
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.log.records import LoggedProblem, SweepLog
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import run_sweep

ARMS = [
    {"policy": ["fake:a", "fake:b"], "method": "cot"},
    {"policy": "fake:a", "prm": "fake:q", "method": "best_of_n", "temperature": 0},
    {"policy": ["fake:a", "fake:b"], "method": "majority", "budget": [1, 4]},
    {"policy": "fake:a", "prm": ["fake:p", "fake:q"], "method": "best_of_n", "budget": 4},
    {"policy": "fake:a", "prm": "fake:p", "method": "beam", "budget": 4},
]
PROBLEMS = [
    LoggedProblem("one", "1 + 1?", "2", 1, "story"),
    LoggedProblem("two", "1 + 2?", "3"),
    LoggedProblem("three", "2 + 2?", "4", 2),
]


def writes(request: SampleRequest, index: int) -> str:
    """Two steps, right or wrong by the sample's seed."""
    if request.steps:
        return f"It is \\boxed{{{2 + derive_seed(request.seed, index) % 3}}}"
    first = f"Think {derive_seed(request.seed, index) % 4} times"
    return f"{first}.\n\nIt is \\boxed{{{2 + derive_seed(request.seed, index, 'answer') % 3}}}"


def scores(problem: str, steps: tuple[str, ...]) -> list[float]:
    return [derive_seed(problem, step) % 1000 / 1000 for step in steps]


FAKES = Loaders(
    lambda spec: FakePolicy(writes, name=spec),
    lambda spec: FakeRewardModel(scores, name=spec),
)


@pytest.fixture
def fakes() -> Loaders:
    return FAKES


@pytest.fixture
def portfolio() -> Portfolio:
    return parse_portfolio({"name": "fakes", "arms": ARMS}, "fakes")


@pytest.fixture
def swept(portfolio: Portfolio, tmp_path: Path) -> Callable[..., tuple[Path, SweepLog]]:
    """Runs the sweep, with the changes asked for, and gives its folder and its log."""

    def run(folder: str = "log", loaders: Loaders = FAKES, **changes: Any) -> tuple[Path, SweepLog]:
        asked = {"portfolio": portfolio, "problems": PROBLEMS, "n_samples": 6, **changes}
        return tmp_path / folder, run_sweep(Sweep(**asked), tmp_path / folder, loaders=loaders)

    return run
