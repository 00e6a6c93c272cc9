"""`solve` as people meet it: with a trained router, unless a method or a model is named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Unpack

from tts_select.core.problem import Problem
from tts_select.core.solution import Solution
from tts_select.solving.choosing import selector_for
from tts_select.solving.options import SPENDING, SolveOptions
from tts_select.solving.selector import as_problem, run_sync

if TYPE_CHECKING:  # it brings numpy along
    from tts_select.solving.history import History

Solver = Callable[[Problem], Coroutine[Any, Any, Solution]]
Done = Callable[["History", Solution], Awaitable[None]]


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

    With a policy, or a policy and a PRM, a prior that was learned from other models decides when to stop
    sampling (docs/prior.md). With a method or a selection the paper's rule of thumb chooses what is left
    open:

        policy, base_url, policy_options           a spec as in "openai:MODEL", or an object of your own
        prm, prm_format, prm_options               the same for the process reward model
        method              "cot", "majority", "weighted_majority", "self_certainty", "best_of_n", "beam"
                            or "dvts", or a stop rule: "margin", "beta", "adaptive", "doubling" or
                            "early_stopping"; or "cascade", of two policies of a config
        budget              N; without it 16 where the prior decides, else the effort chooses 4, 16 or 64
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


def solver_for(options: Mapping[str, Any], *, done: Done | None = None) -> Solver:
    """What solves a problem with these options; models that are named are loaded here. `done` is awaited with
    each session that has ended in a solution.

    Raises:
        InputError: an option is unknown, out of range, or goes with no other.
    """
    selector, chosen = selector_for(options)
    selector.check(**{name: value for name, value in chosen.items() if name in SPENDING})

    async def solve_one(problem: Problem) -> Solution:
        session = selector.session(problem, **chosen)
        solution = await session.run()
        if done is not None:
            await done(session.history(), solution)
        return solution

    return solve_one
