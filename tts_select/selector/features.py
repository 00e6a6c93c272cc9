"""Evidence and arms as numbers, in a fixed order of names; what is not known is NaN, as LightGBM has it.

Text features are cheap and know no language model: counts, and what the words of the problem tell of each
policy and arm (`by_text.py`). Sample features describe agreement, likelihood and length; PRM features
describe how a PRM sees the samples. The groups are those of the ablation. An option is described by all of
them, by the surest answer at hand, and by its arm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector import by_text
from tts_select.selector.answers import answers_at_hand, names_of
from tts_select.selector.by_text import ByText
from tts_select.selector.evidence import (
    NO_ANSWER,
    Evidence,
    SolutionEvidence,
    counted_once,
    counts,
    mean_tokens,
    vote,
)
from tts_select.selector.text_features import TEXT_FEATURES, text_features

_SAMPLE_FEATURES = (
    "n",
    "answered_share",
    "token_logprob",
    "mean_tokens",
    "mean_steps",
    "distinct_answers",
    "top_share",
    "margin",
    "entropy",
    "min_logprob",
    "max_logprob",
)
_GREEDY_FEATURES = _SAMPLE_FEATURES[:5]
"""The features of a greedy pool; the others say nothing more of one sample."""
_PRM_FEATURES = ("best", "lowest_step", "drop", "mean", "spread", "vote_share")
_GREEDY_PRM_FEATURES = _PRM_FEATURES[:3]
_FOUND_FEATURES = ("n", "best", "lowest_step")
_HELD_FEATURES = ("surest", "second")
SUREST = "held/surest"
"""How sure the surest answer at hand is; 0 without one."""
_ARM_FEATURES = ("policy", "prm", "method", "log2_n", "more_samples", "greedy", "strength")
_BY_TEXT = "by_text"
"""How likely the arm alone is right, by the text."""


@dataclass(frozen=True)
class Layout:
    """Which pools, policies, PRMs and methods have a place in the vectors, in this order."""

    pools: Mapping[str, bool]
    """Whether a pool is greedy, by name."""
    policies: tuple[str, ...]
    prms: tuple[str, ...]
    methods: tuple[str, ...]
    searches: Mapping[str, str]
    """The policy of each arm that is a search, by arm."""
    strengths: Mapping[str, float]
    """The accuracy on the training problems, by arm."""
    by_text: ByText | None = None
    """What the words of a problem tell; routers knew none before."""

    @cached_property
    def text_names(self) -> tuple[str, ...]:
        """The names of what is known of a problem's text, with which every row begins."""
        return tuple(f"text/{name}" for name in (*TEXT_FEATURES, *by_text.names_of(self.by_text)))

    @cached_property
    def state_names(self) -> tuple[str, ...]:
        """The names of the features in `state`."""
        names = list(self.text_names)
        for pool, greedy in self.pools.items():
            names += [f"samples/{pool}/{n}" for n in (_GREEDY_FEATURES if greedy else _SAMPLE_FEATURES)]
            kept = _GREEDY_PRM_FEATURES if greedy else _PRM_FEATURES
            names += [f"prm/{pool}/{prm}/{name}" for prm in self.prms for name in kept]
        return (*names, *(f"found/{policy}/{name}" for policy in self.policies for name in _FOUND_FEATURES))

    @cached_property
    def answer_names(self) -> tuple[str, ...]:
        """The names of the columns of `answers`."""
        return (*self.text_names, *names_of(tuple(self.pools), self.prms))

    @cached_property
    def option_names(self) -> tuple[str, ...]:
        """The names of the columns of `options`."""
        held = (*(f"held/{name}" for name in _HELD_FEATURES), *names_of(tuple(self.pools), self.prms))
        return (*self.state_names, *held, *(f"arm/{name}" for name in self._arm_features))

    @cached_property
    def _arm_features(self) -> tuple[str, ...]:
        return (*_ARM_FEATURES, *([_BY_TEXT] if self.by_text else []))

    @property
    def n_shared(self) -> int:
        """How many columns of `options`, from the first on, are the same for all arms."""
        return len(self.option_names) - len(self._arm_features)

    def state(self, evidence: Evidence) -> np.ndarray:
        """Return the features of the evidence, shape (len(state_names),)."""
        values = list(self._text(evidence.problem))
        for pool, greedy in self.pools.items():
            samples = evidence.of(pool)
            values += _of_samples(samples)[: len(_GREEDY_FEATURES) if greedy else None]
            for prm in self.prms:
                values += _of_prm(samples, prm)[: len(_GREEDY_PRM_FEATURES) if greedy else None]
        for policy in self.policies:
            values += _of_searches([o for n, o in evidence.found.items() if self.searches[n] == policy])
        return np.array(values, dtype=float)

    def answers(self, evidence: Evidence) -> tuple[list[int], np.ndarray]:
        """The groups of the answers at hand, and a row for each, shape (answers, len(answer_names))."""
        at_hand = answers_at_hand(evidence, tuple(self.pools), self.prms)
        text = self._text(evidence.problem)
        rows = np.array([[*text, *values] for _, values in at_hand], dtype=float)
        return [group for group, _ in at_hand], rows.reshape(len(at_hand), len(self.answer_names))

    def options(
        self, evidence: Evidence, arms: Sequence[Arm], answers: np.ndarray, sureness: np.ndarray
    ) -> np.ndarray:
        """A row for each arm, shape (arms, len(option_names)); `answers` and how sure they are describe what
        is at hand already."""
        shared = [*self.state(evidence), *self._held(answers, sureness)]
        rows = np.empty((len(arms), len(self.option_names)))
        rows[:, : len(shared)] = shared
        own = rows[:, len(shared) : len(shared) + len(_ARM_FEATURES)]
        own[:] = np.reshape([self._arm(arm) for arm in arms], own.shape)
        own[:, _ARM_FEATURES.index("more_samples")] = [_more_samples(arm, evidence) for arm in arms]
        if self.by_text:
            places = [self._places[arm.name] for arm in arms]
            rows[:, -1] = self.by_text.of_arms(evidence.problem).p_correct[places]
        return rows

    def _text(self, problem: str) -> tuple[float, ...]:
        return (*text_features(problem), *by_text.told(self.by_text, problem))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.by_text.arms if self.by_text else ())}

    def _held(self, answers: np.ndarray, sureness: np.ndarray) -> list[float]:
        order = np.argsort(-sureness, kind="stable")
        ranked = [float(sureness[k]) for k in order[:2]]
        surest = answers[order[0], len(self.text_names) :] if len(order) else None
        n = len(self.answer_names) - len(self.text_names)
        return [*ranked, *[0.0] * (2 - len(ranked)), *([math.nan] * n if surest is None else surest)]

    def _arm(self, arm: Arm) -> tuple[float, ...]:
        """What an arm is, without samples."""
        if arm.name not in self._seen_arms:
            self._seen_arms[arm.name] = (
                self.policies.index(arm.policy),
                self.prms.index(arm.prm) if arm.prm else -1,
                self.methods.index(arm.method),
                math.log2(arm.budget),
                arm.budget,
                arm.temperature == 0,
                self.strengths[arm.name],
            )
        return self._seen_arms[arm.name]

    @cached_property
    def _seen_arms(self) -> dict[str, tuple[float, ...]]:
        return {}


def _more_samples(arm: Arm, evidence: Evidence) -> int:
    return max(0, arm.budget - len(evidence.of(arm.pool))) if arm.is_sampling else arm.budget


def columns(names: Sequence[str], kinds: Sequence[str]) -> list[int]:
    """The places of the features of these kinds (`text`, `samples`, `prm`, ...)."""
    return [place for place, name in enumerate(names) if name.split("/", 1)[0] in kinds]


@counted_once
def _of_samples(samples: Sequence[SolutionEvidence]) -> list[float]:
    if not samples:
        return [0.0, *[math.nan] * (len(_SAMPLE_FEATURES) - 1)]
    n = len(samples)
    shares = sorted((c / n for c in counts(samples).values()), reverse=True)
    whole = [s.logprob for s in samples]
    return [
        n,
        sum(s.group != NO_ANSWER for s in samples) / n,
        sum(s.logprob / max(1, s.n_tokens) for s in samples) / n,
        mean_tokens(samples),
        sum(s.n_steps for s in samples) / n,
        len(shares),
        shares[0] if shares else 0.0,
        shares[0] - (shares[1] if len(shares) > 1 else 0.0) if shares else 0.0,
        -sum(p * math.log(p) for p in shares),
        min(whole),
        max(whole),
    ]


@counted_once
def _of_prm(samples: Sequence[SolutionEvidence], prm: str) -> list[float]:
    scored = [s for s in samples if s.scores.get(prm)]
    if not scored:
        return [math.nan] * len(_PRM_FEATURES)
    last = [s.scores[prm][-1] for s in scored]
    best = max(scored, key=lambda s: s.scores[prm][-1]).scores[prm]
    mean = sum(last) / len(last)
    drops = [before - after for before, after in pairwise(best)]
    return [
        best[-1],
        min(best),
        max(drops, default=0.0),
        mean,
        math.sqrt(sum((x - mean) ** 2 for x in last) / len(last)),
        vote(scored, prm).share,
    ]


def _of_searches(found: Sequence[SolutionEvidence]) -> list[float]:
    """How many searches have run, and the scores of the best solution that they found."""
    scores = [steps for o in found for steps in o.scores.values() if steps]
    best = max(scores, key=lambda steps: steps[-1], default=(math.nan,))
    return [len(found), best[-1], min(best)]
