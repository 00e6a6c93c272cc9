"""Evidence and arms as numbers, in a fixed order of names; what is not known is NaN, as LightGBM has it.

Text features are cheap and know no language model; sample features describe agreement, likelihood and
length; PRM features describe how a PRM sees the samples. The groups are those of the ablation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.evidence import NO_ANSWER, Evidence, Observed, tallied, vote

TEXT_FEATURES = (
    "chars",
    "words",
    "sentences",
    "numbers",
    "digits",
    "largest_number_log10",
    "mean_number_log10",
    "latex_commands",
    "distinct_word_share",
)
_SAMPLE_FEATURES = (
    "n",
    "answered_share",
    "distinct_answers",
    "top_share",
    "margin",
    "entropy",
    "token_logprob",
    "min_logprob",
    "max_logprob",
    "mean_tokens",
    "mean_steps",
)
_PRM_FEATURES = ("best", "mean", "spread", "vote_share", "lowest_step", "drop")
_ARM_FEATURES = ("arm_policy", "arm_prm", "arm_method", "arm_log2_n", "arm_more_samples")
_OUTCOME_FEATURES = ("won_share", "won_support", "won_best_score", "won_agreement", "won_policies")

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which policies, PRMs and methods have a place in the vectors, in this order."""

    policies: tuple[str, ...]
    prms: tuple[str, ...]
    methods: tuple[str, ...]

    @property
    def state_names(self) -> tuple[str, ...]:
        """Of `state`."""
        names = [f"text/{name}" for name in TEXT_FEATURES]
        for policy in self.policies:
            names += [f"samples/{policy}/{name}" for name in _SAMPLE_FEATURES]
            names += [f"prm/{policy}/{prm}/{name}" for prm in self.prms for name in _PRM_FEATURES]
        return tuple(names)

    @property
    def arm_names(self) -> tuple[str, ...]:
        """Of `state` and `arm` joined."""
        return self.state_names + tuple(f"arm/{name}" for name in _ARM_FEATURES)

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """Of `state`, `arm` and `outcome` joined."""
        return self.arm_names + tuple(f"outcome/{name}" for name in _OUTCOME_FEATURES)

    def state(self, evidence: Evidence) -> np.ndarray:
        """Of the evidence, shape (len(state_names),)."""
        values = text_features(evidence.problem)
        for policy in self.policies:
            samples = evidence.of(policy)
            values += _of_samples(samples)
            for prm in self.prms:
                values += _of_prm(samples, prm)
        return np.array(values, dtype=float)

    def arm(self, arm: Arm, evidence: Evidence) -> np.ndarray:
        """Of an arm after this evidence, shape (5,)."""
        here = len(evidence.of(arm.policy)) if arm.is_sampling else 0
        return np.array(
            [
                self.policies.index(arm.policy),
                self.prms.index(arm.prm) if arm.prm else -1,
                self.methods.index(arm.method),
                math.log2(arm.budget),
                max(0, arm.budget - here),
            ],
            dtype=float,
        )

    def outcome(self, evidence: Evidence, group: int, share: float) -> np.ndarray:
        """Of the answer that was won with this share of the vote, shape (5,)."""
        support = [s for samples in evidence.samples.values() for s in samples if s.group == group]
        n = sum(len(samples) for samples in evidence.samples.values())
        scores = [found[-1] for s in support for found in s.scores.values() if found]
        leaders = [_leader(samples) for samples in evidence.samples.values() if samples]
        return np.array(
            [
                share,
                len(support) / n if n else math.nan,
                max(scores, default=math.nan),
                np.mean([leader == group for leader in leaders]) if leaders else math.nan,
                len({p for p, samples in evidence.samples.items() if any(s.group == group for s in samples)}),
            ],
            dtype=float,
        )


def columns(names: Sequence[str], kinds: Sequence[str]) -> list[int]:
    """The places of the features of these kinds (`text`, `samples`, `prm`, ...)."""
    return [place for place, name in enumerate(names) if name.split("/", 1)[0] in kinds]


def text_features(text: str) -> list[float]:
    """In the order of `TEXT_FEATURES`."""
    words = text.split()
    numbers = [float(found) for found in _NUMBER.findall(text)]
    logs = [math.log10(1 + number) for number in numbers]
    return [
        len(text),
        len(words),
        sum(text.count(mark) for mark in ".?!"),
        len(numbers),
        sum(c.isdigit() for c in text),
        max(logs, default=0.0),
        sum(logs) / len(logs) if logs else 0.0,
        text.count("\\"),
        len({w.lower() for w in words}) / len(words) if words else 0.0,
    ]


def _of_samples(samples: Sequence[Observed]) -> list[float]:
    if not samples:
        return [0.0, *[math.nan] * (len(_SAMPLE_FEATURES) - 1)]
    n = len(samples)
    answering = [s for s in samples if s.group != NO_ANSWER]
    shares = sorted((c / n for c in tallied(answering, [1.0] * len(answering)).values()), reverse=True)
    logprobs = [s.logprob / max(1, s.n_tokens) for s in samples]
    whole = [s.logprob for s in samples]
    return [
        n,
        len(answering) / n,
        len(shares),
        shares[0] if shares else 0.0,
        shares[0] - (shares[1] if len(shares) > 1 else 0.0) if shares else 0.0,
        -sum(p * math.log(p) for p in shares),
        sum(logprobs) / n,
        min(whole),
        max(whole),
        sum(s.n_tokens for s in samples) / n,
        sum(s.n_steps for s in samples) / n,
    ]


def _of_prm(samples: Sequence[Observed], prm: str) -> list[float]:
    scored = [s for s in samples if s.scores.get(prm)]
    if not scored:
        return [math.nan] * len(_PRM_FEATURES)
    last = [s.scores[prm][-1] for s in scored]
    best = max(scored, key=lambda s: s.scores[prm][-1]).scores[prm]
    mean = sum(last) / len(last)
    drops = [before - after for before, after in pairwise(best)]
    return [
        best[-1],
        mean,
        math.sqrt(sum((x - mean) ** 2 for x in last) / len(last)),
        vote(scored, prm).share,
        min(best),
        max(drops, default=0.0),
    ]


def _leader(samples: Sequence[Observed]) -> int:
    return vote(samples, next((prm for s in samples for prm in s.scores), None)).group
