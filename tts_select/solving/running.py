"""Arms of one problem, run: each as a search under the limits of all, on the bill, into what is gathered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tts_select.core.arm import Arm, weights_in
from tts_select.core.candidate import Candidate
from tts_select.core.certainty import TOP_LOGPROBS
from tts_select.core.errors import BackendError
from tts_select.core.methods import METHODS
from tts_select.core.plan import Settings
from tts_select.core.pricing import price_of_tokens
from tts_select.core.problem import Problem
from tts_select.executors.accounting import Ledger
from tts_select.executors.limits import DollarCap, LimitedPolicy, Limits
from tts_select.executors.methods import run_method
from tts_select.executors.search import Search
from tts_select.selector.outlook import Spending
from tts_select.solving.gathered import LiveEvidence
from tts_select.solving.models import Models
from tts_select.solving.visits import Visit


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs the arms of one problem."""

    problem: Problem
    models: Models
    gathered: LiveEvidence
    ledger: Ledger
    limits: Limits
    visit: Visit
    seed: int
    logprobs: bool
    arms: tuple[Arm, ...]
    """All that may come to run: arms of one pool share its samples."""
    is_routed: bool
    """Whether a router goes on with the pools of sampling arms; else each is run as it was named."""

    async def run(self, runs: Sequence[tuple[Arm, int]], phase: str) -> None:
        """Run arms, all at once: each until its pool has so many samples; a search, whole. A greedy solution
        beside samples is the first of them."""
        greedy, *others = (arm for arm, _ in runs)
        if greedy.temperature == 0:
            self.gathered.greedy_of.update({arm.pool: greedy.pool for arm in others})
        with self.ledger.timed(phase):
            await asyncio.gather(*(self._run(arm, n, phase) for arm, n in runs))

    async def _run(self, arm: Arm, n: int, phase: str) -> None:
        search = self._search(arm, n, phase)
        self.gathered.note(self._as_run(arm, n))  # what there is if time runs out here is its
        try:
            await run_method(arm.method, search)
        finally:
            self.gathered.note(self._as_run(arm, n), search.pool)
            if search.rounds:
                self.gathered.rounds[arm.name] = search.rounds

    async def first(self, arm: Arm, phase: str) -> list[Candidate]:
        """One solution before all others. A sampling arm goes on with it; a search knows nothing of it."""
        if arm.is_sampling:
            await self.run([(arm, 1)], phase)
            return self.gathered.of(arm.pool).candidates
        alone = alone_of(arm)
        search = self._search(alone, 1, phase)
        with self.ledger.timed(phase):
            await run_method(alone.method, search)
        self.gathered.drop(alone.pool)
        return search.pool

    def settings(self, arm: Arm) -> Settings:
        """The settings of an arm as it is run here."""
        most, allowed = self.visit.max_new_tokens, arm.settings.max_new_tokens
        return replace(
            arm.settings, seed=self.seed, max_new_tokens=allowed if most is None else min(most, allowed)
        )

    def _search(self, arm: Arm, n: int, phase: str) -> Search:
        """A sampling arm goes on with the samples of its pool."""
        samples = self.gathered.of(arm.pool) if arm.is_sampling else None
        policy, prm = self.models.policy(arm.policy), self.models.prm(arm.prm) if arm.prm else None
        weights = weights_in(arm, (arm, *self.arms)) if arm.is_sampling else set()
        prices = {"policy": price_of_tokens(policy), "prm": price_of_tokens(prm)}
        return Search(
            self.problem.text,
            LimitedPolicy(policy, self.limits),
            prm,
            self.settings(arm),
            n,
            self.ledger.phase(phase, **prices),
            logprobs=self.logprobs or bool(weights),
            top_logprobs=TOP_LOGPROBS if "certainty" in weights else 0,
            chat=self.problem.chat,
            pool=samples.scored_by(arm.prm) if samples else [],
            unreadable=samples.unreadable.setdefault(arm.prm or "", set()) if samples else set(),
        )

    def _as_run(self, arm: Arm, n: int) -> Arm:
        """A routed sampling arm as far as it came; a named one as it was named."""
        if not arm.is_sampling or not self.is_routed:
            return arm
        method = "majority" if METHODS[arm.method].stop_rule else arm.method
        return Arm(arm.policy, arm.prm, method, n, arm.settings)


def limits_of(spending: Spending, ledger: Ledger, failures: list[BackendError]) -> Limits:
    """The limits of one problem, which keep the failures of single requests there."""
    limits = Limits(spending.max_tokens, failures=failures)
    if spending.max_dollars is not None:
        limits.dollars = DollarCap(spending.max_dollars, lambda: ledger.bill.total.dollars)
    return limits


def alone_of(arm: Arm) -> Arm:
    """The arm that is one sample of the same policy."""
    return Arm(arm.policy, None, "majority", 1, arm.settings)
