"""Difficulty before much is spent: pass@1 of a policy from the problem's text and its first two samples."""

from __future__ import annotations

from itertools import islice

import numpy as np

from tts_select.selector.features import text_features
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.orders import Replay
from tts_select.training.replay.strategies import votes_of

N_LOOKED_AT = 2
PENALTIES = tuple(np.geomspace(0.1, 1e4, 11))


def estimated(replay: Replay, log: SweepLog, policy: str, fold: np.ndarray) -> np.ndarray:
    """Of each problem, by a ridge regression on the problems of the other folds; in the first order."""
    from sklearn.linear_model import RidgeCV
    from sklearn.preprocessing import StandardScaler

    first = np.searchsorted(replay.problem, np.arange(len(replay.ids)))
    known, features = replay.pass_at_1(policy), _features(replay, log, policy)[first]
    found = np.zeros(len(known))
    for k in np.unique(fold):
        scaled = StandardScaler().fit(features[fold != k])
        model = RidgeCV(PENALTIES).fit(scaled.transform(features[fold != k]), known[fold != k])
        found[fold == k] = model.predict(scaled.transform(features[fold == k]))
    return np.clip(found, 0.0, 1.0)


def looked_at_cost(replay: Replay, policy: str) -> np.ndarray:
    """What the samples that it looks at cost, of each problem, the mean over its orders."""
    cost = replay.draws[policy].cost[:, :N_LOOKED_AT].sum(axis=1)
    mean: np.ndarray = cost.reshape(len(replay.ids), -1).mean(axis=1)
    return mean


def _features(replay: Replay, log: SweepLog, policy: str) -> np.ndarray:
    """Shape (rows, features)."""
    text = np.array([text_features(log.problems[i].problem) for i in replay.ids], float)
    *_, (tally, cost) = islice(votes_of(replay, policy), N_LOOKED_AT)
    share = tally.votes.max(axis=1) / np.maximum(tally.weight.sum(axis=1), 1)
    columns = (np.nan_to_num(text)[replay.problem], share[:, None], np.log1p(cost)[:, None])
    return np.concatenate(columns, axis=1)
