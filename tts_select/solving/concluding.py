"""What a session comes to: the surest of the answers at hand, the plan behind it, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tts_select.core.arm import Arm
from tts_select.core.cost import Bill, Cost
from tts_select.core.errors import BackendError
from tts_select.core.plan import Plan
from tts_select.core.solution import Solution, Step
from tts_select.core.voting import order
from tts_select.selector.course import Course
from tts_select.selector.deciding import Answer, Decision
from tts_select.selector.evidence import NO_ANSWER, Evidence
from tts_select.selector.outlook import Outlook
from tts_select.selector.routers.looking import NOT_WORTH
from tts_select.selector.routers.protocol import Router
from tts_select.solving.gathered import LiveEvidence
from tts_select.solving.running import Runner
from tts_select.solving.visits import JUST_A_CHAT

_MANY_CUT = 0.3
"""The share of solutions that ran out of tokens from which on the limit is named as the cause."""


def outlook_of(
    decision: Decision, router: Router, course: Course, evidence: Evidence, probes: Cost
) -> Outlook:
    """A decision with all that speaks for it; `probes` is what the first look cost."""
    look = router.first_look
    return Outlook(
        difficulty=router.difficulties(evidence),
        options=decision.options,
        price=course.price,
        reason=decision.why,
        unfamiliar=course.unfamiliar,
        n_probes=sum(len(evidence.of(arm.pool)) for arm in (look, router.greedy_look) if arm),
        probe_flops=probes.flops,
        unit=router.unit,
    )


@dataclass(frozen=True, slots=True)
class Conclusion:
    """All that it rests on."""

    router: Router
    course: Course
    evidence: Evidence
    gathered: LiveEvidence
    runner: Runner
    surest: Answer | None
    steps: Sequence[Step]
    bill: Bill
    is_chat: bool

    def solution(self, failures: Sequence[BackendError], *, cost_answers: Sequence[BackendError]) -> Solution:
        """Return the solution with the surest answer.

        Raises:
            BackendError: there is none, for the first of those failures that cost answers.
        """
        if self.gathered.is_empty:
            self.gathered.note(self.router.first_look or self.router.portfolio.arms[0])
        surest = self.surest
        spokesman = self.gathered.spokesman(surest.group if surest else None)
        best = spokesman.best
        if best is None and cost_answers:
            error = cost_answers[0]
            error.bill = self.bill
            raise error
        return Solution(
            answer=best.answer if best else None,
            text=best.text if best else "",
            confidence=surest.p_correct if surest else None,
            finished=self.runner.limits.reached or "complete",
            plan=self._plan(spokesman.arm),
            bill=self.bill,
            candidates=tuple(sorted(spokesman.candidates, key=lambda r: order(r.score), reverse=True)),
            errors=tuple(str(error) for error in failures),
            steps=tuple(self.steps),
            n_cut=self.gathered.n_cut()[0],
            confidence_kind=self.router.confidence_kind,
            max_samples=self.router.max_samples,
        )

    def _plan(self, arm: Arm) -> Plan:
        difficulty = self.router.difficulties(self.evidence).get(arm.policy)
        reason = "; then ".join(dict.fromkeys(self.course.reasons)) or self._why_at_once()
        if self.is_chat:
            reason = JUST_A_CHAT
        n_cut, n = self.gathered.n_cut()
        arm = replace(arm, settings=self.runner.settings(arm))
        if n_cut > _MANY_CUT * n:
            most = arm.settings.max_new_tokens
            reason += f"; {n_cut} of {n} solutions were cut at {most:,} tokens: raise --max-new-tokens"
        seed = self.runner.seed
        return arm.plan(reason, seed=seed, difficulty=difficulty.pass_at_1 if difficulty else None)

    def _why_at_once(self) -> str:
        answered = any(s.group != NO_ANSWER for found in self.evidence.samples.values() for s in found)
        return "the probes are sure enough" if answered else NOT_WORTH
