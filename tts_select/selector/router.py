"""The learned router: evidence in; difficulty, options and confidence out. It runs no policy and no PRM.

Its LightGBM models: P(correct) of an arm after the evidence, the arm's cost from here on, the confidence
in an answer that was won, and the pass@1 of each policy; the probabilities are calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tts_select.core.arm import Arm
from tts_select.core.voting import is_settled
from tts_select.selector.calibration import Calibration
from tts_select.selector.deciding import Option
from tts_select.selector.difficulty import Difficulty
from tts_select.selector.evidence import Evidence, counts
from tts_select.selector.features import TEXT_FEATURES, Layout
from tts_select.selector.portfolio import Portfolio

if TYPE_CHECKING:
    from lightgbm import Booster


@dataclass(frozen=True, slots=True)
class Probe:
    """The first look at a problem: `n` samples of a policy, scored by a PRM."""

    policy: str
    prm: str
    n: int

    @property
    def arm(self) -> Arm:
        """What the probes would be as an arm."""
        return Arm(self.policy, self.prm, "best_of_n", self.n)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A LightGBM model of probabilities with its calibration."""

    booster: Booster
    calibration: Calibration

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """One probability a row; rows have the shape (n, features)."""
        said: np.ndarray = np.asarray(self.booster.predict(rows, num_threads=1))
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
    success: Calibrated
    confidence: Calibrated
    cost: Booster
    """Of log10 FLOPs."""
    difficulty: Mapping[str, DifficultyModel]
    prices: Mapping[str, float]
    """By effort, in probability per FLOP."""
    fallback: str
    """The name of the best fixed arm, for problems unlike the training data."""
    text_ranges: tuple[tuple[float, float], ...]
    """Of each text feature in training."""
    words: frozenset[str]
    """Of the training problems; empty if there were too many to tell."""
    mean_tokens: Mapping[str, float]
    """Of a solution of each policy."""
    fingerprints: Mapping[str, str]
    """Of each policy, PRM and the grader that it was trained for."""

    @cached_property
    def layout(self) -> Layout:
        """The features of this portfolio."""
        return layout_of(self.portfolio)

    def difficulties(self, evidence: Evidence) -> dict[str, Difficulty]:
        """The estimated pass@1 of each policy."""
        state = self.layout.state(evidence)[None]
        return {policy: model(state)[0] for policy, model in self.difficulty.items()}

    def options(self, evidence: Evidence) -> list[Option]:
        """Every arm that the evidence has not run already, with its P(correct) and its cost from here on."""
        arms = [arm for arm in self.portfolio.arms if is_open(arm, evidence)]
        if not arms:
            return []
        state = self.layout.state(evidence)
        rows = np.stack([np.concatenate([state, self.layout.arm(arm, evidence)]) for arm in arms])
        p, flops = self.success(rows), self.flops(rows)
        return [
            Option(arm, float(p[k]), float(flops[k]), self.tokens(arm, evidence))
            for k, arm in enumerate(arms)
        ]

    def flops(self, rows: np.ndarray) -> np.ndarray:
        """The expected cost of each row's arm after its state."""
        return np.asarray(10.0 ** np.asarray(self.cost.predict(rows, num_threads=1)))

    def tokens(self, arm: Arm, evidence: Evidence) -> float:
        """What the arm's policy will generate, expected from the length of its samples so far."""
        here = evidence.of(arm.policy)
        mean = np.mean([s.n_tokens for s in here]) if here else self.mean_tokens[arm.policy]
        return float(mean) * max(1, arm.budget - (len(here) if arm.is_sampling else 0))

    def sureness(self, evidence: Evidence, arm: Arm, group: int, share: float) -> float:
        """The probability that the answer which `arm` won with this share of the vote is right."""
        row = np.concatenate(
            [
                self.layout.state(evidence),
                self.layout.arm(arm, evidence),
                self.layout.outcome(evidence, group, share),
            ]
        )
        return float(self.confidence(row[None])[0])

    def unfamiliar(self, problem: str) -> str | None:
        """Why the problem is unlike those of the training, or None if it is not."""
        found = self.layout.state(Evidence(problem, {}))[: len(TEXT_FEATURES)]
        for name, value, (low, high) in zip(TEXT_FEATURES, found, self.text_ranges, strict=True):
            slack = 0.1 * (high - low)
            if not low - slack <= value <= high + slack:
                return (
                    f"its {name.replace('_', ' ')} is {value:.3g}, in training it was {low:.3g} to {high:.3g}"
                )
        strange = sorted(words_of(problem) - self.words) if self.words else []
        return f"the word '{strange[0]}' was never in training" if strange else None


def layout_of(portfolio: Portfolio) -> Layout:
    """Policies, PRMs and methods in the order of the portfolio, and then the methods that answers at hand
    come from: the probes are a best_of_n, and an adaptive arm is a majority before its end."""
    methods = dict.fromkeys([*(arm.method for arm in portfolio.arms), "best_of_n", "majority"])
    return Layout(portfolio.policies, portfolio.prms, tuple(methods))


def is_open(arm: Arm, evidence: Evidence) -> bool:
    """Whether there is anything left to do for the arm."""
    here = evidence.of(arm.policy)
    if arm.method == "adaptive" and is_settled(counts(here)):
        return False
    if not arm.is_sampling or len(here) < arm.budget:
        return True
    return arm.prm is not None and any(arm.prm not in s.scores and s.group >= 0 for s in here)


def words_of(text: str) -> frozenset[str]:
    """The words of a text, in lower case."""
    return frozenset(w for word in text.split() if (w := word.strip(".,;:?!()").lower()).isalpha())


def fingerprint_mismatch(trained: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """The first model that is not the one that the router was trained for, in words."""
    for name, fingerprint in found.items():
        if trained.get(name) != fingerprint:
            known = trained.get(name, "not in its portfolio")
            return f"the router was trained for '{name}' as {known}; this one is {fingerprint}"
    return None
