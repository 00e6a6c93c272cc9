"""An imported log as arrays, and random orders of its samples to replay: no model is run.

A row is one order of the samples of one problem. The samples of a pool are exchangeable, so a policy's first
k samples are the first k of its order, drawn without replacement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tts_select.core.cost import inference_flops
from tts_select.core.errors import InputError, UnknownName
from tts_select.training.log.manifest import policies
from tts_select.training.log.records import Pool, SweepLog
from tts_select.training.replay.grouping import RIGHT, Groups

ABSENT = -2
"""The group of a sample that an order lacks, since the log has fewer of that problem."""
IMPORTED = "log:"
"""Before the name that a policy has in an imported log."""
MOST_SAMPLES = 64
"""Of a pool that an order holds: dearer arms than that are not compared."""


@dataclass(frozen=True, slots=True)
class Draws:
    """The samples of one policy, shape (rows, samples) each."""

    group: np.ndarray
    """Of the answer: 0 is right, -1 none, `ABSENT` no sample."""
    cost: np.ndarray
    at: np.ndarray | None = None
    """The group at each checkpoint that was reached before the end, shape (rows, samples, checkpoints) of the
    first samples."""
    stood: np.ndarray | None = None
    """For how many checkpoints it has been that, of the same shape; 0 where there is no answer."""
    checkpoint_cost: float = 0.0
    """From one checkpoint to the next."""

    def __getitem__(self, rows: np.ndarray) -> Draws:
        at = None if self.at is None else self.at[rows]
        stood = None if self.stood is None else self.stood[rows]
        return replace(self, group=self.group[rows], cost=self.cost[rows], at=at, stood=stood)

    @property
    def is_there(self) -> np.ndarray:
        """Which samples there are."""
        there: np.ndarray = self.group != ABSENT
        return there


@dataclass(frozen=True, slots=True)
class Replay:
    """Orders of the samples of some problems."""

    ids: tuple[str, ...]
    problem: np.ndarray
    """The place in `ids` of each row's problem."""
    draws: Mapping[str, Draws]
    """By policy, the cheapest sample first."""
    unit: str
    """Of costs."""

    def __len__(self) -> int:
        return len(self.problem)

    def of(self, places: np.ndarray) -> Replay:
        """The rows of these problems (a mask over `ids`)."""
        rows = places[self.problem]
        return replace(self, problem=self.problem[rows], draws={p: d[rows] for p, d in self.draws.items()})

    def thinned(self, n_orders: int) -> Replay:
        """The first orders of each problem."""
        begins = np.searchsorted(self.problem, self.problem)  # where the rows of each row's problem begin
        rows = np.arange(len(self)) - begins < n_orders
        return replace(self, problem=self.problem[rows], draws={p: d[rows] for p, d in self.draws.items()})

    def only(self, names: Sequence[str]) -> Replay:
        """With these policies alone."""
        return replace(self, draws={name: self.draws[name] for name in names})

    def pass_at_1(self, policy: str) -> np.ndarray:
        """Of each problem of `ids` that has rows; NaN for the others."""
        d = self.draws[policy]
        right = np.bincount(self.problem, (d.group == RIGHT).sum(axis=1), len(self.ids))
        n = np.bincount(self.problem, d.is_there.sum(axis=1), len(self.ids))
        found: np.ndarray = np.divide(right, n, out=np.full(len(self.ids), np.nan), where=n > 0)
        return found


def replay_of(log: SweepLog, *, n_orders: int, seed: int) -> Replay:
    """Random orders of each problem that every policy has samples of.

    Raises:
        InputError: no problem has samples of every policy.
    """
    names = policies(log.manifest)
    ids = tuple(i for i in log.problems if all((i, name) in log.pools for name in names))
    if not ids:
        raise InputError(
            f"no problem of the log has samples of all {len(names)} policies: name some with --policies"
        )
    unit, per_token = cost_unit(log, names)
    groups = {i: Groups(log.problems[i], [log.pools[i, name] for name in names]) for i in ids}
    rng = np.random.default_rng(seed)
    drawn = {}
    for name in names:
        pools = [log.pools[i, name] for i in ids]
        drawn[name] = _draws(
            pools, [groups[i] for i in ids], per_token=per_token[name], n_orders=n_orders, rng=rng
        )
    cheap_first = sorted(drawn, key=lambda name: drawn[name].cost[:, 0].mean())
    problem = np.repeat(np.arange(len(ids)), n_orders)
    return Replay(ids, problem, {name: drawn[name] for name in cheap_first}, unit)


def with_policies(log: SweepLog, names: Sequence[str]) -> SweepLog:
    """A log as if it were of these policies alone, named with or without `log:`.

    Raises:
        UnknownName: the log has no such policy.
    """
    known = {name.removeprefix(IMPORTED): name for name in policies(log.manifest)}
    for name in names:
        if name.removeprefix(IMPORTED) not in known:
            raise UnknownName("policy of the log", name, known)
    kept = {known[name.removeprefix(IMPORTED)] for name in names}
    arms = tuple(arm for arm in log.manifest.arms if arm.policy in kept)
    models = {
        name: card for name, card in log.manifest.models.items() if name in kept or card.kind != "policy"
    }
    return replace(log, manifest=replace(log.manifest, arms=arms, models=models))


def cost_unit(log: SweepLog, names: Sequence[str]) -> tuple[str, dict[str, float]]:
    """What costs are counted in, and what one of the log's tokens costs for each policy: FLOPs if the sizes
    of all policies are known (a character counting as a token, if the log counts those), else what is
    counted."""
    unit = log.manifest.imported.unit if log.manifest.imported else "tokens"
    flops = {name: inference_flops(log.manifest.models[name].n_parameters, 1) for name in names}
    if any(math.isnan(f) for f in flops.values()):
        return unit, dict.fromkeys(names, 1.0)
    return "FLOPs" if unit == "tokens" else f"2 x parameters x {unit}", flops


def _draws(
    pools: Sequence[Pool],
    groups: Sequence[Groups],
    *,
    per_token: float,
    n_orders: int,
    rng: np.random.Generator,
) -> Draws:
    n = min(max(len(pool.samples) for pool in pools), MOST_SAMPLES)
    shape = (len(pools), n_orders, n)
    group, cost = np.full(shape, ABSENT, np.int32), np.zeros(shape)
    for k, pool in enumerate(pools):
        own = np.array([groups[k].of_sample(s) for s in pool.samples])
        tokens = np.array([s.n_tokens for s in pool.samples], float)
        size = len(pool.samples)
        pick = np.stack([rng.permutation(size)[:n] for _ in range(n_orders)])
        taken = pick.shape[1]
        group[k, :, :taken], cost[k, :, :taken] = own[pick], tokens[pick] * per_token
        # the prompt is read once
        cost[k, :, 0] += (pool.prompt_tokens or 0) * per_token
    flat = (len(pools) * n_orders, n)
    return Draws(group.reshape(flat), cost.reshape(flat))
