"""`solve` as people meet it: with a learned router, unless a method or a model is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_select.core.errors import InputError, UnknownName
from tts_select.core.problem import Problem
from tts_select.core.solution import Solution
from tts_select.data.world.artifacts import ROUTER
from tts_select.executors.registry import BY_SPEC, Loaders
from tts_select.solving.running import Options, as_problem, prepare, run_plan, run_sync

if TYPE_CHECKING:  # numpy, and with it half of the time of `import tts_select`
    from tts_select.config import Config
    from tts_select.selector.outlook import Outlook
    from tts_select.selector.routers.lookahead import Router
    from tts_select.solving.session import Session

PINS = (
    "policy", "base_url", "policy_options", "prm", "prm_format", "prm_options", "method", "budget",
    "aggregation", "selection", "temperature", "max_new_tokens",
)  # fmt: skip
"""Options that choose an arm; with one of them there is nothing left to route."""
SHARED = ("seed", "max_tokens", "deadline", "logprobs")
ROUTING = ("effort", "price", "max_flops", "router")
"""Options that only a router understands."""
NAMED = ("config", "pair")
"""A config file, and the name of one of its pairs."""

Solver = Callable[[Problem], Awaitable[Solution]]


class Selector:
    """A router with the executors of its portfolio, which are loaded when they are first needed."""

    def __init__(self, router: Router, *, loaders: Loaders = BY_SPEC) -> None:
        from tts_select.solving.models import Models

        self.router = router
        self.models = Models(router, loaders)

    @classmethod
    def load(cls, folder: str | Path = ROUTER) -> Selector:
        """From a router's folder, by default the one that is shipped for the embedded models.

        Raises:
            InputError: there is no such router, or it cannot be read.
        """
        from tts_select.selector.routers.artifact import load_router

        return cls(load_router(Path(folder)))

    @classmethod
    def from_config(cls, config: Config, folder: str | Path | None = None) -> Selector:
        """A router whose models are those that the config names; by default the router is the config's.

        Raises:
            InputError: there is no such router, or its models do not fit where they are to run.
        """
        from tts_select.config.using import loaders_for, routed_together
        from tts_select.selector.routers.artifact import load_router

        router = load_router(Path(folder or config.router or ROUTER))
        return cls(router, loaders=loaders_for(config, routed_together(router.portfolio)))

    def plan(self, problem: str | Problem, *, probe: bool = True, seed: int = 0, **spending: Any) -> Outlook:
        """Look at a problem and decide, without running the decision; `probe=False` reads the text alone."""
        session = self.session(as_problem(problem), seed=seed, **spending)
        if probe:
            run_sync(session.probe())
        return session.look()

    def solve(self, problem: str | Problem, *, seed: int = 0, **spending: Any) -> Solution:
        """Solve a problem; the options are the fields of `Spending`."""
        return run_sync(self.asolve(problem, seed=seed, **spending))

    async def asolve(self, problem: str | Problem, *, seed: int = 0, **spending: Any) -> Solution:
        """`solve` for callers with an event loop; many at once share the models' batches."""
        return await self.session(as_problem(problem), seed=seed, **spending).run()

    def session(self, problem: Problem, *, seed: int = 0, **spending: Any) -> Session:
        """One problem about to be solved."""
        from tts_select.selector.outlook import Spending
        from tts_select.solving.session import Session

        for name in spending:
            if name not in Spending.__slots__:
                raise UnknownName("option", name, Spending.__slots__)
        return Session(self.router, self.models, problem, Spending(**spending), seed=seed)


def solve(problem: str | Problem, **options: Any) -> Solution:
    """Solve a problem; works inside a running event loop too.

    `config` is a config file, whose names the other options may use (docs/config.md).
    A router chooses: the shipped one, or that in the folder `router`; the options are then `seed`, `logprobs`
    and those of `Spending` (effort, caps, deadline). With an option that pins a model or a method, or with
    `untrained_rule`, the options are the fields of `Options`, and the rule of thumb of the paper chooses what
    they leave open.

    >>> solve("Start with 14. Multiply by 3. What is the result?").answer
    '42'

    Raises:
        InputError: the problem or an option cannot be used.
        BackendError: a model failed.
    """
    return run_sync(asolve(problem, **options))


async def asolve(problem: str | Problem, **options: Any) -> Solution:
    """`solve` for callers with an event loop; many at once share the models' batches."""
    return await solver_for(options)(as_problem(problem))


def solver_for(options: dict[str, Any]) -> Solver:
    """What solves a problem with these options; models that are pinned are loaded here.

    Raises:
        InputError: an option is unknown, out of range, or goes with no other.
    """
    options = dict(options)
    known = (*PINS, *SHARED, *ROUTING, *NAMED, "untrained_rule")
    for name in options:
        if name not in known:
            raise UnknownName("option", name, known)
    config = _config_of(options.pop("config", None))
    if config is not None:
        from tts_select.config.using import as_options

        options = as_options(config, options, PINS)
    elif "pair" in options:
        raise InputError(f"the pair '{options['pair']}' is a name of a config: name its file with --config")
    pinned = [name for name in PINS if name in options]
    routing = [name for name in ROUTING if options.get(name) is not None]
    by_rule = options.pop("untrained_rule", False)
    if routing and (pinned or by_rule):
        why = pinned[0] if pinned else "untrained_rule"
        raise InputError(
            f"'{routing[0]}' is for the router, and '{why}' leaves it nothing to choose: drop one"
        )
    if pinned or by_rule:
        return _pinned(Options(**{k: v for k, v in options.items() if k not in ROUTING}))
    return _routed(options, config)


def _config_of(given: Config | str | Path | None) -> Config | None:
    if isinstance(given, str | Path):
        from tts_select.config import load_config

        return load_config(Path(given))
    return given


def _routed(options: dict[str, Any], config: Config | None) -> Solver:
    folder = options.pop("router", None) or ROUTER
    selector = Selector.from_config(config, folder) if config else Selector.load(folder)
    options.pop("logprobs", None)  # a router reads them, so they are there
    chosen = {name: value for name, value in options.items() if value is not None}
    selector.session(Problem("checks the options"), **chosen)  # before a batch begins

    async def solve_routed(problem: Problem) -> Solution:
        return await selector.asolve(problem, **chosen)

    return solve_routed


def _pinned(options: Options) -> Solver:
    plan, executors = prepare(options)

    async def solve_pinned(problem: Problem) -> Solution:
        return await run_plan(problem, plan, executors, options)

    return solve_pinned
