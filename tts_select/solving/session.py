"""One problem being solved: decide, run, look again, until the router stops. Every router runs in it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from tts_select.core.arm import Arm
from tts_select.core.cost import Bill, Cost
from tts_select.core.errors import BackendError, CapTooLow, TtsSelectError
from tts_select.core.problem import Problem
from tts_select.core.solution import Solution, Step
from tts_select.executors.accounting import Ledger
from tts_select.executors.scoring import NotScored
from tts_select.selector.course import Course, next_decisions
from tts_select.selector.deciding import Answer, Decision, Unit
from tts_select.selector.evidence import Evidence
from tts_select.selector.outlook import Outlook, Spending, caps_too_low, price_of
from tts_select.selector.routers.protocol import Router
from tts_select.solving.concluding import Conclusion, outlook_of
from tts_select.solving.gathered import LiveEvidence
from tts_select.solving.history import History
from tts_select.solving.models import Models
from tts_select.solving.running import Runner, alone_of, limits_of
from tts_select.solving.terms import Terms
from tts_select.solving.visits import ALONE, Tally, Visit, is_just_chat

PROBE_PHASE, SEARCH_PHASE, GRADING_PHASE = "probe", "search", "grading"
"""The phases of a bill."""
_SCORING_SHARE = 0.2
"""The share of a deadline that is kept for the PRM after the last token is written."""
_LAST_TOKEN_SHARE = 0.05
"""The share of a deadline that is kept for the token being written when time is up, where there is no PRM."""


class Session:
    """One problem being solved: what it has gathered, the bill, and the decisions so far."""

    def __init__(
        self,
        router: Router,
        models: Models,
        problem: Problem,
        spending: Spending,
        *,
        seed: int,
        logprobs: bool = True,
        visit: Visit = ALONE,
        noted: Callable[[Problem, Solution, Spending], None] | None = None,
    ) -> None:
        """Prepare to solve a problem; `noted` is called with its solution.

        Raises:
            InputError: what may be spent cannot be used.
        """
        spending.check()
        self._router, self._models, self._problem = router, models, problem
        self._spending, self._noted, self._visit = spending, noted, visit
        self._gathered = LiveEvidence(problem.text, counts_characters="characters" in router.unit)
        self._terms = Terms(router, models, self._gathered, spending, price_of(router, spending))
        self._course = Course(problem.text, self._terms.asked.worth)
        self._ledger, self._failures = Ledger(), list[BackendError]()
        self._limits = limits_of(spending, self._ledger, self._failures)
        self._runner = Runner(
            problem, models, self._gathered, self._ledger, self._limits, visit, seed,
            logprobs=logprobs, arms=router.portfolio.arms, is_routed=bool(router.prices),
        )  # fmt: skip
        self._evidence = Evidence(problem.text)
        self._steps: list[Step] = []
        self._decision: Decision | None = None
        self._is_chat = False

    @property
    def steps(self) -> tuple[Step, ...]:
        """What was run so far, in order."""
        return tuple(self._steps)

    @property
    def bill(self) -> Bill:
        """What was spent so far; what is in flight charges it when it ends, cancelled or not."""
        return self._ledger.bill

    @property
    def decision(self) -> Decision | None:
        """The last decision, with the options that were weighed."""
        return self._decision

    @property
    def unit(self) -> str:
        """The unit of the router's costs."""
        return self._router.unit

    @property
    def price(self) -> float:
        """What a unit of cost is worth, in probability."""
        return self._course.price

    async def run(self) -> Solution:
        """Solve the problem, within its deadline.

        Raises:
            InputError: the caps allow nothing, or a model cannot read the problem.
            BackendError: a model failed, and nothing answers; what was spent is in `bill`.
        """
        self._start_clock()
        try:
            async with asyncio.timeout(self._spending.deadline):
                await self._work()
                await self._look()
        except TimeoutError:
            self._limits.reached = "deadline"
            await self._look()
        except TtsSelectError as error:
            error.bill = self._ledger.bill
            raise
        solution = Conclusion(
            self._router, self._course, self._evidence, self._gathered, self._runner,
            self._surest(), self._steps, self._ledger.bill, is_chat=self._is_chat,
        ).solution(self._failures, cost_answers=self._failed)  # fmt: skip
        if self._noted is not None:
            self._noted(self._problem, solution, self._spending)
        return solution

    async def probe(self) -> None:
        """Run the router's first look, if it has one, on the bill as such."""
        decision = await self.decide()
        if decision.is_probe:
            await self._carry_out(decision)

    async def decide(self, *, may_probe: bool = True, is_timed: bool = False) -> Decision:
        """The next decision, from the evidence so far; nothing is carried out. Seconds are predicted under a
        deadline, or if they are asked for: it takes a moment.

        Raises:
            CapTooLow: the caps allow nothing.
            InputError: the price cannot be exchanged into the router's unit.
        """
        spent, tariff = self._ledger.bill.total, self._terms.tariff(self._evidence)
        if not self._terms.asked.is_in(self._router.unit):
            waits = may_probe and self._evidence.is_empty
            self._course.price = self._terms.price(tariff, spent, may_wait=waits)
        caps = self._terms.caps(tariff, spent, is_timed=is_timed)
        (found,) = next_decisions(self._router, [self._course], [self._evidence], [caps], may_probe=may_probe)
        found = found.priced(tariff)
        if found.option is None:
            raise CapTooLow(caps_too_low(found, self._router.unit))
        self._decision = found
        return found

    async def outlook(self, *, may_probe: bool = True) -> Outlook:
        """The decision with all that speaks for it, after the first look if there may be one."""
        if may_probe:
            await self.probe()
        decision = await self.decide(may_probe=False, is_timed=True)
        probes = self._ledger.bill.phases.get(PROBE_PHASE, Cost())
        return outlook_of(decision, self._router, self._course, self._evidence, probes)

    def tallies(self) -> list[Tally]:
        """The answers at hand, the surest first."""
        counts = Counter(solution.group for solution in self._evidence.solutions())
        return [
            Tally(self._gathered.answers[found.group], counts[found.group], found.p_correct)
            for found in self._router.answers(self._evidence, self.price)
            if found.group in self._gathered.answers
        ]

    def history(self) -> History:
        """What was decided and gathered so far."""
        return History(
            problem=self._problem,
            router=self._router,
            spending=self._spending,
            seed=self._runner.seed,
            course=self._course,
            steps=tuple(self._steps),
            gathered=self._gathered,
            evidence=self._evidence,
            bill=self._ledger.bill,
        )

    def share_a_budget(self) -> None:
        """Route the problem even if it is unlike the training: the best fixed arm would cost others their
        share of the budget."""
        self._course.asks_if_familiar = False

    def go_on_at(self, price: float) -> None:
        """Decide at this price from here on."""
        self._course.price = price

    def spent(self, unit: Unit) -> float:
        """FLOPs, generated tokens or dollars so far."""
        total = self._ledger.bill.total
        by_unit = {"flops": total.flops, "tokens": total.policy_generated_tokens, "dollars": total.dollars}
        return by_unit[unit]

    def _start_clock(self) -> None:
        if (deadline := self._spending.deadline) is None:
            return
        self._models.load(self._router.portfolio)
        kept = _SCORING_SHARE if self._router.portfolio.prms else _LAST_TOKEN_SHARE
        now = time.monotonic()
        self._limits.deadline = self._terms.writes_until = now + deadline * (1 - kept)
        self._terms.ends_at = now + deadline

    async def _work(self) -> None:
        while not (self._course.is_done or self._limits.reached or self._failed or self._is_chat):
            await self._carry_out(await self.decide())

    @property
    def _failed(self) -> list[BackendError]:
        """The failures that cost answers; a sample without a score has one all the same."""
        return [error for error in self._failures if not isinstance(error, NotScored)]

    async def _carry_out(self, decision: Decision) -> None:
        """Run what was decided, and look at what came of it."""
        self._course.take(decision)
        if decision.is_out_of_time:
            self._limits.reached = "deadline"
        if decision.arm is None:
            return
        before = self._ledger.bill.total
        phase = PROBE_PHASE if decision.is_probe else SEARCH_PHASE
        if self._visit.may_be_chat and not self._steps:
            self._is_chat = await self._opens_as_chat(decision.arm, phase)
        if not (self._is_chat or self._failed):
            await self._runner.run(decision.runs, phase)
        await self._look()
        self._steps.append(self._step(decision, before))
        if self._visit.seen is not None:
            self._visit.seen(self)

    async def _opens_as_chat(self, arm: Arm, phase: str) -> bool:
        """Write one solution, and say whether it is a reply that no other can agree with."""
        written = await self._runner.first(arm, phase)
        if not is_just_chat(written):
            return False
        if arm.is_sampling:
            await self._look()
        is_chat = self._is_unlike_the_training()
        if is_chat and not arm.is_sampling:
            self._gathered.note(alone_of(arm), written)
        return is_chat

    def _is_unlike_the_training(self) -> bool:
        """Also where there was no training."""
        if not self._router.fingerprints or self._course.unfamiliar is not None:
            return True
        return self._router.unfamiliar(self._problem.text, self._evidence) is not None

    async def _look(self) -> None:
        with self._ledger.timed(GRADING_PHASE):
            self._evidence = await self._gathered.look(self._terms.ends_at)

    def _step(self, decision: Decision, before: Cost) -> Step:
        assert decision.arm is not None
        after = self._surest()
        return Step(
            arm=decision.arm.name,
            n=decision.n,
            p_before=decision.surest.p_correct if decision.surest else None,
            p_after=after.p_correct if after else None,
            cost=self._ledger.bill.total - before,
            why=decision.why,
        )

    def _surest(self) -> Answer | None:
        return next(iter(self._router.answers(self._evidence, self.price)), None)
