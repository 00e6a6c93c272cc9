"""One problem being solved: decide, run, look again, until the router stops. Every router runs in it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from tts_select.core.arm import Arm
from tts_select.core.cost import Bill, Cost
from tts_select.core.errors import BackendError, CapTooLow, TtsSelectError
from tts_select.core.methods import METHODS
from tts_select.core.plan import Plan, Settings
from tts_select.core.pricing import price_of_tokens
from tts_select.core.problem import Problem
from tts_select.core.solution import Solution, Step
from tts_select.core.voting import order
from tts_select.executors.accounting import Ledger
from tts_select.executors.limits import DollarCap, LimitedPolicy, Limits
from tts_select.executors.methods import run_method
from tts_select.executors.scoring import NotScored
from tts_select.executors.search import Search
from tts_select.selector.course import Course, next_decisions
from tts_select.selector.deciding import Answer, Decision, Unit
from tts_select.selector.evidence import NO_ANSWER, Evidence
from tts_select.selector.outlook import Outlook, Spending, caps_too_low, price_of
from tts_select.selector.routers.lookahead import NOT_WORTH
from tts_select.selector.routers.protocol import Router
from tts_select.solving.gathered import LiveEvidence
from tts_select.solving.history import History
from tts_select.solving.models import Models
from tts_select.solving.terms import Terms
from tts_select.solving.visits import ALONE, JUST_A_CHAT, Tally, Visit, is_just_chat

PROBE_PHASE, SEARCH_PHASE, GRADING_PHASE = "probe", "search", "grading"
"""The phases of a bill."""
_SCORING_SHARE = 0.2
"""The share of a deadline that is kept for the PRM after the last token is written."""
_LAST_TOKEN_SHARE = 0.05
"""The share of a deadline that is kept for the token being written when time is up, where there is no PRM."""
_MANY_CUT = 0.3
"""The share of solutions that ran out of tokens from which on the limit is named as the cause."""


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
        self._spending, self._seed, self._logprobs = spending, seed, logprobs
        self._noted, self._visit = noted, visit
        self._gathered = LiveEvidence(problem.text, counts_characters="characters" in router.unit)
        self._terms = Terms(router, models, self._gathered, spending, price_of(router, spending))
        self._course = Course(problem.text, self._terms.asked.worth)
        self._ledger = Ledger()
        self._failures: list[BackendError] = []
        self._limits = Limits(spending.max_tokens, failures=self._failures)
        if spending.max_dollars is not None:
            self._limits.dollars = DollarCap(spending.max_dollars, lambda: self._ledger.bill.total.dollars)
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
        solution = self._solution()
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
        bill, probe = self._ledger.bill.phases.get(PROBE_PHASE), self._router.first_look
        return Outlook(
            difficulty=self._router.difficulties(self._evidence),
            options=decision.options,
            price=self.price,
            reason=decision.why,
            unfamiliar=self._course.unfamiliar,
            n_probes=len(self._evidence.of(probe.pool)) if probe else 0,
            probe_flops=bill.flops if bill else 0.0,
            unit=self._router.unit,
        )

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
            seed=self._seed,
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
            await self._run(decision.arm, decision.n, phase)
        await self._look()
        self._steps.append(self._step(decision, before))
        if self._visit.seen is not None:
            self._visit.seen(self)

    async def _opens_as_chat(self, arm: Arm, phase: str) -> bool:
        """Write one solution, and say whether it is a reply that no other can agree with. A search knows
        nothing of it; a sampling arm goes on with it."""
        if arm.is_sampling:
            await self._run(arm, 1, phase)
            is_chat = is_just_chat(self._gathered.of(arm.pool).candidates)
            if is_chat:
                await self._look()
            return is_chat and self._is_unlike_the_training()
        alone = Arm(arm.policy, None, "majority", 1, arm.settings)
        search = self._search(alone, 1, phase)
        with self._ledger.timed(phase):
            await run_method(alone.method, search)
        self._gathered.drop(alone.pool)
        is_chat = is_just_chat(search.pool) and self._is_unlike_the_training()
        if is_chat:
            self._gathered.note(alone, search.pool)
        return is_chat

    def _is_unlike_the_training(self) -> bool:
        """Also where there was no training."""
        if not self._router.fingerprints or self._course.unfamiliar is not None:
            return True
        return self._router.unfamiliar(self._problem.text, self._evidence) is not None

    async def _run(self, arm: Arm, n: int, phase: str) -> None:
        """Run an arm until its pool has `n` samples; a search, whole."""
        search = self._search(arm, n, phase)
        self._gathered.note(self._as_run(arm, n))  # what there is if time runs out here is its
        try:
            with self._ledger.timed(phase):
                await run_method(arm.method, search)
        finally:
            self._gathered.note(self._as_run(arm, n), search.pool)
            if search.rounds:
                self._gathered.rounds[arm.name] = search.rounds

    def _search(self, arm: Arm, n: int, phase: str) -> Search:
        """A sampling arm goes on with the samples of its pool."""
        samples = self._gathered.of(arm.pool) if arm.is_sampling else None
        policy, prm = self._models.policy(arm.policy), self._models.prm(arm.prm) if arm.prm else None
        prices = {"policy": price_of_tokens(policy), "prm": price_of_tokens(prm)}
        return Search(
            self._problem.text,
            LimitedPolicy(policy, self._limits),
            prm,
            self._settings(arm),
            n,
            self._ledger.phase(phase, **prices),
            logprobs=self._logprobs,
            chat=self._problem.chat,
            pool=samples.scored_by(arm.prm) if samples else [],
            unreadable=samples.unreadable.setdefault(arm.prm or "", set()) if samples else set(),
        )

    def _settings(self, arm: Arm) -> Settings:
        most = self._visit.max_new_tokens
        allowed = arm.settings.max_new_tokens
        return replace(
            arm.settings, seed=self._seed, max_new_tokens=allowed if most is None else min(most, allowed)
        )

    def _as_run(self, arm: Arm, n: int) -> Arm:
        """A routed sampling arm as far as it came; a named one as it was named."""
        if not arm.is_sampling or not self._router.prices:
            return arm
        method = "majority" if METHODS[arm.method].stop_rule else arm.method
        return Arm(arm.policy, arm.prm, method, n, arm.settings)

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

    def _solution(self) -> Solution:
        """Return the solution with the surest of the answers at hand."""
        if self._gathered.is_empty:
            self._gathered.note(self._router.first_look or self._router.portfolio.arms[0])
        surest = self._surest()
        spokesman = self._gathered.spokesman(surest.group if surest else None)
        best = spokesman.best
        if best is None and self._failed:
            error = self._failed[0]
            error.bill = self._ledger.bill
            raise error
        return Solution(
            answer=best.answer if best else None,
            text=best.text if best else "",
            confidence=surest.p_correct if surest else None,
            finished=self._limits.reached or "complete",
            plan=self._plan(spokesman.arm),
            bill=self._ledger.bill,
            candidates=tuple(sorted(spokesman.candidates, key=lambda r: order(r.score), reverse=True)),
            errors=tuple(str(error) for error in self._failures),
            steps=tuple(self._steps),
            n_cut=self._gathered.n_cut()[0],
            confidence_kind=self._router.confidence_kind,
            max_samples=self._router.max_samples,
        )

    def _plan(self, arm: Arm) -> Plan:
        difficulty = self._router.difficulties(self._evidence).get(arm.policy)
        reason = "; then ".join(dict.fromkeys(self._course.reasons)) or self._why_at_once()
        if self._is_chat:
            reason = JUST_A_CHAT
        n_cut, n = self._gathered.n_cut()
        arm = replace(arm, settings=self._settings(arm))
        if n_cut > _MANY_CUT * n:
            most = arm.settings.max_new_tokens
            reason += f"; {n_cut} of {n} solutions were cut at {most:,} tokens: raise --max-new-tokens"
        return arm.plan(reason, seed=self._seed, difficulty=difficulty.pass_at_1 if difficulty else None)

    def _why_at_once(self) -> str:
        answered = any(s.group != NO_ANSWER for found in self._evidence.samples.values() for s in found)
        return "the probes are sure enough" if answered else NOT_WORTH
