"""Fits a prior to the logs of many models.

Whoever uses it has a model and problems that are in none of the logs. So its confidence is calibrated, and
its efforts are priced, by priors that have not seen the log that they are asked about; with a single log, by
priors that have not seen the problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError
from tts_select.selector.agreement import FEATURES, tokens_a_length
from tts_select.selector.calibration import Calibration
from tts_select.selector.routers.learned_prior import Gain, Prior
from tts_select.selector.routers.prior import DEFAULT_BUDGET, LOOKS, PriorRouter, looks_within
from tts_select.selector.routers.prior_artifact import ANY_POLICY
from tts_select.selector.routers.prior_prm import ScoredPrior
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Replay, replay_of, with_policies
from tts_select.training.replay.rounds import Rounds, looked_at
from tts_select.training.replay.strategies import Votes
from tts_select.training.routers.lookahead.boosting import SAME_BYTES, calibrate
from tts_select.training.routers.prior.rows import PoolLooks, Rows, change_rows, correct_rows, gain_rows

if TYPE_CHECKING:
    from lightgbm import Booster

FEWEST_PROBLEMS = 20
FEWEST_SAMPLES = 4
"""Of a policy: fewer say nothing about what more would do."""
ROWS_WANTED, FEWEST_ORDERS, MOST_ORDERS = 8000, 4, 64
MOST_ROWS = 300_000
N_FOLDS = 4
"""Where there is a single log."""
LOSSES = {"low": 0.015, "medium": 0.007, "high": 0.003}
"""What each effort may lose in accuracy against majority voting at the whole budget, in the mean over
policies that the prior has not seen."""
PRICES = np.geomspace(1e-4, 2.0, 60)
"""In probability for the whole budget."""

_COMMON: dict[str, Any] = {
    "num_leaves": 8,
    "lambda_l2": 5.0,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "feature_fraction": 0.7,
    **SAME_BYTES,
}

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FittedPrior:
    """A prior and what was learned, for people and for the manifest."""

    router: PriorRouter
    facts: Mapping[str, Any]


def fit_prior(logs: Mapping[str, SweepLog], *, seed: int = 0, note: Note = lambda _: None) -> FittedPrior:
    """Fit a prior to every policy of the logs, by their names, that has samples enough.

    Raises:
        InputError: there are too few problems or samples.
    """
    pools: list[PoolLooks] = []
    learned: list[dict[str, Any]] = []
    for place, (name, log) in enumerate(logs.items()):
        note(f"samples of {name}")
        for replay in replays_of(log, seed=seed):
            pools.append(_looks(replay, place))
            learned.append({"log": name, **_described(replay)})
    if not pools:
        raise InputError(
            f"no policy of the logs has {FEWEST_SAMPLES} samples of {FEWEST_PROBLEMS} problems: import more"
        )
    note("the prior")
    prior = _fit(pools, seed)
    note("what it says of what it has not seen")
    prior = _priced(prior, list(_held_out(pools, seed)))
    facts = {"n_problems": sum(x["problems"] for x in learned), "policies": learned, "seed": seed}
    return FittedPrior(PriorRouter(prior, Arm(ANY_POLICY, None, "majority", DEFAULT_BUDGET)), facts)


def replays_of(log: SweepLog, *, seed: int) -> list[Replay]:
    """Return orders of the samples of each policy that is sampled and has enough, alone: a problem that only
    some policies have counts for these."""
    found = []
    for policy in dict.fromkeys(arm.policy for arm in log.manifest.arms):
        own = with_policies(log, [policy])
        n_problems = len({problem for problem, _ in own.pools})
        n_orders = int(np.clip(ROWS_WANTED // max(n_problems, 1), FEWEST_ORDERS, MOST_ORDERS))
        replay = replay_of(own, n_orders=n_orders, seed=seed)
        for pool, draws in replay.draws.items():
            enough = draws.is_there.sum(axis=1) >= FEWEST_SAMPLES
            if len(np.unique(replay.problem[enough])) >= FEWEST_PROBLEMS:
                found.append(replay.only([pool]))
    return found


def _looks(replay: Replay, log: int) -> PoolLooks:
    (draws,) = replay.draws.values()
    looks = looked_at(draws, LOOKS, tokens_a_length=tokens_a_length(replay.unit))
    votes = Votes.of(draws)
    majority = votes.leader[:, min(DEFAULT_BUDGET, votes.leader.shape[1]) - 1]
    return PoolLooks(log, replay.problem, looks, majority == RIGHT)


def _described(replay: Replay) -> dict[str, Any]:
    ((pool, draws),) = replay.draws.items()
    return {
        "policy": replay.arms[pool].policy,
        "problems": len(replay.ids),
        "samples": int(draws.is_there.sum() / (len(replay) / len(replay.ids))),
        "most_samples": int(draws.is_there.sum(axis=1).max()),
    }


def _fit(pools: Sequence[PoolLooks], seed: int) -> Prior:
    """Without calibration and efforts."""
    first, margin = FEATURES.index("first_share"), FEATURES.index("margin")
    second, n = FEATURES.index("second_share"), len(FEATURES)
    change, gain, correct = (
        rows(pools).some(MOST_ROWS, seed) for rows in (change_rows, gain_rows, correct_rows)
    )
    says_correct = _boost(
        correct, 120, {first: 1, margin: 1, second: -1}, objective="binary", learning_rate=0.06
    )
    return Prior(
        change=_boost(change, 150, {first: -1, margin: -1, n: 1}, objective="binary", learning_rate=0.08),
        correct=says_correct,
        gain=gain_of(gain, np.asarray(says_correct.predict(gain.features, num_threads=1))),
        calibration=Calibration((0.0, 1.0), (0.0, 1.0)),
        efforts={},
    )


def gain_of(rows: Rows, said: np.ndarray) -> Gain:
    """Fit what a change of the leader gains, where the old one is right with these probabilities."""
    from sklearn.linear_model import Ridge

    model = Ridge(1.0).fit(Gain.terms(said, rows.features[:, 0]), rows.labels, sample_weight=rows.weights)
    return Gain(tuple(float(c) for c in model.coef_), float(model.intercept_))


def _boost(rows: Rows, n_trees: int, monotone: Mapping[int, int] | None = None, **parameters: Any) -> Booster:
    """Fit a model that rises (1) or falls (-1) with some columns."""
    import lightgbm

    monotone = monotone or {}
    parameters = {
        **_COMMON,
        **parameters,
        "min_data_in_leaf": max(20, len(rows.labels) // 300),
        "monotone_constraints": [monotone.get(k, 0) for k in range(rows.features.shape[1])],
    }
    data = lightgbm.Dataset(rows.features, rows.labels, weight=rows.weights, params={"verbosity": -1})
    return lightgbm.train(parameters, data, num_boost_round=n_trees)


def _held_out(pools: Sequence[PoolLooks], seed: int) -> list[tuple[Prior, PoolLooks]]:
    """Each policy with a prior that has seen neither its log nor, where there is one log, its problems."""
    found = []
    logs = sorted({pool.log for pool in pools})
    if len(logs) > 1:
        for log in logs:
            prior = _fit([pool for pool in pools if pool.log != log], seed)
            found += [(prior, pool) for pool in pools if pool.log == log]
        return found
    for k in range(N_FOLDS):
        inside = [pool.of(pool.problem % N_FOLDS != k) for pool in pools]
        prior = _fit(inside, seed)
        found += [(prior, pool.of(pool.problem % N_FOLDS == k)) for pool in pools]
    return found


def _priced(prior: Prior, held_out: Sequence[tuple[Prior, PoolLooks]]) -> Prior:
    """The prior with its calibration and the prices of its efforts."""
    said, right, weights = [], [], []
    for other, pool in held_out:
        for look in pool.looks:
            said.append(other.says(look.features))
            right.append((look.first == RIGHT) * 1.0)
            weights.append(np.full(len(look.first), 1 / len(look.first)))
    n_problems = sum(len(np.unique(pool.problem)) for _, pool in held_out)
    curve = calibrate(np.concatenate(said), np.concatenate(right), n_problems, np.concatenate(weights))
    return replace(prior, calibration=curve, efforts=efforts_of(_longest(held_out)))


def efforts_of(held_out: Sequence[tuple[Prior | ScoredPrior, PoolLooks]]) -> dict[str, float]:
    """Return the dearest price of each effort that loses no more than it may, in the mean over policies, each
    with a prior that has not seen it."""
    losses = np.mean([_losses(prior, pool) for prior, pool in held_out], axis=0)
    return {effort: float(max(PRICES[losses <= most], default=PRICES[0])) for effort, most in LOSSES.items()}


def _longest(held_out: Sequence[tuple[Prior, PoolLooks]]) -> Sequence[tuple[Prior, PoolLooks]]:
    """Those with samples for the usual budget, if there are any: of fewer there is less to save."""
    whole = [pair for pair in held_out if pair[1].looks[-1].n >= DEFAULT_BUDGET]
    return whole or list(held_out)


def _losses(prior: Prior | ScoredPrior, pool: PoolLooks) -> np.ndarray:
    """At each of `PRICES`, the accuracy below a vote of the usual budget, or of as many samples as there
    are."""
    looks = [look for look in pool.looks if look.n <= DEFAULT_BUDGET]
    budget = looks[-1].n
    rounds = Rounds.of(prior, looks, looks_within(budget))
    vote = pool.vote.mean()
    return np.array([vote - (rounds.at(p / budget).first == RIGHT).mean() for p in PRICES])
