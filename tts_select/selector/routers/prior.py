"""The prior: when to stop sampling a model that nobody has trained a router for.

Samples that agree, and samples that never will, look alike in all models. What another sample is worth was
learned once, from logs of other models and other problems: how likely the leading answer is to change by the
time so many samples are drawn, what a change is worth, and how likely the leader is right
(`training/routers/prior/`). Where a PRM scores the samples its scores are evidence too (`prior_prm.py`).
Costs are in samples, prices in probability a sample; a sample that is scored is one with its scoring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError
from tts_select.selector.agreement import Agreement, agreement_of, tokens_a_length
from tts_select.selector.calibration import Calibration
from tts_select.selector.deciding import Answer, Caps, Decision, Option
from tts_select.selector.evidence import NO_ANSWER, Evidence, SolutionEvidence
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.preference import preference_of
from tts_select.selector.routers.learned_prior import Prior
from tts_select.selector.routers.prior_prm import ScoredPrior
from tts_select.selector.routers.protocol import ByAnswersAlone

LOOKS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64)
"""The numbers of samples after which it is decided again; beyond them, after a quarter more."""
FARTHEST = 8
"""What is gained is asked of up to so many times as many samples."""
DEFAULT_BUDGET = 16


def looks_within(budget: int) -> list[int]:
    """The numbers of samples after which it is decided, the budget itself last."""
    looks = [n for n in LOOKS if n < budget]
    while looks and looks[-1] >= LOOKS[-1] and (following := looks[-1] * 5 // 4) < budget:
        looks.append(following)
    return [*looks, budget]


def horizons(n: int, looks: Sequence[int]) -> list[int]:
    """The later looks that are asked of after `n` samples: those that are not too far off, and the next."""
    later = [m for m in looks if m > n]
    return [m for k, m in enumerate(later) if k == 0 or m <= FARTHEST * n]


def best_horizon(gains: np.ndarray, n: int, later: Sequence[int], price: float) -> tuple[np.ndarray, ...]:
    """(place in `later`, worth) of the horizon that is worth most at a price, shape (rows,) each."""
    worths = gains - price * (np.array(later) - n)
    best = worths.argmax(axis=1)
    return best, np.take_along_axis(worths, best[:, None], 1)[:, 0]


@dataclass(frozen=True)
class PriorRouter(ByAnswersAlone):
    """Samples one policy in rounds, as long as the prior says that more is worth its price."""

    unit = "samples"

    prior: Prior
    arm: Arm
    """A majority vote of the policy, or best-of-N of it and a PRM; its budget is the most that is sampled."""
    greedy: Arm | None = None
    """The greedy solution of the policy, which is the first of the samples then; None: all are drawn
    alike."""
    tokens_a_length: float = 1.0
    """How many tokens one of the lengths is, in the evidence."""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    recalibration: Calibration | None = None
    """From how sure it was of an answer to how often such answers were right where it is used; what it
    decides stays the same (`training/routers/recalibrating.py`)."""

    def on(self, arm: Arm, unit: str = "tokens", *, greedy: Arm | None = None) -> PriorRouter:
        """The same prior for the samples of an arm, whose lengths are in this unit, with a greedy solution
        as the first of them where there are more. Outcomes have corrected what it says of votes, not of
        scores.

        Raises:
            InputError: the arm has a PRM, and the prior has learned nothing of such.
        """
        if arm.prm is not None and self.prior.term is None:
            raise InputError(
                f"the prior knows nothing of PRM scores, and {arm.prm} is named: teach it with "
                "tts-select train LOG --kind prior --onto PRIOR, or leave the PRM out"
            )
        curve = self.recalibration if arm.prm is None else None
        first = greedy if arm.budget > 1 else None
        return replace(
            self, arm=arm, greedy=first, tokens_a_length=tokens_a_length(unit), recalibration=curve
        )

    @property
    def confidence_kind(self) -> str:
        """`prior`, or `prior+prm` where it has a PRM."""
        return "prior" if self.arm.prm is None else "prior+prm"

    @cached_property
    def judge(self) -> Prior | ScoredPrior:
        """What it has learned of such samples: of scored ones, if the arm has a PRM."""
        term = self.prior.term
        return self.prior if self.arm.prm is None or term is None else ScoredPrior(self.prior, term)

    @property
    def portfolio(self) -> Portfolio:
        """The one arm, and the greedy solution if there is one."""
        return Portfolio(self.arm.name, (self.arm, *([self.greedy] if self.greedy else [])))

    @property
    def max_samples(self) -> int:
        """The most that is sampled."""
        return self.arm.budget

    @property
    def fallback(self) -> str:
        """The arm itself."""
        return self.arm.name

    @cached_property
    def first_look(self) -> Arm:
        """Two samples: one alone says nothing. If the first of them is greedy, the other one."""
        return replace(self.arm, budget=self.looks[0] - (self.greedy is not None))

    @property
    def greedy_look(self) -> Arm | None:
        """The greedy solution, if there is one."""
        return self.greedy

    @cached_property
    def looks(self) -> list[int]:
        """The numbers of samples after which it decides."""
        return looks_within(self.arm.budget)

    @cached_property
    def prices(self) -> Mapping[str, float]:
        """The price of each effort, in probability a sample; the least effort first."""
        dear_first = sorted(self.judge.efforts.items(), key=lambda item: -item[1])
        return {effort: price / self.arm.budget for effort, price in dear_first}

    def decide(self, evidences: Sequence[Evidence], price: float, caps: Sequence[Caps]) -> list[Decision]:
        """Sample on to the next look, or stop. The options are to stop, and to go on to each later look;
        their costs are in samples. The caps are held against the samples up to the next look."""
        return [
            self._decision(e, price, cap).recalibrated(self.recalibration)
            for e, cap in zip(evidences, caps, strict=True)
        ]

    def answers(self, evidence: Evidence, price: float | None = None) -> list[Answer]:
        """The leader with the probability that it is right, then the others, of which nothing is known."""
        samples = self.samples(evidence)
        if not samples:
            return []
        seen = self._seen(samples)
        surest = self._surest(seen, self.judge.says(seen.features))
        first = surest.group if surest else NO_ANSWER
        others = dict.fromkeys(s.group for s in samples if s.group not in (NO_ANSWER, first))
        found = [*([surest] if surest else []), *(Answer(group, None) for group in others)]
        return [answer.recalibrated(self.recalibration) for answer in found]

    def samples(self, evidence: Evidence) -> list[SolutionEvidence]:
        """All samples of the policy, the greedy one first."""
        greedy = evidence.of(self.greedy.pool) if self.greedy else ()
        return [*greedy, *evidence.of(self.arm.pool)]

    def _seen(self, samples: Sequence[SolutionEvidence]) -> Agreement:
        if self.arm.prm is None:
            return agreement_of([samples], tokens_a_length=self.tokens_a_length)
        how = self.arm.settings.aggregation
        return preference_of([samples], self.arm.prm, how, tokens_a_length=self.tokens_a_length)

    def _surest(self, seen: Agreement, said: np.ndarray) -> Answer | None:
        """The leader as the prior itself sees it, before outcomes correct that; None without an answer."""
        first = int(seen.first[0])
        (p,) = self.judge.p_correct(seen.features, said).tolist()
        return None if first == NO_ANSWER else Answer(first, p)

    def _decision(self, evidence: Evidence, price: float, caps: Caps) -> Decision:
        samples = self.samples(evidence)
        if not samples:
            return self._begin(caps)
        n, seen = len(samples), self._seen(samples)
        n_greedy = n - len(evidence.of(self.arm.pool))
        said = self.judge.says(seen.features)
        surest = self._surest(seen, said)
        p = (surest.p_correct or 0.0) if surest else 0.0
        stop = Option(None, p, 0.0)
        later = horizons(n, self.looks)
        if not later or self.arm.pool in evidence.exhausted:
            return Decision(stop, (stop,), 0, surest, _sure(p, surest))
        gains = self.judge.gains(seen.features, said, later)
        (best,), (worth,) = best_horizon(gains, n, later, price)
        tokens = sum(s.n_tokens for s in samples) * self.tokens_a_length / n
        options = [
            caps.timed(self._option(n, m, p + float(g), tokens), n, self.looks)
            for m, g in zip(later, gains[0], strict=True)
        ]
        ranked = sorted([stop, *options], key=lambda o: (-o.value(price), o.flops))
        if worth <= 0:
            return Decision(stop, tuple(ranked), 0, surest, _sure(p, surest))
        n_next = self._most_allowed(caps, n, later[0], tokens)
        if n_next == n:
            return Decision(stop, (stop,), 0, surest, "the caps allow no more")
        chosen = options[int(best)]
        others = tuple(o for o in ranked if o is not chosen)
        return Decision(chosen, (chosen, *others), n_next - n_greedy, surest, self._why, is_look=True)

    def _begin(self, caps: Caps) -> Decision:
        """From the text alone nothing is known: the first look."""
        option = Option(self.arm, float("nan"), float("nan"))
        allowed = option if caps.tokens is None or caps.tokens >= 1 else None
        n, why = self.first_look.budget, "samples are drawn in rounds"
        return Decision(allowed, (option,), n, None, why, beside=self.greedy)

    def _option(self, n: int, later: int, p_correct: float, tokens: float) -> Option:
        """Go on from n samples to `later`, each of so many tokens."""
        arm = replace(self.arm, budget=later)
        return Option(arm, min(p_correct, 1.0), float(later - n), (later - n) * tokens)

    def _most_allowed(self, caps: Caps, n: int, later: int, tokens: float) -> int:
        """The most samples, up to `later`, that the caps are expected to allow."""
        wanted = range(later, n, -1)
        return next((m for m in wanted if caps.allow(self._option(n, m, 0.0, tokens))), n)

    @property
    def _why(self) -> str:
        return f"another answer may lead: up to {self.arm.budget} samples, as long as they are worth it"


def _sure(p: float, surest: Answer | None) -> str:
    if surest is None:
        return "no answer, and nothing more is worth its cost"
    return f"more samples would hardly change the answer ({p:.2f})"
