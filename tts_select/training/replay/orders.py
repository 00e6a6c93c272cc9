"""A log as arrays, for many random orders of its samples: no model is run.

A row is one order of the samples of one problem. The samples of a pool are exchangeable, so the first k of a
pool are the first k of its order, drawn without replacement. The arrays hold what `cases.py` replays one
order at a time; a greedy pool has one sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tts_select.core.arm import POOL_SETTINGS, Arm
from tts_select.core.errors import UnknownName
from tts_select.core.imported import plain_name
from tts_select.core.plan import Settings
from tts_select.training.log.manifest import policies, pools_of
from tts_select.training.log.records import Manifest, SweepLog
from tts_select.training.replay.cases import Case, Order
from tts_select.training.replay.costs import costs_of
from tts_select.training.replay.draws import Draws, Pooled, pooled
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.many import Cases, in_chunks, problems_of, sizes_of

MOST_SAMPLES = 64
"""The most samples of a pool that an order holds, unless fewer are asked for: dearer arms than that are not
compared."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Orders of the samples of some problems."""

    ids: tuple[str, ...]
    problem: np.ndarray
    """The place in `ids` of each row's problem."""
    draws: Mapping[str, Draws]
    """The draws by pool, the one with the cheapest sample first."""
    unit: str
    """The unit of costs."""
    arms: Mapping[str, Arm]
    """By pool, the arm that takes one sample of it, or the greedy solution."""
    texts: tuple[str, ...]
    """What a policy reads of each problem of `ids`."""

    def __len__(self) -> int:
        return len(self.problem)

    def of(self, places: np.ndarray) -> Replay:
        """Return the rows of these problems (a mask over `ids`)."""
        rows = places[self.problem]
        return replace(self, problem=self.problem[rows], draws={p: d[rows] for p, d in self.draws.items()})

    def thinned(self, n_orders: int) -> Replay:
        """Return the first orders of each problem."""
        begins = np.searchsorted(self.problem, self.problem)  # where the rows of each row's problem begin
        rows = np.arange(len(self)) - begins < n_orders
        return replace(self, problem=self.problem[rows], draws={p: d[rows] for p, d in self.draws.items()})

    @property
    def sampled(self) -> list[str]:
        """The pools that are not greedy."""
        return _not_greedy(self.draws, self.arms)

    def only(self, names: Sequence[str]) -> Replay:
        """Return the replay with these pools alone."""
        return replace(self, draws={name: self.draws[name] for name in names})

    def parts(self) -> Iterator[Replay]:
        """Yield the replay of some problems after the other: here of all at once."""
        yield self

    def first_of(self, pool: str) -> Draws:
        """The first order of each problem."""
        return self.draws[pool][np.searchsorted(self.problem, np.arange(len(self.ids)))]

    def pass_at_1(self, pool: str) -> np.ndarray:
        """The share of right samples of each problem of `ids` that has rows, without those that were cut; NaN
        for the others."""
        d = self.draws[pool]
        right = np.bincount(self.problem, (d.group == RIGHT).sum(axis=1), len(self.ids))
        n = np.bincount(self.problem, d.is_known.sum(axis=1), len(self.ids))
        there = np.bincount(self.problem, d.is_there.sum(axis=1), len(self.ids))
        found: np.ndarray = np.divide(right, n, out=np.where(there > 0, 0.0, np.nan), where=n > 0)
        return found


@dataclass(frozen=True, slots=True)
class ReplayInParts:
    """A replay of more problems than fit in memory: the same rows, those of some problems at a time."""

    ids: tuple[str, ...]
    pools: Mapping[str, Pooled]
    """The one with the cheapest sample first."""
    orders: Sequence[Sequence[Order]]
    unit: str
    arms: Mapping[str, Arm]
    texts: tuple[str, ...]
    most_samples: int = MOST_SAMPLES

    @classmethod
    def of(
        cls,
        cases: Sequence[Case],
        orders: Sequence[Sequence[Order]],
        manifest: Manifest,
        *,
        most_samples: int = MOST_SAMPLES,
    ) -> ReplayInParts:
        """Look once at every case; the manifest is that of their log."""
        # what others call certainty does not compare with what a policy would be asked for
        pools = pooled(cases, with_certainties=manifest.imported is None)
        plans = pools_of(manifest.arms)
        names = list(pools)
        if len(names) > 1:
            names = sorted(names, key=lambda name: _first_cost(pools[name], orders))
        problems = problems_of(cases)
        return cls(
            tuple(problem.id for problem in problems),
            {name: pools[name] for name in names},
            orders,
            unit=costs_of(manifest).unit,
            arms={name: single_sample(plans[name].arm) for name in names},
            texts=tuple(problem.problem for problem in problems),
            most_samples=most_samples,
        )

    @property
    def sampled(self) -> list[str]:
        """The pools that are not greedy."""
        return _not_greedy(self.pools, self.arms)

    def parts(self) -> Iterator[Replay]:
        """Yield the replay of some problems after the other."""
        yield from (self._part(places) for places in in_chunks(range(len(self.ids))))

    def whole(self) -> Replay:
        """Return all rows at once."""
        return self._part(range(len(self.ids)))

    def first_of(self, pool: str) -> Draws:
        """The first order of each problem."""
        places = range(len(self.ids))
        return self.pools[pool].drawn(places, [self.orders[k][:1] for k in places], self.most_samples)

    def _part(self, places: Sequence[int]) -> Replay:
        orders = [self.orders[k] for k in places]
        return Replay(
            tuple(self.ids[k] for k in places),
            np.repeat(np.arange(len(places)), len(orders[0])),
            {name: pool.drawn(places, orders, self.most_samples) for name, pool in self.pools.items()},
            self.unit,
            self.arms,
            tuple(self.texts[k] for k in places),
        )


def replay_of(log: SweepLog, *, n_orders: int, seed: int) -> Replay:
    """Draw random orders of each problem that every policy has samples of.

    Raises:
        InputError: no problem has samples of every policy.
    """
    cases = Cases(log)
    return as_arrays(cases, random_orders(cases, n_orders, seed), log.manifest)


def random_orders(cases: Sequence[Case], n_orders: int, seed: int) -> list[list[Order]]:
    """Draw so many orders for each case; one seed always draws the same."""
    rng = np.random.default_rng(seed)
    picks: list[list[dict[str, np.ndarray]]] = [[{} for _ in range(n_orders)] for _ in cases]
    for pool in cases[0].pools:
        for place, orders in enumerate(picks):
            n = sizes_of(cases, place)[pool]
            for order in orders:
                order[pool] = rng.permutation(n).astype(np.min_scalar_type(n))
    return [[Order(order, 0) for order in orders] for orders in picks]


def as_arrays(
    cases: Sequence[Case],
    orders: Sequence[Sequence[Order]],
    manifest: Manifest,
    *,
    most_samples: int = MOST_SAMPLES,
) -> Replay:
    """Return the orders of each case as arrays, equally many for each, with so many samples at most; the
    manifest is that of their log."""
    return ReplayInParts.of(cases, orders, manifest, most_samples=most_samples).whole()


def single_sample(arm: Arm) -> Arm:
    """Return the arm that takes the majority of one sample of an arm's pool, or its greedy solution."""
    is_greedy = arm.temperature == 0
    names = POOL_SETTINGS if is_greedy else ("temperature", *POOL_SETTINGS)
    settings = Settings(**{name: getattr(arm.settings, name) for name in names})
    return Arm(arm.policy, None, "cot" if is_greedy else "majority", 1, settings)


def with_policies(log: SweepLog, names: Sequence[str]) -> SweepLog:
    """Return the log as if it were of these policies alone, named with or without `log:`.

    Raises:
        UnknownName: the log has no such policy.
    """
    known = {plain_name(name): name for name in policies(log.manifest)}
    for name in names:
        if plain_name(name) not in known:
            raise UnknownName("policy of the log", name, known)
    kept = {known[plain_name(name)] for name in names}
    arms = tuple(arm for arm in log.manifest.arms if arm.policy in kept)
    models = {
        name: card for name, card in log.manifest.models.items() if name in kept or card.kind != "policy"
    }
    return replace(log, manifest=replace(log.manifest, arms=arms, models=models))


def replayable(log: SweepLog, *, note: Callable[[str], None] = lambda _: None) -> SweepLog:
    """Return a sweep as it is, and an imported log without its PRMs, as it does not say what they cost."""
    return log if log.manifest.imported is None else without_prms(log, note=note)


def without_prms(log: SweepLog, *, note: Callable[[str], None] = lambda _: None) -> SweepLog:
    """Return the log as if no PRM had read it: what a PRM costs is not in an imported one."""
    prms = {name for name, card in log.manifest.models.items() if card.kind == "prm"}
    if not prms:
        return log
    note(f"PRM scores are not used: the log does not say what {', '.join(sorted(prms))} cost")
    arms = tuple(arm for arm in log.manifest.arms if arm.prm is None)
    models = {name: card for name, card in log.manifest.models.items() if name not in prms}
    return replace(log, manifest=replace(log.manifest, arms=arms, models=models))


def _not_greedy(pools: Iterable[str], arms: Mapping[str, Arm]) -> list[str]:
    return [pool for pool in pools if arms[pool].temperature > 0]


def _first_cost(pool: Pooled, orders: Sequence[Sequence[Order]]) -> float:
    """What the first sample of an order costs on average."""
    found = [
        pool.drawn(some, [orders[k] for k in some], 1).cost[:, 0] for some in in_chunks(range(len(orders)))
    ]
    return float(np.concatenate(found).mean())
