"""Problems that a real Ray solves have the answers and the bills of one process."""

from __future__ import annotations

import asyncio
import io
import os
import runpy
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tts_select import InputError, ProblemTooLong, Solution
from tts_select.core.problem import Problem
from tts_select.core.protocols import SampleRequest
from tts_select.core.seeds import derive_seed
from tts_select.solving.api import solver_for
from tts_select.solving.batch import Summary, solve_many
from tts_select.solving.remote import solvers as remote
from tts_select.solving.remote.cluster import Cluster
from tts_select.testing import FakePolicy

ray = pytest.importorskip("ray")
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers have no tests
pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore")]

KILLING = runpy.run_path(str(Path(__file__).parents[2] / "training/sweep/engines/killing_ray.py"))
PROBLEMS = [Problem(f"{k} + 1?", f"p{k}") for k in range(16)]


def writes(request: SampleRequest, index: int) -> str:
    return f"It is \\boxed{{{2 + derive_seed(request.seed, request.problem, index) % 3}}}"


def options(**changes: Any) -> dict[str, Any]:
    policy = FakePolicy(writes, name="fake", delay=0.3, context=changes.pop("context", None))
    return {"policy": policy, "method": "majority", "budget": 4, **changes}


@pytest.fixture(scope="module")
def machines() -> Iterator[Any]:
    made = KILLING["Machines"]()
    yield made
    made.end()


@pytest.fixture
def on_ray(machines: Any) -> Iterator[Callable[..., Any]]:
    """Solves the problems on two workers, and does something else meanwhile."""

    def run(
        asked: dict[str, Any], *, lease_s: float = 60.0, meanwhile: Any = None
    ) -> tuple[Summary, list[Any]]:
        cluster = Cluster(machines.address)
        made = remote.Solvers(cluster, asked, remote.Terms(2, 0, concurrency=2, lease_s=lease_s))
        solutions: list[Solution] = []

        async def one(problem: Problem) -> Solution:
            solutions.append(await made.solve(problem))
            if meanwhile is not None:
                meanwhile(len(solutions))
            return solutions[-1]

        async def work() -> Summary:
            await made.start()
            return await solve_many(PROBLEMS, one, io.StringIO(), concurrency=4, progress=lambda _: None)

        try:
            return asyncio.run(cluster.guard(work())), solutions
        finally:
            made.close()

    yield run
    ray.shutdown()


def facts(solution: Solution) -> Any:
    return solution.answer, solution.text, replace(solution.bill.total, seconds=0.0)


def alone(asked: dict[str, Any]) -> set[Any]:
    async def work() -> list[Solution]:
        solver = solver_for(asked)
        return await asyncio.gather(*(solver(problem) for problem in PROBLEMS))

    return {facts(solution) for solution in asyncio.run(work())}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_worker_that_dies_or_hangs_loses_no_problem(on_ray: Any, how: signal.Signals) -> None:
    def strike(n_done: int) -> None:
        if n_done == 3:
            workers = [
                int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if _is_solver(path)
            ]
            os.kill(workers[0], how)

    summary, solutions = on_ray(options(), lease_s=5.0, meanwhile=strike)
    assert not summary.errors
    assert {facts(solution) for solution in solutions} == alone(options())


def test_a_problem_that_cannot_be_read_stops_no_other(on_ray: Any) -> None:
    summary, solutions = on_ray(options(context=3))
    assert not solutions
    assert len(summary.errors) == len(PROBLEMS)
    assert {type(error) for error in summary.errors} == {InputError}
    with pytest.raises(ProblemTooLong) as here:
        asyncio.run(solver_for(options(context=3))(PROBLEMS[0]))
    assert str(summary.errors[0]) == str(here.value)


def test_what_cannot_be_loaded_is_said_before_any_problem(on_ray: Any) -> None:
    with pytest.raises(InputError, match="unknown kind of policy 'nowhere'"):
        on_ray({"policy": "nowhere:model", "method": "cot"})


def _is_solver(cmdline: Path) -> bool:
    try:
        return cmdline.read_bytes().startswith(b"ray::RemoteSolver")
    except OSError:
        return False
