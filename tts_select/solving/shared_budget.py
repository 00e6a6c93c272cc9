"""Many problems, one purse: all are probed first, then each is solved at the price that the rest allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO

from tts_select.core.errors import InputError, TtsSelectError
from tts_select.core.problem import Problem
from tts_select.core.solution import Solution
from tts_select.selector.allocation import price_within
from tts_select.selector.deciding import Option, Unit
from tts_select.selector.exchange import FLOPS
from tts_select.selector.routers.protocol import Router
from tts_select.solving.api import Done
from tts_select.solving.batch import DEFAULT_CONCURRENCY, Summary, in_flight, solve_many
from tts_select.solving.selector import Selector
from tts_select.solving.session import Session

NAMES: dict[Unit, str] = {"flops": "FLOPs", "tokens": "generated tokens", "dollars": "dollars"}


@dataclass(slots=True)
class Purse:
    """`left` is what is not spent, in `unit`; the problems that are waiting share it at one price."""

    left: float
    unit: Unit = "flops"
    waiting: dict[str, tuple[Option, ...]] = field(default_factory=dict)
    """The options of each, by problem id."""

    def price_for(self, problem: str) -> float:
        """Return the price for the next problem, which waits no longer; what it is expected to cost is set
        aside."""
        price = price_within(list(self.waiting.values()), self.left, self.unit)
        chosen = max(self.waiting.pop(problem), key=lambda o: o.value(price))
        self.left -= chosen.cost(self.unit)
        return price if chosen.price is None else chosen.price

    def settle(self, expected: float, spent: float) -> None:
        """Give back what was set aside for a problem and book what it took."""
        self.left += expected - spent


async def solve_from_purse(
    problems: Sequence[Problem],
    selector: Selector,
    purse: Purse,
    out: IO[str],
    *,
    concurrency: int = DEFAULT_CONCURRENCY,
    seed: int = 0,
    progress: Callable[[Summary], None],
    with_candidates: bool = False,
    done: Done | None = None,
) -> Summary:
    """`solve_many` with one purse for all problems together; a problem's probes are spent in any case.
    `done` is as in `solver_for`.

    Raises:
        InputError: the router counts something else than the purse, a price is not known, or the purse is
            empty before the first problem is solved.
        OSError: a result cannot be written; those written before are whole.
    """
    _check_unit(selector.router, purse.unit)
    if purse.unit == "dollars":
        selector.models.check_priced(selector.router.portfolio)
    sessions = {p.id: selector.session(p, seed=seed) for p in problems}
    for session in sessions.values():
        session.share_a_budget()
    failed: dict[str, TtsSelectError] = {}

    async def look(problem: Problem) -> tuple[Option, ...]:
        try:
            await sessions[problem.id].probe()
        except TtsSelectError as error:  # reported in its own line, when its turn comes
            failed[problem.id] = error
            return ()
        return (await sessions[problem.id].decide()).options

    options = await in_flight(look, problems, concurrency)
    _pay_probes(purse, list(sessions.values()))
    purse.waiting = {p.id: o for p, o in zip(problems, options, strict=True) if o}

    async def solve(problem: Problem) -> Solution:
        if problem.id in failed:
            raise failed[problem.id]
        session = sessions[problem.id]
        solution = await _from_purse(purse, session, problem.id)
        if done is not None:
            await done(session.history(), solution)
        return solution

    return await solve_many(
        problems,
        solve,
        out,
        concurrency=concurrency,
        progress=progress,
        with_candidates=with_candidates,
    )


def _check_unit(router: Router, unit: Unit) -> None:
    if unit == "flops" and router.unit != FLOPS:
        raise InputError(f"the router counts {router.unit}, not FLOPs: share tokens out with --total-tokens")
    if unit == "tokens" and "samples" in router.unit:
        raise InputError(
            "the router counts samples, and does not know their tokens: import a log that has them"
        )


def _pay_probes(purse: Purse, sessions: Sequence[Session]) -> None:
    probed = sum(session.spent(purse.unit) for session in sessions)
    purse.left -= probed
    if sessions and purse.left < 0:
        raise InputError(
            f"the probes of {len(sessions):,} problems alone took {probed:.3g} {NAMES[purse.unit]}: "
            f"raise --total-{purse.unit}"
        )


async def _from_purse(purse: Purse, session: Session, problem: str) -> Solution:
    left, probed = purse.left, session.spent(purse.unit)
    session.go_on_at(purse.price_for(problem))
    expected = left - purse.left
    try:
        return await session.run()
    finally:
        purse.settle(expected, session.spent(purse.unit) - probed)
