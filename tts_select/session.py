"""A problem being solved with a router: probe, decide, run a round, look again, until it is best to stop."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace

from tts_select.core.arm import Arm
from tts_select.core.candidate import Candidate
from tts_select.core.errors import BackendError, InputError
from tts_select.core.plan import Plan
from tts_select.core.problem import Problem
from tts_select.core.solution import RankedCandidate, Solution
from tts_select.data.grading import extract_answer, is_equivalent
from tts_select.executors.accounting import Ledger, PhaseMeter
from tts_select.executors.aggregation import choose, order, rank
from tts_select.executors.limits import LimitedPolicy, Limits
from tts_select.executors.methods import METHODS
from tts_select.executors.search import Search
from tts_select.models import Models
from tts_select.selector.deciding import Caps, Option, held_as, next_samples, ranked
from tts_select.selector.evidence import Evidence, Observed, grouped
from tts_select.selector.outlook import Outlook, Spending, price_of
from tts_select.selector.router import Router, is_open
from tts_select.solving import SEARCH_PHASE

PROBE_PHASE = "probe"
_SCORING_SHARE = 0.2
_MOST_DECISIONS = 16


@dataclass(slots=True)
class _Sampled:
    """The samples of one policy, with the scores of each PRM that has read them."""

    candidates: list[Candidate] = field(default_factory=list)
    scores: dict[str, list[tuple[float, ...] | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Held:
    """What an arm found; None: the samples of its policy."""

    arm: Arm
    found: list[Candidate] | None


@dataclass(frozen=True, slots=True)
class _Answer:
    arm: Arm
    shown: tuple[RankedCandidate, ...]
    best: RankedCandidate | None
    sureness: float


class Session:
    """One problem being solved: the evidence so far, the bill, and the answer at hand."""

    def __init__(
        self, router: Router, models: Models, problem: Problem, spending: Spending, *, seed: int
    ) -> None:
        self._router, self._models = router, models
        self._problem, self._spending, self._seed = problem, spending, seed
        self.price = price_of(router, spending)
        self._ledger = Ledger()
        self._failures: list[BackendError] = []
        self._limits = Limits(spending.max_tokens, failures=self._failures)
        self._strange = router.unfamiliar(problem.text)
        self._sampled: dict[str, _Sampled] = {}
        self._held: dict[str, _Held] = {}
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
        if not whole and not self._held:
            await self.probe()
        for _ in range(_MOST_DECISIONS):
            outlook = self.look()
            arm = outlook.chosen.arm
            if arm is None or self._limits.reached or self._failures:
                return
            self._decisions.append(outlook.reason)
            await self._advance(arm, whole=whole)
            if whole:
                return

    def take_from_purse(self, price: float) -> None:
        """Go on at this price. A problem unlike the training is then routed all the same: the best fixed arm
        would cost others their share."""
        self.price, self._strange = price, None

    @property
    def spent(self) -> float:
        """FLOPs so far."""
        return self._ledger.bill.total.flops

    async def probe(self) -> None:
        """The first samples, on the bill as such."""
        probe = self._router.probe
        with self._ledger.timed(PROBE_PHASE):
            await self._sample(probe.arm, probe.n, self._ledger.phase(PROBE_PHASE))
        self._hold(probe.arm)

    def look(self) -> Outlook:
        """Difficulty, options and the best of them, from the evidence so far."""
        evidence = self._evidence()
        caps = self._caps()
        options = [o for o in self._router.options(evidence) if not self._has_run(o.arm)]
        if self._held:
            options.append(Option(None, max(a.sureness for a in self._answers(evidence)), 0.0))
        best = ranked(options, self.price, caps)
        if self._strange is not None:
            best = _fixed_first(best, self._router.fallback)
        if not best:
            cheapest = min(options, key=lambda o: o.flops)
            raise InputError(
                f"the caps are below the cheapest arm, {cheapest.name}, which takes about "
                f"{cheapest.flops:.3g} FLOPs and {cheapest.tokens:.0f} tokens: "
                "raise --max-flops or --max-tokens"
            )
        bill = self._ledger.bill.phases.get(PROBE_PHASE)
        return Outlook(
            difficulty=self._router.difficulties(evidence),
            options=tuple(best),
            price=self.price,
            reason=_reason(best[0], self._strange),
            unfamiliar=self._strange,
            n_probes=len(evidence.of(self._router.probe.policy)),
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
        n = len(self._of(arm.policy).candidates)
        while True:
            if n < arm.budget:
                at_once = whole and arm.method != "adaptive"
                n = arm.budget if at_once else n + next_samples(arm, n)
            method = "majority" if arm.method == "adaptive" else arm.method
            so_far = Arm(arm.policy, arm.prm, method, n, arm.settings)
            if not self._held:
                self._hold(so_far)  # all that there is if time runs out here
            await self._sample(arm, n, meter)
            self._hold(so_far)
            if not whole or n >= arm.budget or self._limits.reached or self._is_settled(arm):
                return

    def _is_settled(self, arm: Arm) -> bool:
        return not is_open(arm, self._evidence())

    async def _search(self, arm: Arm, meter: PhaseMeter) -> None:
        search = self._searching(arm, meter, arm.budget)
        try:
            await METHODS[arm.method].run(search)
        finally:
            self._hold(arm, search.pool)

    def _hold(self, arm: Arm, found: list[Candidate] | None = None) -> None:
        self._held[held_as(arm)] = _Held(arm, found)

    def _has_run(self, arm: Arm | None) -> bool:
        return arm is not None and not arm.is_sampling and held_as(arm) in self._held

    async def _sample(self, arm: Arm, n: int, meter: PhaseMeter) -> None:
        """Up to `n` samples of the arm's policy in all, scored by its PRM."""
        sampled = self._of(arm.policy)
        here = len(sampled.candidates)
        if n > here:
            search = self._searching(arm, meter, n)
            try:
                await search.solutions(n - here, first=here)
            finally:
                sampled.candidates += search.pool
        if arm.prm is not None:
            await self._score(sampled, arm.prm, meter)

    async def _score(self, sampled: _Sampled, prm: str, meter: PhaseMeter) -> None:
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

    def _of(self, policy: str) -> _Sampled:
        return self._sampled.setdefault(policy, _Sampled())

    def _evidence(self) -> Evidence:
        answers = [_answer(c) for s in self._sampled.values() for c in s.candidates]
        groups = iter(grouped(answers, is_equivalent))
        return Evidence(
            self._problem.text,
            {
                policy: [_observed(c, next(groups), s, k) for k, c in enumerate(s.candidates)]
                for policy, s in self._sampled.items()
            },
        )

    def _answers(self, evidence: Evidence) -> list[_Answer]:
        """Every answer at hand, with how sure it is by now."""
        return [self._answer_of(held, evidence) for held in self._held.values()]

    def _answer_of(self, held: _Held, evidence: Evidence) -> _Answer:
        arm = held.arm
        shown = rank(self._scored(arm) if held.found is None else held.found, arm.settings.aggregation)
        chosen = choose(shown, arm.settings.selection)
        if chosen is None:
            return _Answer(arm, shown, None, 0.0)
        best, share = chosen
        group = self._group_of(best.answer or "")
        return _Answer(arm, shown, best, self._router.sureness(evidence, arm, group, share))

    def _scored(self, arm: Arm) -> list[Candidate]:
        """The samples of the arm's policy with the scores of its PRM."""
        sampled = self._of(arm.policy)
        scores = [*sampled.scores.get(arm.prm or "", ()), *[None] * len(sampled.candidates)]
        return [
            c.scored(list(found)) if found else c
            for c, found in zip(sampled.candidates, scores, strict=False)
        ]

    def _solution(self) -> Solution:
        """The surest of the answers at hand."""
        if not self._held:
            self._hold(self._router.probe.arm)
        surest = max(self._answers(self._evidence()), key=lambda a: a.sureness)
        best = surest.best
        if best is None and self._failures:
            error = self._failures[0]
            error.bill = self._ledger.bill
            raise error
        return Solution(
            answer=best.answer if best else None,
            text=best.text if best else "",
            confidence=surest.sureness if best else None,
            finished=self._limits.reached or "complete",
            plan=self._as_run(surest.arm),
            bill=self._ledger.bill,
            candidates=tuple(sorted(surest.shown, key=lambda r: order(r.score), reverse=True)),
            errors=tuple(str(error) for error in self._failures),
        )

    def _group_of(self, answer: str) -> int:
        answers = [_answer(c) for s in self._sampled.values() for c in s.candidates]
        return grouped([*answers, answer], is_equivalent)[-1]

    def _as_run(self, arm: Arm) -> Plan:
        difficulty = self._router.difficulties(self._evidence())[arm.policy].pass_at_1
        reason = "; then ".join(self._decisions) or "the probes are sure enough"
        return arm.plan(reason, seed=self._seed, difficulty=difficulty)


def _fixed_first(options: list[Option], fallback: str) -> list[Option]:
    return sorted(options, key=lambda o: o.name != fallback)


def _reason(option: Option, strange: str | None) -> str:
    if strange is not None:
        return f"unlike the training problems ({strange}): the best fixed arm, {option.name}"
    if option.arm is None:
        return f"sure enough ({option.p_correct:.2f})"
    return f"{option.name}: P(correct) {option.p_correct:.2f} for {option.flops:.2g} FLOPs more"


def _answer(candidate: Candidate) -> str | None:
    return extract_answer(candidate.text) if candidate.is_complete and candidate.steps else None


def _observed(candidate: Candidate, group: int, sampled: _Sampled, place: int) -> Observed:
    scores = {
        prm: found
        for prm, known in sampled.scores.items()
        if place < len(known) and (found := known[place]) is not None
    }
    return Observed(group, candidate.n_tokens, candidate.logprob, len(candidate.steps), scores)


async def _nothing() -> list[float]:
    return []
