"""A method is added as CONTRIBUTING.md says: one module, and one line in the table of methods."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tts_select import InputError, Selector, solve
from tts_select.core.methods import METHODS, Method
from tts_select.executors import methods
from tts_select.executors.registry import Loaders
from tts_select.executors.search import Search
from tts_select.selector.portfolio import parse_portfolio
from tts_select.selector.routers.named import NamedArm
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.log.records import LoggedProblem
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.walks import walk
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import run_sweep

ARM = {"policy": "p", "prm": "r", "method": "best_of_pairs", "budget": 3}


async def best_of_pairs(search: Search) -> None:
    """Twice as many solutions as the budget, of which the better half is kept."""
    found = await search.score(await search.solutions(2 * search.budget))
    search.pool[:] = sorted(found, key=search.ranking, reverse=True)[: search.budget]


@pytest.fixture(autouse=True)
def _added(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType(f"{methods.__name__}.best_of_pairs")
    vars(module)["best_of_pairs"] = best_of_pairs
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(METHODS, "best_of_pairs", Method(needs_prm=True))


def loaders() -> Loaders:
    def writes(_: Any, index: int) -> str:
        return f"Step {index % 4}.\n\n\\boxed{{{index % 4}}}"

    def scores(_: str, steps: Any) -> list[float]:
        return [int(steps[0][5]) / 4] * len(steps)

    return Loaders(
        lambda name: FakePolicy(writes, name=name), lambda name: FakeRewardModel(scores, name=name)
    )


def test_solve_runs_it() -> None:
    models = loaders()
    found = solve("Which?", policy=models.policy("p"), prm=models.prm("r"), method="best_of_pairs", budget=3)
    assert (found.answer, found.plan.method, len(found.candidates)) == ("3", "best_of_pairs", 3)


def test_what_it_needs_is_asked_for() -> None:
    with pytest.raises(InputError, match="the method best_of_pairs needs a PRM"):
        solve("Which?", policy=loaders().policy("p"), method="best_of_pairs")


def test_a_portfolio_a_sweep_and_a_router_know_it(tmp_path: Path) -> None:
    portfolio = parse_portfolio({"name": "pairs", "arms": [ARM]}, "pairs")
    (arm,) = portfolio.arms
    assert not arm.is_sampling
    sweep = Sweep(portfolio, [LoggedProblem("one", "Which?", "3")], n_samples=4, n_runs=1)
    log = run_sweep(sweep, tmp_path / "log", loaders=loaders())
    (run,) = log.runs["one", arm.name]
    assert (run.answer, run.correct) == ("3", True)
    (walked,) = walk(NamedArm(arm), cases_of(log), 0.0, seed=0)
    assert (walked.correct, walked.chosen) == (1.0, [arm.name])
    live = Selector(NamedArm(arm), loaders=loaders()).solve("Which?")
    assert (live.answer, live.confidence) == (run.answer, run.confidence)
