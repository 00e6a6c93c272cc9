"""Difficulty before much is spent: pass@1 of a policy, as a router estimates it after its first look; where a
router estimates none, from the problem's text and the policy's first two samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.deciding import Caps
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.selector.text_features import text_features
from tts_select.training.evaluation.frontier import Part
from tts_select.training.replay.cases import Case
from tts_select.training.replay.draws import Draws
from tts_select.training.replay.many import in_chunks
from tts_select.training.replay.walks import Walk, probed

N_LOOKED_AT = 2
PENALTIES = tuple(np.geomspace(0.1, 1e4, 11))


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is thought of each problem's pass@1, and what that has cost; shape (problems,) each."""

    pass_at_1: np.ndarray
    cost: np.ndarray


def first_looks(part: Part, cases: Sequence[Case], seed: int) -> Iterator[tuple[list[int], list[Walk]]]:
    """Yield places of a part's problems, some at a time, and the walks right after the first look of its
    router; one that chooses its first step by the text takes the step that it takes at medium effort."""
    rng = np.random.default_rng(seed)
    for places in in_chunks(part.places):
        own = [cases[k] for k in places]
        looks = [probed(part.router.first_look, case, case.order(rng)) for case in own]
        if isinstance(part.router, LookaheadRouter) and part.router.first_steps:
            caps = [Caps()] * len(own)
            decided = part.router.decide([w.evidence for w in looks], part.router.prices["medium"], caps)
            for w, decision in zip(looks, decided, strict=True):
                w.take(decision)
        yield places, looks


def estimates(parts: Sequence[Part], cases: Sequence[Case], seed: int) -> dict[str, Estimate]:
    """What the routers estimate after their first look, by policy; empty if they estimate nothing."""
    cost, said = np.zeros(len(cases)), dict[str, np.ndarray]()
    for part in parts:
        for places, looks in first_looks(part, cases, seed):
            cost[places] = [look.flops for look in looks]
            for place, look in zip(places, looks, strict=True):
                for policy, found in part.router.difficulties(look.evidence).items():
                    of_policy = said.setdefault(policy, np.full(len(cases), math.nan))
                    of_policy[place] = found.pass_at_1
            if not said:
                return {}  # who says nothing of some problems says nothing of all
    return {policy: Estimate(p, cost) for policy, p in said.items() if not np.isnan(p).any()}


def regressed(text: Sequence[str], first: Draws, known: np.ndarray, fold: np.ndarray) -> Estimate:
    """By a ridge regression on the problems of the other folds; `first` has one row a problem."""
    from sklearn.linear_model import RidgeCV
    from sklearn.preprocessing import StandardScaler

    features, cost = _features(text, first)
    found = np.zeros(len(known))
    for k in np.unique(fold):
        scaled = StandardScaler().fit(features[fold != k])
        model = RidgeCV(PENALTIES).fit(scaled.transform(features[fold != k]), known[fold != k])
        found[fold == k] = model.predict(scaled.transform(features[fold == k]))
    return Estimate(np.clip(found, 0.0, 1.0), cost)


def _features(text: Sequence[str], first: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Those of the texts, the share of the first answer, the cost of what is looked at; and that cost."""
    texts = np.nan_to_num(np.array([text_features(problem) for problem in text], float))
    group, there = first.group[:, :N_LOOKED_AT], first.is_there[:, :N_LOOKED_AT]
    votes = ((group[:, :, None] == group[:, None, :]) & (group >= 0)[:, :, None]).sum(axis=2)
    share = votes.max(axis=1, initial=0) / np.maximum(there.sum(axis=1), 1)
    cost = first.cost[:, :N_LOOKED_AT].sum(axis=1)
    return np.column_stack([texts, share, np.log1p(cost)]), cost
