"""What the router would have done with the same samples at another price, or with fewer tokens.

The router itself is asked, as in the search. It may want what was never sampled: then the replay ends there,
and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import geometric_mean
from typing import Any

from tts_select.selector.course import Course, next_decisions
from tts_select.selector.deciding import Caps, Decision
from tts_select.tracing.stored import Stored
from tts_select.training.replay.cases import Position

STEPS = 8
"""Prices on each side of the one in the middle, four of them a power of ten."""
SHARES = (0.1, 0.2, 0.35, 0.5, 0.75)
"""The budgets, as shares of the tokens that were generated; the last one is none at all."""


@dataclass(slots=True)
class Replay:
    """One replay under way."""

    course: Course
    cap: int | None
    """The most tokens that may be generated."""
    here: Position = field(default_factory=Position)
    ran: list[str] = field(default_factory=list)
    """What was run, in words."""
    why: str = ""
    """Why it ended."""
    wants: str | None = None
    """What it would have gone on with, if that was not sampled."""
    is_over: bool = False

    def end(self, why: str, wants: str | None = None) -> None:
        """Leave it at what is there."""
        self.why, self.wants, self.is_over = why, wants, True

    def take(self, decision: Decision, stored: Stored) -> None:
        """Carry a decision out, as far as it was sampled."""
        self.course.take(decision)
        if decision.option is None:
            self.end("the budget allows nothing more")
        elif decision.arm is None:
            self.end(decision.why)
        elif not stored.has(decision):
            self.end("", named(decision))
        else:
            self._go(stored.after(self.here, decision), decision, stored)

    def _go(self, there: Position, decision: Decision, stored: Stored) -> None:
        """Go on, unless the budget ends on the way: a first look asks for no leave."""
        if self.cap is not None and stored.spent(there).policy_generated_tokens > self.cap:
            self.end(f"the budget ends within {named(decision)}")
            return
        self.here = there
        self.ran.append(named(decision))
        self.is_over = self.course.is_done


def what_if(stored: Stored) -> dict[str, Any] | None:
    """The replays over a grid of prices and budgets; None for what has no price, as a named method.

    `grid[p][b]` is the place in `states` of what comes out at `prices[p]` within `budgets[b]`.
    """
    history = stored.history
    prices, own = price_grid(history.course.price, list(history.router.prices.values()))
    if not prices:
        return None
    generated = history.bill.total.policy_generated_tokens
    budgets = [*dict.fromkeys(max(1, round(generated * share)) for share in SHARES), None]
    states: dict[tuple[Any, ...], int] = {}
    found: list[dict[str, Any]] = []
    grid = []
    for price in prices:
        row = []
        for replay in replays(stored, price, budgets):
            key = (replay.here.key, replay.why, replay.wants, tuple(replay.ran))
            if key not in states:
                states[key] = len(found)
                found.append(_state(stored, replay))
            row.append(states[key])
        grid.append(row)
    return {"prices": prices, "own": own, "budgets": budgets, "states": found, "grid": grid}


def price_grid(price: float, efforts: Sequence[float]) -> tuple[list[float], int]:
    """Prices around the one that was decided at, which is at the second place returned; around those of the
    efforts if it was none. Empty for a router without prices."""
    known = [found for found in efforts if found > 0]
    if not known:
        return [], 0
    middle = price if price > 0 else geometric_mean(known)
    return [middle * 10 ** (k / 4) for k in range(-STEPS, STEPS + 1)], STEPS


def replays(stored: Stored, price: float, budgets: Sequence[int | None]) -> list[Replay]:
    """One replay for each budget, all at this price, to their ends."""
    problem = stored.history.problem.text
    asks = stored.history.course.asks_if_familiar
    found = [Replay(Course(problem, price, asks), budget) for budget in budgets]
    while going := [r for r in found if not r.is_over]:
        for replay, decision in _decided(stored, going):
            replay.take(decision, stored)
    return found


def _decided(stored: Stored, going: Sequence[Replay]) -> Iterator[tuple[Replay, Decision]]:
    caps = [
        Caps()
        if r.cap is None
        else Caps(tokens=max(0.0, r.cap - stored.spent(r.here).policy_generated_tokens))
        for r in going
    ]
    evidences = [stored.at(r.here) for r in going]
    decided = next_decisions(stored.history.router, [r.course for r in going], evidences, caps)
    yield from zip(going, decided, strict=True)


def _state(stored: Stored, replay: Replay) -> dict[str, Any]:
    history = stored.history
    surest = next(iter(history.router.answers(stored.at(replay.here), replay.course.price)), None)
    spent = stored.spent(replay.here)
    return {
        "answer": history.gathered.answers.get(surest.group) if surest else None,
        "p_correct": surest.p_correct if surest else None,
        "n_samples": sum(replay.here.n.values()),
        "tokens": spent.policy_generated_tokens,
        "flops": spent.flops,
        "dollars": spent.dollars,
        "ran": replay.ran,
        "why": replay.why,
        "wants": replay.wants,
    }


def named(decision: Decision) -> str:
    """What a decision to run something says, in words."""
    arm = decision.arm
    assert arm is not None
    return f"{arm.name} (to {decision.n})" if arm.is_sampling else arm.name
