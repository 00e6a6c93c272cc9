"""Plain stop rules at several thresholds and caps: what one number, tuned afterwards, would have got.

A rule at one threshold is a point, and a router that beats the point may be no better than the rule at
another threshold. So each rule is a frontier of its own: every policy, threshold and most samples. Which of
them are its corners is known from the measured problems alone, which flatters the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from tts_select.training.evaluation.baselines import CASCADE, score_of
from tts_select.training.replay.fixed import Score
from tts_select.training.replay.orders import Replay, ReplayInParts
from tts_select.training.replay.strategies import (
    Answered,
    Opening,
    Votes,
    agreed,
    ahead,
    doubled,
    leading,
    settled,
    stopped,
)

IsMet = Callable[[Votes, float], np.ndarray]
THRESHOLDS: Mapping[str, tuple[IsMet, tuple[float, ...]]] = {
    "margin": (ahead, (0.25, 0.5, 0.75, 1.0)),
    "lead": (lambda votes, lead: leading(votes, int(lead)), (2, 3, 4, 6)),
    "adaptive consistency": (settled, (0.7, 0.8, 0.9, 0.95, 0.99)),
    "doubling": (doubled, (0.5, 0.75, 1.0)),
    "early-stopping self-consistency": (lambda votes, size: agreed(votes, int(size)), (2, 3, 4, 6, 8)),
}
"""What each rule compares with its threshold: a share of the samples, a number of votes, a probability, a
share, a number of samples."""
MOST_SAMPLES = (1, 2, 4, 8, 16, 32)
"""Caps, beside all samples that there are. With one sample every rule is the policy alone: what costs less
than the fewest samples that a rule looks at can be had without it."""
FIRST_MARGINS, FIRST_SAMPLES = (0.5, 1.0), (2, 4, 8)
"""Of the first policy of a cascade; the second one has the margin rule at one half, with each cap."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A rule on a policy (`A -> B` for a cascade), and what it gets."""

    policy: str
    threshold: float
    most_samples: int
    """Of a cascade, those of its first policy."""
    score: Score


def settings_of(replay: Replay | ReplayInParts) -> dict[str, list[Setting]]:
    """Every setting of each rule on the pools of more than one sample, and of cascades of two of them."""
    parts = [_settings_of(part) for part in replay.parts()]
    return {rule: _joined([part.pop(rule) for part in parts]) for rule in list(parts[0])}


def _joined(parts: Sequence[Sequence[Setting]]) -> list[Setting]:
    """The settings of a rule on all problems, from those on some after the other."""
    alike = zip(*parts, strict=True)
    return [replace(some[0], score=Score.joined([setting.score for setting in some])) for some in alike]


def _settings_of(replay: Replay) -> dict[str, list[Setting]]:
    votes = {pool: Votes.of(draws) for pool, draws in replay.draws.items() if draws.group.shape[1] > 1}
    found: dict[str, list[Setting]] = {}
    for pool, counted in votes.items():
        policy = replay.arms[pool].policy
        for rule, (is_met, thresholds) in THRESHOLDS.items():
            for threshold in thresholds:
                met = is_met(counted, threshold)
                for most in _caps(met.shape[1]):
                    score = score_of(replay, stopped(counted, met, most).outcome)
                    found.setdefault(rule, []).append(Setting(policy, threshold, most, score))
    if cascades := list(_cascades(replay, votes)):
        found[CASCADE] = cascades
    return found


def _caps(n: int) -> list[int]:
    return [most for most in MOST_SAMPLES if most < n] + [n]


def _cascades(replay: Replay, votes: Mapping[str, Votes]) -> Iterator[Setting]:
    """The pools of a replay are from cheap to dear."""
    seconds = {pool: list(_by_margin(counted)) for pool, counted in votes.items()}
    for cheap, dear in combinations(votes, 2):
        policies = [replay.arms[pool].policy for pool in (cheap, dear)]
        if policies[0] == policies[1]:
            continue
        for margin in FIRST_MARGINS:
            for most in FIRST_SAMPLES:
                opening = Opening.of(votes[cheap], margin=margin, most=most)
                for second in seconds[dear]:
                    score = score_of(replay, opening.then(second).outcome)
                    yield Setting(" -> ".join(policies), margin, most, score)


def _by_margin(votes: Votes) -> Iterator[Answered]:
    met = ahead(votes)
    for most in _caps(met.shape[1]):
        yield stopped(votes, met, most)
