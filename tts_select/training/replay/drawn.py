"""Cases in given orders as arrays: what each sample of a pool votes for, and costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tts_select.core.arm import Arm
from tts_select.core.cost import inference_flops
from tts_select.training.log.manifest import pools_of
from tts_select.training.replay.cases import Case
from tts_select.training.replay.fixed import Orders
from tts_select.training.replay.orders import ABSENT, MOST_SAMPLES, Draws, Replay


def sampled_pools(arms: Iterable[Arm]) -> list[str]:
    """The names of the pools that are not greedy."""
    return [name for name, plan in pools_of(arms).items() if plan.arm.temperature > 0]


def replay_from(cases: Sequence[Case], orders: Orders, pools: Sequence[str], unit: str) -> Replay:
    """A row for each case and draw; a pool stands for its policy."""
    problem = np.repeat(np.arange(len(cases)), len(orders[0]))
    ids = tuple(case.problem.id for case in cases)
    return Replay(ids, problem, {pool: drawn(cases, orders, pool) for pool in pools}, unit)


def drawn(cases: Sequence[Case], orders: Orders, pool: str) -> Draws:
    """The samples of a pool, in the order of each row."""
    n = min(MOST_SAMPLES, max(len(case.observed[pool]) for case in cases))
    shape = (len(cases), len(orders[0]), n)
    group, cost = np.full(shape, ABSENT, np.int32), np.zeros(shape)
    for k, case in enumerate(cases):
        picks = np.stack([order.samples[pool][:n] for order in orders[k]])
        groups, costs = _samples(case, pool)
        group[k, :, : picks.shape[1]], cost[k, :, : picks.shape[1]] = groups[picks], costs[picks]
        cost[k, :, 0] += _prompt_cost(case, pool)
    flat = (-1, n)
    return Draws(group.reshape(flat), cost.reshape(flat))


def _samples(case: Case, pool: str) -> tuple[np.ndarray, np.ndarray]:
    samples = case.observed[pool]
    per_token = inference_flops(case.n_parameters[case.pools[pool].policy], 1)
    return np.array([s.group for s in samples]), np.array([s.n_tokens * per_token for s in samples])


def _prompt_cost(case: Case, pool: str) -> float:
    """The prompt is read once."""
    found = case.pools[pool]
    return inference_flops(case.n_parameters[found.policy], found.prompt_tokens or 0)
