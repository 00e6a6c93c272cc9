"""The learned router: evidence in; difficulty, options and confidence out. It runs no policy and no PRM.

Its LightGBM models: how likely each answer at hand is right; whether an arm that has run as well would mend a
wrong one, or spoil a right one; the arm's cost from here on; the pass@1 of each policy. Probabilities are
calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tts_select.core.arm import POOL_SETTINGS, Arm
from tts_select.core.plan import Settings
from tts_select.core.voting import is_settled
from tts_select.selector.calibration import Calibration
from tts_select.selector.deciding import Option
from tts_select.selector.difficulty import Difficulty
from tts_select.selector.evidence import Evidence, counts
from tts_select.selector.familiarity import Familiarity, TextRanges, probe_numbers
from tts_select.selector.features import SUREST, Layout
from tts_select.selector.linear import Linear
from tts_select.selector.portfolio import Portfolio

if TYPE_CHECKING:
    from lightgbm import Booster


@dataclass(frozen=True, slots=True)
class Probe:
    """The first look at a problem: `n` samples of a policy, scored by a PRM unless that is None. None at all
    (n = 0) where every arm is a search."""

    policy: str
    prm: str | None
    n: int
    temperature: float = Settings().temperature
    top_p: float = Settings().top_p
    max_steps: int = Settings().max_steps
    max_new_tokens: int = Settings().max_new_tokens

    @property
    def arm(self) -> Arm:
        """What the probes would be as an arm."""
        settings = Settings(**{name: getattr(self, name) for name in POOL_SETTINGS})
        if self.prm is None and self.temperature == 0:
            return Arm(self.policy, None, "cot", 1, settings)
        method = "majority" if self.prm is None else "best_of_n"
        return Arm(self.policy, self.prm, method, self.n, replace(settings, temperature=self.temperature))

    def as_in(self, portfolio: Portfolio) -> Probe:
        """Sampled as the arms of its pool are, since these take the probes as their first samples."""
        shared = (arm.settings for arm in portfolio.arms if arm.is_sampling and arm.pool == self.arm.pool)
        settings = next(shared, self.arm.settings)
        return replace(self, **{name: getattr(settings, name) for name in POOL_SETTINGS})


@dataclass(frozen=True, slots=True)
class Answer:
    """One that is at hand, and the probability that it is right."""

    group: int
    p_correct: float


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A LightGBM model of probabilities, mixed with a linear one, with the calibration of both."""

    booster: Booster
    calibration: Calibration
    linear: Linear | None = None
    trees: float = 1.0
    """The share of the LightGBM model in the mixture."""

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """One probability a row; rows have the shape (n, features)."""
        said: np.ndarray = np.asarray(self.booster.predict(rows, num_threads=1))
        if self.linear is not None:
            said = self.trees * said + (1 - self.trees) * self.linear.predict(rows)
        return self.calibration(said)


@dataclass(frozen=True, slots=True)
class DifficultyModel:
    """Of one policy; `errors` are (prediction from, low, high): how far pass@1 lies around it."""

    model: Calibrated
    errors: tuple[tuple[float, float, float], ...]

    def __call__(self, states: np.ndarray) -> list[Difficulty]:
        """One a row of `states`."""
        found = []
        for p in self.model(states):
            low, high = next(e[1:] for e in reversed(self.errors) if p >= e[0])
            low, high = np.clip([p + low, p + high], 0.0, 1.0)
            found.append(Difficulty(float(p), float(low), float(high)))
        return found


@dataclass(frozen=True)
class Router:
    """All that was learned from a sweep log."""

    portfolio: Portfolio
    probe: Probe
    mend: Calibrated
    """Of an arm, when the surest answer at hand is wrong: that the surest one after it is right."""
    spoil: Calibrated
    """Of an arm, when the surest answer at hand is right: that the surest one after it is wrong."""
    confidence: Calibrated
    cost: Booster
    """Of log10 FLOPs."""
    difficulty: Mapping[str, DifficultyModel]
    prices: Mapping[str, float]
    """By effort, in probability per FLOP."""
    fallback: str
    """The name of the best fixed arm, for problems unlike the training data."""
    familiarity: Familiarity | TextRanges
    """What the training problems were like."""
    mean_tokens: Mapping[str, float]
    """Of a solution of each policy."""
    strengths: Mapping[str, float]
    """The accuracy of each arm on the training problems."""
    fingerprints: Mapping[str, str]
    """Of each policy, PRM and the grader that it was trained for."""

    @cached_property
    def layout(self) -> Layout:
        """The features of this portfolio."""
        return layout_of(self.portfolio, self.strengths)

    def difficulties(self, evidence: Evidence) -> dict[str, Difficulty]:
        """The estimated pass@1 of each policy."""
        state = self.layout.state(evidence)[None]
        return {policy: model(state)[0] for policy, model in self.difficulty.items()}

    def answers(self, evidence: Evidence) -> list[Answer]:
        """Those at hand, the surest first."""
        groups, rows = self.layout.answers(evidence)
        return sorted(self._answers(groups, rows), key=lambda a: -a.p_correct)

    def options(self, evidence: Evidence) -> list[Option]:
        """Every arm that the evidence has not run already, with its P(correct) and its cost from here on; and
        stopping, if anything has run (without an answer at hand it is sure to be wrong)."""
        groups, rows = self.layout.answers(evidence)
        answers = self._answers(groups, rows)
        sureness = np.array([a.p_correct for a in answers])
        has_begun = any(evidence.samples.values()) or bool(evidence.found)
        stop = [Option(None, float(sureness.max(initial=0.0)), 0.0)] if has_begun else []
        arms = [arm for arm in self.portfolio.arms if is_open(arm, evidence)]
        if not arms:
            return stop
        rows = self.layout.options(evidence, arms, rows, sureness)
        p, flops = self.p_correct(rows), self.flops(rows)
        return stop + [
            Option(arm, float(p[k]), float(flops[k]), self.tokens(arm, evidence))
            for k, arm in enumerate(arms)
        ]

    def p_correct(self, rows: np.ndarray) -> np.ndarray:
        """Of the surest answer when each row's arm has run: it stays right, or is put right."""
        surest = rows[:, self.layout.option_names.index(SUREST)]
        p: np.ndarray = surest * (1 - self.spoil(rows)) + (1 - surest) * self.mend(rows)
        return p

    def flops(self, rows: np.ndarray) -> np.ndarray:
        """The expected cost of each row's arm after its state."""
        return np.asarray(10.0 ** np.asarray(self.cost.predict(rows, num_threads=1)))

    def tokens(self, arm: Arm, evidence: Evidence) -> float:
        """What the arm's policy will generate, expected from the length of its samples so far."""
        here = evidence.of(arm.pool) if arm.is_sampling else ()
        mean = sum(s.n_tokens for s in here) / len(here) if here else self.mean_tokens[arm.policy]
        return mean * max(1, arm.budget - len(here))

    def _answers(self, groups: list[int], rows: np.ndarray) -> list[Answer]:
        said = self.confidence(rows) if groups else ()
        return [Answer(group, float(p)) for group, p in zip(groups, said, strict=True)]

    def unfamiliar(self, problem: str, evidence: Evidence | None = None) -> str | None:
        """Why the problem is unlike those of the training, or None if it is not: by its text, which costs
        nothing, and by its probes once they are there."""
        if (reason := self.familiarity.of_text(problem)) is not None or evidence is None:
            return reason
        probe = self.probe
        numbers = probe_numbers(self.layout, evidence, probe.arm.pool, probe.prm, probe.n)
        return None if numbers is None else self.familiarity.of_probes(numbers)


def layout_of(portfolio: Portfolio, strengths: Mapping[str, float]) -> Layout:
    """Everything in the order of the portfolio."""
    pools = {arm.pool: arm.temperature == 0 for arm in portfolio.arms if arm.is_sampling}
    methods = tuple(dict.fromkeys(arm.method for arm in portfolio.arms))
    searches = {arm.name: arm.policy for arm in portfolio.arms if not arm.is_sampling}
    return Layout(pools, portfolio.policies, portfolio.prms, methods, searches, strengths)


def is_open(arm: Arm, evidence: Evidence) -> bool:
    """Whether there is anything left to do for the arm."""
    if not arm.is_sampling:
        return arm.name not in evidence.found
    here = evidence.of(arm.pool)
    if arm.method == "adaptive" and is_settled(counts(here).values()):
        return False
    if len(here) < arm.budget:
        return True
    return arm.prm is not None and any(arm.prm not in s.scores and s.group >= 0 for s in here)


def fingerprint_mismatch(trained: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """The first model that is not the one that the router was trained for, in words."""
    for name, fingerprint in found.items():
        if trained.get(name) != fingerprint:
            known = trained.get(name, "not in its portfolio")
            return f"the router was trained for '{name}' as {known}; this one is {fingerprint}"
    return None
