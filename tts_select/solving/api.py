"""`solve` as people meet it: with a trained router, unless a method or a model is named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from tts_select.core.errors import InputError
from tts_select.core.problem import Problem
from tts_select.core.solution import Solution
from tts_select.data.prior.artifacts import PRIOR
from tts_select.data.world.artifacts import ROUTER
from tts_select.executors.registry import BY_SPEC, Loaders
from tts_select.solving.options import (
    CASCADE,
    NAMING,
    SPENDING,
    NamedChoice,
    SolveOptions,
    SpendingOptions,
    check_cascade,
    check_names,
    check_one_budget,
    check_together,
)

if TYPE_CHECKING:  # numpy, and with it half of the time of `import tts_select`
    from tts_select.config import Config
    from tts_select.selector.outlook import Outlook, Spending
    from tts_select.selector.routers.protocol import Router
    from tts_select.solving.outcomes import Solved
    from tts_select.solving.session import Session

T = TypeVar("T")

Solver = Callable[[Problem], Awaitable[Solution]]


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
        **spending: Unpack[SpendingOptions],
    ) -> Session:
        """Open the session of one problem about to be solved.

        Raises:
            InputError: an option is unknown or out of range.
        """
        from tts_select.solving.session import Session

        terms = self._spending(spending)
        return Session(
            self.router, self.models, problem, terms, seed=seed, logprobs=logprobs, noted=self._solved.note
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


def solve(problem: str | Problem, **options: Unpack[SolveOptions]) -> Solution:
    """Solve a problem; works inside a running event loop too.

    A trained router chooses what to run: the one in the folder `router`, or the config's, or the shipped one
    for the embedded models. These options say what it may spend:

        effort              "low", "medium" (default) or "high"
        price               instead of the effort: what a FLOP is worth, in probability of being right; or
                            "0.1/dollar", "1e-6/token", "0.01/second"
        max_flops           compute no more than about this
        max_dollars         spend no more than about this (the models have prices: docs/models.md)
        max_tokens          generate no more tokens than this
        deadline            seconds from the start of the search

    With a policy alone a prior that was learned from other models decides when to stop sampling it
    (docs/prior.md). With a method or a PRM the paper's rule of thumb chooses what is left open:

        policy, base_url, policy_options           a spec as in "openai:MODEL", or an object of your own
        prm, prm_format, prm_options               the same for the process reward model
        method              "cot", "majority", "best_of_n", "beam" or "dvts", or a stop rule: "margin",
                            "beta", "adaptive", "doubling" or "early_stopping"; or "cascade", of two
                            policies of a config
        budget              N; without it 16 for a policy alone, else the effort chooses 4, 16 or 64
        aggregation, selection, temperature, max_new_tokens
        untrained_rule      True: leave everything to the rule
        prior               a folder of `recalibrate` or `train`, instead of the shipped prior

    And always: `seed` (fixes the result), `logprobs`, and `config` with `pair` (docs/config.md).

    >>> solve("Start with 14. Multiply by 3. What is the result?").answer
    '42'

    Raises:
        InputError: the problem or an option cannot be used.
        BackendError: a model failed.
    """
    return run_sync(asolve(problem, **options))


async def asolve(problem: str | Problem, **options: Unpack[SolveOptions]) -> Solution:
    """`solve` for callers with an event loop; many at once share the models' batches."""
    return await solver_for(options)(as_problem(problem))


def solver_for(options: Mapping[str, Any]) -> Solver:
    """What solves a problem with these options; models that are named are loaded here.

    Raises:
        InputError: an option is unknown, out of range, or goes with no other.
    """
    selector, chosen = selector_for(options)
    selector.check(**{name: value for name, value in chosen.items() if name in SPENDING})

    async def solve_one(problem: Problem) -> Solution:
        return await selector.session(problem, **chosen).run()

    return solve_one


def selector_for(
    options: Mapping[str, Any], *, outcomes: str | Path | None = None
) -> tuple[Selector, dict[str, Any]]:
    """Return the selector for these options, and the options of its sessions; `outcomes` is a file for its
    `record`.

    Raises:
        InputError: an option is unknown, out of range, or goes with no other.
    """
    check_names(options, SolveOptions.__annotations__)
    config = _config(options.get("config"))
    given = {name: value for name, value in options.items() if name != "config"}
    usual_prior = config.prior if config is not None and config.prior is not None else PRIOR
    if given.get("method") == CASCADE:
        return _plain_cascade(check_cascade(given, config), given, outcomes)
    if config is not None:
        from tts_select.config.using import as_options, is_open

        if is_open(config, given, NAMING):
            return _cheapest_first(config, given, Path(given.pop("prior", None) or usual_prior), outcomes)
        given = as_options(config, given, NAMING)
    elif "pair" in given:
        raise InputError(f"the pair '{given['pair']}' is a name of a config: name its file with --config")
    check_together(given)
    by_rule = given.pop("untrained_rule", False)
    named = {name: given.pop(name) for name in NAMING if name in given}
    folder, prior = given.pop("router", None), given.pop("prior", None)
    given = {name: value for name, value in given.items() if value is not None}
    if named or by_rule:
        return _named(named, given, by_rule=by_rule, prior=prior, usual_prior=usual_prior, outcomes=outcomes)
    if prior is not None:
        raise InputError("'prior' is for a policy without a router: name the policy, or drop it")
    given.pop("logprobs", None)  # a router reads them, so they are there
    if config:
        return Selector.from_config(config, folder, outcomes=outcomes), given
    return Selector.load(folder or ROUTER, outcomes=outcomes), given


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


def _named(
    named: dict[str, Any],
    given: dict[str, Any],
    *,
    by_rule: bool,
    prior: str | Path | None,
    usual_prior: Path,
    outcomes: str | Path | None,
) -> tuple[Selector, dict[str, Any]]:
    from tts_select.solving.naming import named_router

    router, loaders = named_router(
        NamedChoice(**named),
        effort=given.get("effort"),
        by_rule=by_rule,
        prior=prior,
        usual_prior=usual_prior,
    )
    if not router.prices:
        given = _without_price(router, given, named.get("budget"))
    folder = Path(prior or usual_prior) if router.prices else None
    selector = Selector(router, loaders=loaders, folder=folder, outcomes=outcomes)
    selector.models.load(router.portfolio)
    return selector, {"logprobs": False, **given}


def _without_price(router: Router, given: dict[str, Any], budget: int | None) -> dict[str, Any]:
    """The options of the sessions of what was named: its effort has chosen the budget."""
    check_one_budget(given.get("effort"), budget)
    if "price" in given:
        raise InputError(
            f"'price' is for a router, and {router.portfolio.name} leaves it nothing to choose: drop it"
        )
    return {name: value for name, value in given.items() if name != "effort"}


def _plain_cascade(
    config: Config, given: dict[str, Any], outcomes: str | Path | None
) -> tuple[Selector, dict[str, Any]]:
    from tts_select.config.using import ModelGroup, loaders_for
    from tts_select.solving.naming import plain_cascade

    terms = {name: value for name, value in given.items() if name not in NAMING and value is not None}
    named = {name: value for name, value in given.items() if name in NAMING}
    loaders = loaders_for(config, [ModelGroup(list(config.policies), [])])
    router = plain_cascade(config, loaders, NamedChoice(**named), effort=terms.get("effort"))
    selector = Selector(router, loaders=loaders, outcomes=outcomes)
    return selector, {"logprobs": False, **_without_price(router, terms, named.get("budget"))}


def _cheapest_first(
    config: Config, given: dict[str, Any], prior: Path, outcomes: str | Path | None
) -> tuple[Selector, dict[str, Any]]:
    from tts_select.config.using import ModelGroup, loaders_for
    from tts_select.solving.naming import prior_cascade

    loaders = loaders_for(config, [ModelGroup(list(config.policies), [])])
    router = prior_cascade(config, loaders, prior)
    selector = Selector(router, loaders=loaders, folder=prior, outcomes=outcomes)
    return selector, {"logprobs": False, **{n: value for n, value in given.items() if value is not None}}


def _config(given: Config | str | Path | None) -> Config | None:
    if isinstance(given, str | Path):
        from tts_select.config import load_config

        return load_config(Path(given))
    return given


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
