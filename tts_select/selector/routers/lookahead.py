"""The look-ahead router: for every arm, how likely the answer is right after it, and what it costs.

Its LightGBM models: how likely each answer at hand is right; whether an arm that has run as well would mend a
wrong one, or spoil a right one; the arm's cost from here on; the pass@1 of each policy. Probabilities are
calibrated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tts_select.core.arm import POOL_SETTINGS, Arm
from tts_select.core.plan import Settings
from tts_select.selector.by_text import ByText
from tts_select.selector.calibration import Calibration
from tts_select.selector.deciding import Answer, Caps, Decision, Option
from tts_select.selector.difficulty import Difficulty
from tts_select.selector.evidence import Evidence, mean_tokens
from tts_select.selector.familiarity import Familiarity, TextRanges, probe_numbers
from tts_select.selector.features import SUREST, Layout
from tts_select.selector.linear import Blocks, Linear
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.first_steps import FirstSteps, first_decision
from tts_select.selector.routers.looking import Look, decision_of
from tts_select.selector.routers.named import is_open

if TYPE_CHECKING:
    from lightgbm import Booster


@dataclass(frozen=True, slots=True)
class Probe:
    """A first look at a problem: `n` samples of a policy, scored by a PRM unless that is None. None at all
    (n = 0) where every arm is a search. A router with `first_steps` takes it only where it is worth it."""

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

    @property
    def first_look(self) -> Arm | None:
        """The arm that it is run as, if there are any probes."""
        return self.arm if self.n else None

    def as_in(self, portfolio: Portfolio) -> Probe:
        """Return the probe, sampled as the arms of its pool are, since these take the probes as their first
        samples."""
        shared = (arm.settings for arm in portfolio.arms if arm.is_sampling and arm.pool == self.arm.pool)
        settings = next(shared, self.arm.settings)
        return replace(self, **{name: getattr(settings, name) for name in POOL_SETTINGS})


@dataclass(frozen=True, slots=True)
class CalibratedModel:
    """A LightGBM model of probabilities, mixed with a linear one, with the calibration of both."""

    booster: Booster
    calibration: Calibration
    linear: Linear | None = None
    trees: float = 1.0
    """The share of the LightGBM model in the mixture."""

    def __call__(self, rows: np.ndarray, blocks: Blocks | None = None) -> np.ndarray:
        """Return one probability a row; rows have the shape (n, features)."""
        said: np.ndarray = np.asarray(self.booster.predict(rows, num_threads=1))
        if self.linear is not None:
            said = self.trees * said + (1 - self.trees) * self.linear.predict(rows, blocks)
        return self.calibration(said)


@dataclass(frozen=True, slots=True)
class DifficultyModel:
    """A model of the difficulty for one policy; `errors` are (prediction from, low, high): how far pass@1
    lies around it."""

    model: CalibratedModel
    errors: tuple[tuple[float, float, float], ...]

    def __call__(self, states: np.ndarray) -> list[Difficulty]:
        """Return one difficulty for each row of `states`."""
        found = []
        for p in self.model(states):
            low, high = next(e[1:] for e in reversed(self.errors) if p >= e[0])
            low, high = np.clip([p + low, p + high], 0.0, 1.0)
            found.append(Difficulty(float(p), float(low), float(high)))
        return found


@dataclass(frozen=True)
class LookaheadRouter:
    """A router with all that was learned from a sweep log."""

    unit = "FLOPs"
    confidence_kind = "calibrated"
    greedy_look = None
    max_samples = None

    portfolio: Portfolio
    probe: Probe
    mend: CalibratedModel
    """P(the surest answer after the arm is right), where the surest answer at hand is wrong."""
    spoil: CalibratedModel
    """P(the surest answer after the arm is wrong), where the surest answer at hand is right."""
    confidence: CalibratedModel
    cost: Booster
    """The model of log10 FLOPs."""
    difficulty: Mapping[str, DifficultyModel]
    prices: Mapping[str, float]
    """The price of each effort, in probability per FLOP."""
    fallback: str
    """The name of the most accurate fixed arm, for problems unlike the training data."""
    familiarity: Familiarity | TextRanges
    """What the training problems were like."""
    mean_tokens: Mapping[str, float]
    """The mean tokens of a solution of each policy."""
    strengths: Mapping[str, float]
    """The accuracy of each arm on the training problems."""
    fingerprints: Mapping[str, str]
    """The fingerprints of each policy, PRM and the grader that it was trained for."""
    mean_costs: Mapping[str, float] = field(default_factory=dict)
    """The mean cost of each arm on the training problems; a router of earlier versions knows none."""
    by_text: ByText | None = None
    """What the words of a problem tell; a router of earlier versions knows none, and takes its probe."""
    first_steps: FirstSteps | None = None
    """What is expected of each first step; there is none without `by_text`."""
    recalibration: Calibration | None = None
    """From how sure it was of an answer to how often such answers were right where it is used; what it
    decides stays the same (`training/routers/recalibrating.py`)."""

    @cached_property
    def layout(self) -> Layout:
        """The features of this portfolio."""
        return layout_of(self.portfolio, self.strengths, self.by_text)

    def difficulties(self, evidence: Evidence) -> dict[str, Difficulty]:
        """The estimated pass@1 of each policy."""
        state = self.layout.state(evidence)[None]
        return {policy: model(state)[0] for policy, model in self.difficulty.items()}

    @property
    def first_look(self) -> Arm | None:
        """Return the arm of its probe; None if it decides by the text what to run first."""
        return None if self.first_steps else self.probe.first_look

    def fallback_at(self, price: float) -> str:
        """The name of the best fixed arm at a price, of equals the cheapest."""
        if not self.mean_costs:
            return self.fallback
        worth = {name: self.strengths[name] - price * cost for name, cost in self.mean_costs.items()}
        return min(worth, key=lambda name: (-worth[name], self.mean_costs[name]))

    def decide(self, evidences: Sequence[Evidence], price: float, caps: Sequence[Caps]) -> list[Decision]:
        """Decide what is next for each problem; all of them are one call of each model."""
        return [
            self._first(look.evidence, options, price, cap)
            if self.first_steps and look.evidence.is_empty
            else decision_of(options, look, price, cap).recalibrated(self.recalibration)
            for (look, options), cap in zip(self._weighed(evidences), caps, strict=True)
        ]

    def _first(self, evidence: Evidence, options: Sequence[Option], price: float, caps: Caps) -> Decision:
        """Begin with what is worth most, by the text alone."""
        assert self.first_steps is not None
        assert self.by_text is not None
        courses = [
            (replace(course, tokens=self.tokens(course.arm, evidence)), n)
            for course, n in self.first_steps.courses(
                self.portfolio, self.by_text.description.of(evidence.problem), price
            )
            if course.arm is not None
        ]
        return first_decision(courses, options, price, caps)

    def answers(self, evidence: Evidence, price: float | None = None) -> list[Answer]:
        """The answers at hand, the surest first."""
        (look,) = self._look([evidence])
        return [answer.recalibrated(self.recalibration) for answer in look.answers()]

    def options(self, evidence: Evidence) -> list[Option]:
        """Every arm that the evidence has not run already, with its P(correct) and its cost from here on; and
        stopping, if anything has run (without an answer at hand it is sure to be wrong)."""
        ((_, options),) = self._weighed([evidence])
        return list(options)

    def _weighed(self, evidences: Sequence[Evidence]) -> list[tuple[Look, list[Option]]]:
        """Return what each evidence shows, and its options: neither depends on the price, so they are kept
        with it."""
        new = [evidence for evidence in evidences if evidence.kept.get(id(self), (None,))[0] is not self]
        looks = self._look(new)
        for look, options in zip(looks, self._options(looks), strict=True):
            look.evidence.kept[id(self)] = self, look, options
        found = (evidence.kept[id(self)] for evidence in evidences)
        return [(look, options) for _, look, options in found]

    def _look(self, evidences: Sequence[Evidence]) -> list[Look]:
        found = [self.layout.answers(evidence) for evidence in evidences]
        rows = [rows for groups, rows in found if groups]
        said = self.confidence(np.concatenate(rows)) if rows else np.empty(0)
        ends = np.cumsum([len(groups) for groups, _ in found])
        return [
            Look(evidence, groups, rows, said[end - len(groups) : end])
            for evidence, (groups, rows), end in zip(evidences, found, ends, strict=True)
        ]

    def _options(self, looks: Sequence[Look]) -> list[list[Option]]:
        later = iter(self._options_later([look for look in looks if not self._begins(look.evidence)]))
        return [
            self._options_first(look.evidence) if self._begins(look.evidence) else next(later)
            for look in looks
        ]

    def _begins(self, evidence: Evidence) -> bool:
        """Whether there is nothing but a text that says something."""
        return self.by_text is not None and evidence.is_empty

    def _options_first(self, evidence: Evidence) -> list[Option]:
        """Return every arm run alone, by the text."""
        assert self.by_text is not None
        expected = self.by_text.of_arms(evidence.problem)
        place = {name: k for k, name in enumerate(self.by_text.arms)}
        return [
            Option(arm, float(expected.p_correct[k]), float(expected.cost[k]), self.tokens(arm, evidence))
            for arm in self.portfolio.arms
            for k in [place[arm.name]]
        ]

    def _options_later(self, looks: Sequence[Look]) -> list[list[Option]]:
        arms = [[arm for arm in self.portfolio.arms if is_open(arm, look.evidence)] for look in looks]
        rows = [
            self.layout.options(look.evidence, some, look.rows, look.sureness)
            for look, some in zip(looks, arms, strict=True)
            if some
        ]
        if not rows:
            return [look.stop() for look in looks]
        together, blocks = np.concatenate(rows), Blocks([len(r) for r in rows], self.layout.n_shared)
        p, flops = self.p_correct(together, blocks).tolist(), self.flops(together).tolist()
        row = zip(p, flops, strict=True)
        return [
            look.stop() + [Option(arm, *next(row), self.tokens(arm, look.evidence)) for arm in some]
            for look, some in zip(looks, arms, strict=True)
        ]

    def p_correct(self, rows: np.ndarray, blocks: Blocks | None = None) -> np.ndarray:
        """Return P(correct) of the surest answer when each row's arm has run: it stays right, or is put
        right."""
        surest = rows[:, self.layout.option_names.index(SUREST)]
        p: np.ndarray = surest * (1 - self.spoil(rows, blocks)) + (1 - surest) * self.mend(rows, blocks)
        return p

    def flops(self, rows: np.ndarray) -> np.ndarray:
        """The expected cost of each row's arm after its state."""
        return np.asarray(10.0 ** np.asarray(self.cost.predict(rows, num_threads=1)))

    def tokens(self, arm: Arm, evidence: Evidence) -> float:
        """What the arm's policy will generate, expected from the length of its samples so far."""
        here = evidence.of(arm.pool) if arm.is_sampling else ()
        mean = mean_tokens(here) if here else self.mean_tokens[arm.policy]
        return mean * max(1, arm.budget - len(here))

    def unfamiliar(self, problem: str, evidence: Evidence | None = None) -> str | None:
        """Why the problem is unlike those of the training, or None if it is not: by its text, which costs
        nothing, and by its probes once they are there."""
        if (reason := self.familiarity.of_text(problem)) is not None or evidence is None:
            return reason
        probe = self.probe
        numbers = probe_numbers(self.layout, evidence, probe.arm.pool, probe.prm, probe.n)
        return None if numbers is None else self.familiarity.of_probes(numbers)


def layout_of(portfolio: Portfolio, strengths: Mapping[str, float], by_text: ByText | None = None) -> Layout:
    """Return the layout of the features, everything in the order of the portfolio."""
    pools = {arm.pool: arm.temperature == 0 for arm in portfolio.arms if arm.is_sampling}
    methods = tuple(dict.fromkeys(arm.method for arm in portfolio.arms))
    searches = {arm.name: arm.policy for arm in portfolio.arms if not arm.is_sampling}
    return Layout(pools, portfolio.policies, portfolio.prms, methods, searches, strengths, by_text)
