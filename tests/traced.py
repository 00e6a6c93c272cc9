"""Traces of sessions over fakes, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from tests.priors import prior_router
from tts_select import Problem, Selector
from tts_select.core.arm import Arm
from tts_select.core.plan import Settings
from tts_select.core.protocols import SampleRequest
from tts_select.core.solution import Solution
from tts_select.executors.registry import Loaders
from tts_select.selector.routers.named import NamedArm
from tts_select.selector.routers.protocol import Router
from tts_select.solving.history import History
from tts_select.solving.selector import run_sync
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.tracing.recording import trace_of

QUESTION = "Start with 3. Add 14. Add 9. Add 27. What is the result?"


def votes(request: SampleRequest, index: int) -> str:
    """Every third sample is wrong."""
    return f"so\n\n\\boxed{{{53 if index % 3 else 50 + index}}}"


def branches(request: SampleRequest, index: int) -> str:
    """Three rounds; the name of a step is its path, as in `0.2.1`."""
    path = f"{request.steps[-1]}.{index}" if request.steps else str(index)
    return f"the end \\boxed{{{path}}}" if len(request.steps) == 2 else f"{path}\n\nmore"


def low_is_good(_: str, steps: tuple[str, ...]) -> list[float]:
    """A step scores the less the larger the digits of its path."""
    return [1 / (1 + sum(int(c) for c in step if c.isdigit())) for step in steps]


def ran(
    router: Router, script: Any, problem: Problem, *, seed: int = 0, **spending: Any
) -> tuple[History, Solution]:
    """What a session over fakes leaves."""
    loaders = Loaders(
        lambda name: FakePolicy(script, name=name), lambda name: FakeRewardModel(low_is_good, name=name)
    )
    session = Selector(router, loaders=loaders).session(problem, seed=seed, **spending)
    solution = run_sync(session.run())
    return session.history(), solution


def sampled(
    text: str = QUESTION, script: Any = votes, *, name: str = "sampled", **more: Any
) -> dict[str, Any]:
    """The trace of a prior that samples one policy."""
    return trace_of(*ran(prior_router("p", 12), script, Problem(text, id=name, answer="53"), **more))


def searched(method: str = "beam", budget: int = 8) -> dict[str, Any]:
    """The trace of a search."""
    arm = Arm("p", "r", method, budget, Settings(beam_width=4))
    return trace_of(*ran(NamedArm(arm), branches, Problem(QUESTION, id=method)))
