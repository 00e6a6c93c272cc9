"""A router with its models, kept for many problems: plans, solutions, and what turned out to be right."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from tts_select.core.errors import InputError
from tts_select.core.problem import Problem
from tts_select.core.solution import Solution
from tts_select.data.world.artifacts import ROUTER
from tts_select.executors.registry import BY_SPEC, Loaders
from tts_select.solving.options import SolveOptions, SpendingOptions, check_names

if TYPE_CHECKING:  # numpy, and with it half of the time of `import tts_select`
    from tts_select.config import Config
    from tts_select.selector.outlook import Outlook, Spending
    from tts_select.selector.routers.protocol import Router
    from tts_select.solving.outcomes import Solved
    from tts_select.solving.session import Session
    from tts_select.solving.visits import Visit

T = TypeVar("T")


class Selector:
    """A router with the models of its portfolio, which are loaded when they are first needed."""

    def __init__(
        self,
        router: Router,
        *,
        loaders: Loaders = BY_SPEC,
        outcomes: str | Path | None = None,
        folder: Path | None = None,
    ) -> None:
        """`folder` is where the router was read from, and `outcomes` a file for `record` to write, by default
        the one in that folder."""
        from tts_select.solving.models import Models

        self.router = router
        self.models = Models.of(router, loaders)
        self._solved = _solved(folder, outcomes)

    @classmethod
    def load(cls, folder: str | Path = ROUTER, *, outcomes: str | Path | None = None) -> Selector:
        """Load the router in a folder, by default the one that is shipped for the embedded models. What turns
        out to be right is kept in `outcomes`, by default in the folder if that is not the shipped one.

        Raises:
            InputError: there is no such router, or it cannot be read.
        """
        return cls(_router_in(Path(folder)), outcomes=outcomes, folder=Path(folder))

    @classmethod
    def from_config(
        cls, config: Config, folder: str | Path | None = None, *, outcomes: str | Path | None = None
    ) -> Selector:
        """A router whose models are those that the config names; by default the router is the config's.

        Raises:
            InputError: there is no such router, or its models do not fit where they are to run.
        """
        from tts_select.config.using import bound, loaders_for, routed_together

        place = Path(folder or config.router or ROUTER)
        router = bound(_router_in(place), config)
        loaders = loaders_for(config, routed_together(router.portfolio))
        return cls(router, loaders=loaders, outcomes=outcomes, folder=place)

    @classmethod
    def of(cls, *, outcomes: str | Path | None = None, **options: Unpack[SolveOptions]) -> Selector:
        """What `solve` would run with these options, kept for many problems: a policy alone, say. What turns
        out to be right is kept in `outcomes`, by default in the folder of the router or the prior if that is
        not a shipped one.

        Raises:
            InputError: an option cannot be used, or is for each problem.
        """
        from tts_select.solving.choosing import selector_for

        selector, terms = selector_for(options, outcomes=outcomes)
        for_each = next((name for name in terms if name in options), None)
        if for_each is not None:
            raise InputError(f"'{for_each}' is for each problem: give it to solve(), plan() or session()")
        return selector

    def plan(
        self,
        problem: str | Problem,
        *,
        probe: bool = True,
        seed: int = 0,
        **spending: Unpack[SpendingOptions],
    ) -> Outlook:
        """Look at a problem and decide, without running the decision; `probe=False` reads the text alone."""
        session = self.session(as_problem(problem), seed=seed, **spending)
        return run_sync(session.outlook(may_probe=probe))

    def solve(
        self, problem: str | Problem, *, seed: int = 0, **spending: Unpack[SpendingOptions]
    ) -> Solution:
        """Solve a problem."""
        return run_sync(self.asolve(problem, seed=seed, **spending))

    async def asolve(
        self, problem: str | Problem, *, seed: int = 0, **spending: Unpack[SpendingOptions]
    ) -> Solution:
        """`solve` for callers with an event loop; many at once share the models' batches."""
        return await self.session(as_problem(problem), seed=seed, **spending).run()

    def session(
        self,
        problem: Problem,
        *,
        seed: int = 0,
        logprobs: bool = True,
        visit: Visit | None = None,
        **spending: Unpack[SpendingOptions],
    ) -> Session:
        """Open the session of one problem about to be solved; a server says its own terms in `visit`.

        Raises:
            InputError: an option is unknown or out of range.
        """
        from tts_select.solving.session import Session
        from tts_select.solving.visits import ALONE

        terms = self._spending(spending)
        return Session(
            self.router,
            self.models,
            problem,
            terms,
            seed=seed,
            logprobs=logprobs,
            visit=visit or ALONE,
            noted=self._solved.note,
        )

    def record(self, problem_id: str, correct: bool) -> None:
        """Keep whether the answer to a problem was right that this selector has solved; `tts-select
        recalibrate` learns from it.

        Raises:
            InputError: there is no file for outcomes, or no such problem waits for its outcome.
        """
        self._solved.settle(problem_id, correct=correct)

    def check(self, **spending: Unpack[SpendingOptions]) -> None:
        """Check the options of a session.

        Raises:
            InputError: an option is unknown or out of range.
        """
        self._spending(spending)

    def _spending(self, options: Mapping[str, Any]) -> Spending:
        from tts_select.selector.outlook import Spending, check_unit, price_of

        check_names(options, SpendingOptions.__annotations__)
        spending = Spending(**options)
        spending.check()
        check_unit(self.router, spending)
        price_of(self.router, spending)
        return spending


def as_problem(problem: str | Problem) -> Problem:
    """Return a problem, made of its text if need be.

    Raises:
        InputError: the problem has no text.
    """
    found = Problem(problem.strip()) if isinstance(problem, str) else problem
    if not found.text.strip():
        raise InputError("the problem is empty: write it in the file, or pipe it in and name the file -")
    return found


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end, in a thread of its own if this one has a running event loop (as in a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def _solved(folder: Path | None, outcomes: str | Path | None) -> Solved:
    from tts_select.selector.routers.artifact import identity_of
    from tts_select.solving.outcomes import Solved, file_beside

    usual = file_beside(folder) if folder is not None else None
    return Solved(Path(outcomes) if outcomes else usual, identity_of(folder) if folder is not None else None)


def _router_in(folder: Path) -> Router:
    """Return the router in a folder, which is read once as long as its manifest stays the same."""
    manifest = folder / "manifest.json"
    changed = manifest.stat().st_mtime_ns if manifest.is_file() else 0
    return _read_router(folder.resolve() if changed else folder, changed)


@lru_cache(maxsize=8)
def _read_router(folder: Path, _changed: int) -> Router:
    from tts_select.selector.routers.artifact import load_router

    return load_router(folder)
