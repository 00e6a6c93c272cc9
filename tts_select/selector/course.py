"""The course of decisions about a problem: what goes round, without input or output.

A live session drives it with awaits, a replay over a log; so both take the same decisions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tts_select.core.arm import Arm
from tts_select.selector.deciding import Caps, Decision, Option
from tts_select.selector.evidence import Evidence
from tts_select.selector.routers.named import NamedArm
from tts_select.selector.routers.protocol import Router, fallback_of

MOST_DECISIONS = 24
"""A course ends after so many, the probe and the looks of a stop rule not counted, whatever the router would
still do."""
NO_TIME = "the deadline allows no more"
FAIR_CHANCE = 0.5
"""With an answer at hand no round begins whose samples are less likely than this to end in time."""


@dataclass(slots=True)
class Course:
    """The decisions about one problem so far."""

    problem: str
    price: float
    asks_if_familiar: bool = True
    """Whether a problem unlike the training problems gets the fallback arm."""
    unfamiliar: str | None = None
    """Why the problem is unlike them, once that is known."""
    taken: list[Decision] = field(default_factory=list)
    taken_at: list[float] = field(default_factory=list)
    """The price of each of them: one in another unit is exchanged anew as more is known."""

    def take(self, decision: Decision) -> None:
        """The decision is carried out."""
        self.taken.append(decision)
        self.taken_at.append(self.price)

    @property
    def is_done(self) -> bool:
        """Whether it was decided to stop."""
        if not self.taken:
            return False
        is_at_end = sum(not (d.is_probe or d.is_look) for d in self.taken) >= MOST_DECISIONS
        return is_at_end or self.taken[-1].arm is None

    @property
    def reasons(self) -> list[str]:
        """Why each arm was run, the probe aside."""
        return [d.why for d in self.taken if d.arm is not None and not d.is_probe]


def next_decisions(
    router: Router,
    courses: Sequence[Course],
    evidences: Sequence[Evidence],
    caps: Sequence[Caps],
    *,
    may_probe: bool = True,
) -> list[Decision]:
    """The next decision of each course, none of which is done; they have one price.

    Without `may_probe` it is decided from the text alone where nothing has run.
    """
    found: dict[int, Decision] = {}
    for k, (course, evidence) in enumerate(zip(courses, evidences, strict=True)):
        _ask_if_familiar(router, course, evidence)
        is_new = may_probe and not course.taken and evidence.is_empty
        if is_new and course.unfamiliar is None and router.first_look is not None:
            found[k] = _probe(router.first_look, router.greedy_look)
    rest = [k for k in range(len(courses)) if k not in found]
    if rest:
        price = courses[rest[0]].price
        decided = router.decide([evidences[k] for k in rest], price, [caps[k] for k in rest])
        for k, decision in zip(rest, decided, strict=True):
            why, routed = courses[k].unfamiliar, decision
            if decision.arm is None and caps[k].seconds is not None:  # would it go on if it had time?
                (routed,) = router.decide([evidences[k]], price, [replace(caps[k], seconds=None)])
            found[k] = routed if why is None else _fallback(router, courses[k], evidences[k], routed)
    return [_in_time(found[k], evidences[k], caps[k]) for k in range(len(courses))]


def _ask_if_familiar(router: Router, course: Course, evidence: Evidence) -> None:
    """Ask twice: of the text alone, and with the first evidence."""
    if course.asks_if_familiar and course.unfamiliar is None and len(course.taken) <= 1:
        course.unfamiliar = router.unfamiliar(course.problem, evidence)


def _fallback(router: Router, course: Course, evidence: Evidence, routed: Decision) -> Decision:
    """The best fixed arm for the price to its end, unless the caps forbid it."""
    arm = router.portfolio[fallback_of(router, course.price)]
    why = f"unlike the training problems ({course.unfamiliar}): the best fixed arm, {arm.name}"
    named = NamedArm(arm, why=why)
    (decision,) = named.decide([evidence], 0.0, [Caps()])
    if decision.arm is None:
        return decision
    option = next((o for o in routed.options if o.arm == arm), None)
    if routed.option is None or option is None:
        return routed
    others = tuple(o for o in routed.options if o is not option)
    return replace(decision, option=option, options=(option, *others))


def _in_time(decision: Decision, evidence: Evidence, caps: Caps) -> Decision:
    """The round that ends the most samples in time. If theirs are poor chances it stops with the answer at
    hand; without an answer it tries all the same."""
    arm, surest = decision.arm, decision.surest
    if arm is None or caps.seconds is None or caps.pace is None:
        return decision
    n_here = len(evidence.of(arm.pool)) if arm.is_sampling else 0
    found = caps.pace.in_time(arm, n_here, decision.n, caps.seconds) if decision.n > n_here else None
    if found is None:
        return decision
    n, chance = found
    if chance >= FAIR_CHANCE or surest is None:
        return replace(decision, n=n)
    stop = Option(None, math.nan if surest.p_correct is None else surest.p_correct, 0.0)
    options = (stop, *decision.options)
    return Decision(stop, options, surest=surest, why=NO_TIME, is_out_of_time=True)


def _probe(arm: Arm, greedy: Arm | None) -> Decision:
    option = Option(arm, math.nan, math.nan)
    return Decision(option, (option,), arm.budget, why="probe", is_probe=True, beside=greedy)
