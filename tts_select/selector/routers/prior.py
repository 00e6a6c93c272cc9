"""The prior: when to stop sampling a model that nobody has trained a router for.

Samples that agree, and samples that never will, look alike in all models. What another sample is worth was
learned once, from logs of other models and other problems: how likely the leading answer is to change by the
time so many samples are drawn, what a change is worth, and how likely the leader is right
(`training/routers/prior/`). Costs are in samples, prices in probability a sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.agreement import FEATURES, Agreement, agreement_of, tokens_a_length
from tts_select.selector.calibration import Calibration
from tts_select.selector.deciding import Answer, Caps, Decision, Option
from tts_select.selector.evidence import NO_ANSWER, Evidence, SolutionEvidence
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.protocol import ByAnswersAlone

if TYPE_CHECKING:
    from lightgbm import Booster

LOOKS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64)
"""The numbers of samples after which it is decided again; beyond them, after a quarter more."""
FARTHEST = 8
"""What is gained is asked of up to so many times as many samples."""
LEAST_GAIN = 0.01
"""The least that a change of the leader is taken to gain, in P(correct): at a price of nearly 0 it goes on to
the budget, as a majority vote does."""
DEFAULT_BUDGET = 16
_FIRST_SHARE = FEATURES.index("first_share")


@dataclass(frozen=True, slots=True)
class Gain:
    """How much likelier a new leader is to be right than the old one: linear in what is thought of the old
    one, since logs have few such changes, and finer rules learn what is particular to them."""

    coefficients: tuple[float, ...]
    """Of P(the old leader is right), its square, the binary logarithm of the number of samples, and the
    product of that with the first."""
    intercept: float

    def __call__(self, p_correct: np.ndarray, n: np.ndarray) -> np.ndarray:
        """Shape (rows,); at least `LEAST_GAIN`."""
        said = self.terms(p_correct, n) @ np.array(self.coefficients) + self.intercept
        found: np.ndarray = np.maximum(said, LEAST_GAIN)
        return found

    @staticmethod
    def terms(p_correct: np.ndarray, n: np.ndarray) -> np.ndarray:
        """What it is linear in, shape (rows, 4)."""
        log = np.log2(n)
        return np.column_stack([p_correct, p_correct**2, log, log * p_correct])


@dataclass(frozen=True, slots=True)
class Prior:
    """What was learned from other models' samples. Its inputs are the features of `selector/agreement.py`;
    that of change has one more, the binary logarithm of how many times as many samples there will be."""

    change: Booster
    """P(another answer leads then)."""
    correct: Booster
    """P(the leader is right), not calibrated."""
    gain: Gain
    """What a change of the leader is worth."""
    calibration: Calibration
    efforts: Mapping[str, float]
    """The price of each effort, in probability for the whole budget."""

    def says(self, features: np.ndarray) -> np.ndarray:
        """P(the leader is right), not calibrated, shape (rows,): what the two methods below are told."""
        return np.asarray(self.correct.predict(features, num_threads=1))

    def p_correct(self, features: np.ndarray, said: np.ndarray) -> np.ndarray:
        """P(the leader is right), shape (rows,); 0 where no sample answers."""
        return np.where(features[:, _FIRST_SHARE] > 0, self.calibration(said), 0.0)

    def gains(self, features: np.ndarray, said: np.ndarray, later: Sequence[int]) -> np.ndarray:
        """How much likelier the leader is to be right after so many samples, shape (rows, len(later))."""
        if not later:
            return np.zeros((len(features), 0))
        ratio = np.log2(np.array(later)[None, :] / features[:, :1])
        rows = np.column_stack([np.repeat(features, len(later), axis=0), ratio.ravel()])
        change = np.asarray(self.change.predict(rows, num_threads=1)).reshape(ratio.shape)
        found: np.ndarray = change * self.gain(said, features[:, 0])[:, None]
        return found


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

    confidence_kind = "prior"
    unit = "samples"

    prior: Prior
    arm: Arm
    """A majority vote of the policy; its budget is the most that is sampled."""
    tokens_a_length: float = 1.0
    """How many tokens one of the lengths is, in the evidence."""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    recalibration: Calibration | None = None
    """From how sure it was of an answer to how often such answers were right where it is used; what it
    decides stays the same (`training/routers/recalibrating.py`)."""

    def on(self, arm: Arm, unit: str = "tokens") -> PriorRouter:
        """The same prior for the samples of an arm, whose lengths are in this unit."""
        return replace(self, arm=arm, tokens_a_length=tokens_a_length(unit))

    @property
    def portfolio(self) -> Portfolio:
        """The one arm."""
        return Portfolio(self.arm.name, (self.arm,))

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
        """Two samples: one alone says nothing."""
        return Arm(self.arm.policy, None, "majority", min(self.looks[0], self.arm.budget), self.arm.settings)

    @cached_property
    def looks(self) -> list[int]:
        """The numbers of samples after which it decides."""
        return looks_within(self.arm.budget)

    @cached_property
    def prices(self) -> Mapping[str, float]:
        """The price of each effort, in probability a sample; the least effort first."""
        dear_first = sorted(self.prior.efforts.items(), key=lambda item: -item[1])
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
        samples = evidence.of(self.arm.pool)
        if not samples:
            return []
        seen = self._seen(samples)
        surest = self._surest(seen, self.prior.says(seen.features))
        first = surest.group if surest else NO_ANSWER
        others = dict.fromkeys(s.group for s in samples if s.group not in (NO_ANSWER, first))
        found = [*([surest] if surest else []), *(Answer(group, None) for group in others)]
        return [answer.recalibrated(self.recalibration) for answer in found]

    def _seen(self, samples: Sequence[SolutionEvidence]) -> Agreement:
        return agreement_of([samples], tokens_a_length=self.tokens_a_length)

    def _surest(self, seen: Agreement, said: np.ndarray) -> Answer | None:
        """The leader as the prior itself sees it, before outcomes correct that; None without an answer."""
        first = int(seen.first[0])
        (p,) = self.prior.p_correct(seen.features, said).tolist()
        return None if first == NO_ANSWER else Answer(first, p)

    def _decision(self, evidence: Evidence, price: float, caps: Caps) -> Decision:
        samples = evidence.of(self.arm.pool)
        if not samples:
            return self._begin(caps)
        n, seen = len(samples), self._seen(samples)
        said = self.prior.says(seen.features)
        surest = self._surest(seen, said)
        p = (surest.p_correct or 0.0) if surest else 0.0
        stop = Option(None, p, 0.0)
        later = horizons(n, self.looks)
        if not later or self.arm.pool in evidence.exhausted:
            return Decision(stop, (stop,), 0, surest, _sure(p, surest))
        gains = self.prior.gains(seen.features, said, later)
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
        return Decision(chosen, (chosen, *others), n_next, surest, self._why, is_look=True)

    def _begin(self, caps: Caps) -> Decision:
        """From the text alone nothing is known: the first look."""
        option = Option(self.arm, float("nan"), float("nan"))
        allowed = option if caps.tokens is None or caps.tokens >= 1 else None
        return Decision(allowed, (option,), self.first_look.budget, None, "samples are drawn in rounds")

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
