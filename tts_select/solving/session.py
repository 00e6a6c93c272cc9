"""A problem being solved with a router: probe, decide, run a round, look again, until it is best to stop."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from tts_select.core.arm import Arm
from tts_select.core.errors import BackendError, InputError
from tts_select.core.plan import Plan
from tts_select.core.problem import Problem
from tts_select.core.solution import Solution
from tts_select.executors.accounting import Ledger, PhaseMeter
from tts_select.executors.aggregation import order
from tts_select.executors.limits import LimitedPolicy, Limits
from tts_select.executors.methods import METHODS
from tts_select.executors.search import Search
from tts_select.selector.deciding import Caps, Option, Unit, first_step, next_samples, ranked
from tts_select.selector.evidence import NO_ANSWER, Evidence
from tts_select.selector.outlook import Outlook, Spending, price_of
from tts_select.selector.routers.lookahead import Router, is_open
from tts_select.solving.gathered import Gathered, Sampled
from tts_select.solving.models import Models
from tts_select.solving.running import SEARCH_PHASE

PROBE_PHASE = "probe"
NOT_WORTH = "no answer, and nothing more is worth its cost"
_SCORING_SHARE = 0.2
_MOST_DECISIONS = 16


class Session:
    """One problem being solved: the evidence so far, the bill, and the answer at hand."""

    def __init__(
        self, router: Router, models: Models, problem: Problem, spending: Spending, *, seed: int
    ) -> None:
        self._router, self._models = router, models
        self._problem, self._spending, self._seed = problem, spending, seed
        spending.check()
        self.price = price_of(router, spending)
        self._ledger = Ledger()
        self._failures: list[BackendError] = []
        self._limits = Limits(spending.max_tokens, failures=self._failures)
        self._strange = router.unfamiliar(problem.text)
        self._gathered = Gathered(problem.text)
        self._decisions: list[str] = []

    async def run(self) -> Solution:
        """To the answer."""
        if (deadline := self._spending.deadline) is not None:
            self._models.load(self._router.portfolio)
            self._limits.deadline = time.monotonic() + deadline * (1 - _SCORING_SHARE)
        try:
            async with asyncio.timeout(self._spending.deadline):
                await self._work()
        except TimeoutError:
            self._limits.reached = "deadline"
        return self._solution()

    async def _work(self) -> None:
        whole = self._strange is not None
        if not whole and self._gathered.is_empty:
            await self.probe()
        for _ in range(_MOST_DECISIONS):
            chosen = self.decide()[0]
            arm = chosen.arm
            if arm is None or self._limits.reached or self._failures:
                return
            self._decisions.append(_reason(chosen, self._strange))
            await self._advance(arm, whole=whole)
            if whole:
                return

    def take_from_purse(self, price: float) -> None:
        """Go on at this price. A problem unlike the training is then routed all the same: the best fixed arm
        would cost others their share."""
        self.price, self._strange = price, None

    def spent(self, unit: Unit) -> float:
        """FLOPs or generated tokens so far."""
        total = self._ledger.bill.total
        return total.flops if unit == "flops" else total.policy_generated_tokens

    async def probe(self) -> None:
        """The first samples, on the bill as such."""
        probe = self._router.probe
        with self._ledger.timed(PROBE_PHASE):
            await self._sample(probe.arm, probe.n, self._ledger.phase(PROBE_PHASE))
        self._gathered.note(probe.arm)

    def decide(self) -> tuple[Option, ...]:
        """What to do first, from the evidence so far; then the other options that the caps allow, best first.

        Raises:
            InputError: they allow none.
        """
        options, caps = self._router.options(self._gathered.look().evidence), self._caps()
        best = ranked(options, self.price, caps)
        first = first_step(options, self.price, caps)
        if first is None:
            cheapest = min(options, key=lambda o: o.flops)
            raise InputError(
                f"the caps are below the cheapest arm, {cheapest.name}, which takes about "
                f"{cheapest.flops:.3g} FLOPs and {cheapest.tokens:.0f} tokens: "
                "raise --max-flops or --max-tokens"
            )
        if self._strange is not None:
            first = next((o for o in best if o.name == self._router.fallback), best[0])
        return first, *(o for o in best if o is not first)

    def look(self) -> Outlook:
        """The decision with all that speaks for it."""
        evidence, options = self._gathered.look().evidence, self.decide()
        bill = self._ledger.bill.phases.get(PROBE_PHASE)
        return Outlook(
            difficulty=self._router.difficulties(evidence),
            options=options,
            price=self.price,
            reason=_reason(options[0], self._strange),
            unfamiliar=self._strange,
            n_probes=len(evidence.of(self._router.probe.arm.pool)),
            probe_flops=bill.flops if bill else 0.0,
        )

    def _caps(self) -> Caps:
        spent = self._ledger.bill.total
        flops = self._spending.max_flops
        tokens = self._spending.max_tokens
        return Caps(
            None if flops is None else max(0.0, flops - spent.flops),
            None if tokens is None else max(0, tokens - spent.policy_generated_tokens),
        )

    async def _advance(self, arm: Arm, *, whole: bool) -> None:
        meter = self._ledger.phase(SEARCH_PHASE)
        with self._ledger.timed(SEARCH_PHASE):
            if arm.is_sampling:
                await self._rounds(arm, meter, whole=whole)
            else:
                await self._search(arm, meter)

    async def _rounds(self, arm: Arm, meter: PhaseMeter, *, whole: bool) -> None:
        """One round of a sampling arm, or all of them."""
        n = len(self._gathered.of(arm.pool).candidates)
        while True:
            if n < arm.budget:
                at_once = whole and arm.method != "adaptive"
                n = arm.budget if at_once else n + next_samples(arm, n)
            method = "majority" if arm.method == "adaptive" else arm.method
            so_far = Arm(arm.policy, arm.prm, method, n, arm.settings)
            self._gathered.note(so_far)  # what there is if time runs out here is its
            await self._sample(arm, n, meter)
            if not whole or n >= arm.budget or self._limits.reached or self._is_settled(arm):
                return

    def _is_settled(self, arm: Arm) -> bool:
        return not is_open(arm, self._gathered.look().evidence)

    async def _search(self, arm: Arm, meter: PhaseMeter) -> None:
        search = self._searching(arm, meter, arm.budget)
        try:
            await METHODS[arm.method].run(search)
        finally:
            self._gathered.note(arm, search.pool)

    async def _sample(self, arm: Arm, n: int, meter: PhaseMeter) -> None:
        """Up to `n` samples of the arm's pool in all, scored by its PRM."""
        sampled = self._gathered.of(arm.pool)
        here = len(sampled.candidates)
        if n > here:
            search = self._searching(arm, meter, n)
            try:
                await search.solutions(n - here, temperature=arm.temperature, first=here)
            finally:
                sampled.candidates += search.pool
        if arm.prm is not None:
            await self._score(sampled, arm.prm, meter)

    async def _score(self, sampled: Sampled, prm: str, meter: PhaseMeter) -> None:
        known = sampled.scores.setdefault(prm, [])
        model = self._models.prm(prm)
        new = sampled.candidates[len(known) :]
        found = await asyncio.gather(
            *(
                model.score(self._problem.text, c.steps, meter=meter)
                if c.is_complete and c.steps
                else _nothing()
                for c in new
            )
        )
        known += [tuple(scores) if scores else None for scores in found]

    def _searching(self, arm: Arm, meter: PhaseMeter, n: int) -> Search:
        settings = replace(arm.settings, seed=self._seed)
        policy = LimitedPolicy(self._models.policy(arm.policy), self._limits)
        prm = self._models.prm(arm.prm) if arm.prm and not arm.is_sampling else None
        return Search(self._problem.text, policy, prm, settings, n, meter)

    def _solution(self) -> Solution:
        """With the surest of the answers at hand."""
        if self._gathered.is_empty:
            self._gathered.note(self._router.probe.arm)
        seen = self._gathered.look()
        surest = next(iter(self._router.answers(seen.evidence)), None)
        answer = seen.answers[surest.group] if surest else None
        spoken = self._gathered.spoken_for(answer)
        best = spoken.best
        if best is None and self._failures:
            error = self._failures[0]
            error.bill = self._ledger.bill
            raise error
        return Solution(
            answer=best.answer if best else None,
            text=best.text if best else "",
            confidence=surest.p_correct if surest else None,
            finished=self._limits.reached or "complete",
            plan=self._as_run(spoken.arm, seen.evidence),
            bill=self._ledger.bill,
            candidates=tuple(sorted(spoken.shown, key=lambda r: order(r.score), reverse=True)),
            errors=tuple(str(error) for error in self._failures),
        )

    def _as_run(self, arm: Arm, evidence: Evidence) -> Plan:
        difficulty = self._router.difficulties(evidence)[arm.policy].pass_at_1
        reason = "; then ".join(self._decisions) or _at_once(evidence)
        return arm.plan(reason, seed=self._seed, difficulty=difficulty)


def _reason(option: Option, strange: str | None) -> str:
    if strange is not None:
        return f"unlike the training problems ({strange}): the best fixed arm, {option.name}"
    if option.arm is None and not option.p_correct:
        return NOT_WORTH
    if option.arm is None:
        return f"sure enough ({option.p_correct:.2f})"
    return f"{option.name}: P(correct) {option.p_correct:.2f} for {option.flops:.2g} FLOPs more"


def _at_once(evidence: Evidence) -> str:
    answered = any(s.group != NO_ANSWER for found in evidence.samples.values() for s in found)
    return "the probes are sure enough" if answered else NOT_WORTH


async def _nothing() -> list[float]:
    return []
