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
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.many import Cases, in_chunks, problems_of, sizes_of

ABSENT = -2
"""The group of a sample that an order lacks, since the log has fewer of that problem."""
CUT = -3
"""The group of a sample that was cut: nobody knows what it would have answered."""
MOST_SAMPLES = 64
"""The most samples of a pool that an order holds, unless fewer are asked for: dearer arms than that are not
compared."""


@dataclass(frozen=True, slots=True)
class Draws:
    """The samples of one pool, shape (rows, samples) each."""

    group: np.ndarray
    """The group of the answer: 0 is right, -1 none, `CUT`, or `ABSENT`."""
    length: np.ndarray
    """The length in tokens, or in what the log counts; so are prompts."""
    prompt: np.ndarray
    """Length of each row's prompt, shape (rows,); where reading has a price of its own, that of a text which
    costs as much to write."""
    per_token: float
    """The cost of one of the lengths."""

    def __getitem__(self, rows: np.ndarray) -> Draws:
        return replace(self, group=self.group[rows], length=self.length[rows], prompt=self.prompt[rows])

    def before(self, others: Draws) -> Draws:
        """Return these samples and then others of the same policy; the prompt is read once."""
        group = np.concatenate([self.group, others.group], axis=1)
        return replace(self, group=group, length=np.concatenate([self.length, others.length], axis=1))

    def sample(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (group, length) of each row's sample of this number, absent where a log has fewer."""
        if number < self.group.shape[1]:
            return self.group[:, number], self.length[:, number]
        return np.full(len(self.group), ABSENT), np.zeros(len(self.group))

    @property
    def is_there(self) -> np.ndarray:
        """A mask of the samples that exist."""
        there: np.ndarray = self.group != ABSENT
        return there

    @property
    def is_known(self) -> np.ndarray:
        """A mask of the samples that have ended, so that it is known whether they are right."""
        known: np.ndarray = self.is_there & (self.group != CUT)
        return known

    @property
    def cost(self) -> np.ndarray:
        """The cost of each sample; the prompt, which is read once, is paid with the first."""
        cost = self.length.copy()
        cost[:, 0] += self.prompt
        return cost * self.per_token


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
class Pooled:
    """One pool in the order in which the log has its samples, shape (problems, samples), with their costs."""

    name: str
    group: np.ndarray
    length: np.ndarray
    prompt: np.ndarray
    """Shape (problems,)."""
    per_token: float

    def drawn(self, places: Sequence[int], orders: Sequence[Sequence[Order]], most: int) -> Draws:
        """Return so many samples at most of some problems, in the orders of each."""
        n = min(self.group.shape[1], most)
        shape = (len(places), len(orders[0]), n)
        group, length = np.full(shape, ABSENT, np.int32), np.zeros(shape)
        for k, (place, some) in enumerate(zip(places, orders, strict=True)):
            pick = np.stack([order.samples[self.name][:n] for order in some])
            group[k, :, : pick.shape[1]] = self.group[place][pick]
            length[k, :, : pick.shape[1]] = self.length[place][pick]
        flat = (shape[0] * shape[1], n)
        prompt = np.repeat(self.prompt[list(places)], shape[1])
        return Draws(group.reshape(flat), length.reshape(flat), prompt, self.per_token)


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
        pools, plans = _pooled(cases), pools_of(manifest.arms)
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


def _pooled(cases: Sequence[Case]) -> dict[str, Pooled]:
    """The pools, which each case is looked at once for."""
    names, costs = list(cases[0].pools), cases[0].costs
    policies_ = {name: cases[0].pools[name].policy for name in names}
    rows: dict[str, list[tuple[np.ndarray, np.ndarray, int]]] = {name: [] for name in names}
    for case in cases:
        for name in names:
            samples = case.observed[name]
            own = np.array([CUT if s.is_cut else s.group for s in samples], np.int32)
            rows[name].append((own, np.array([s.n_tokens for s in samples], float), _prompt(case, name)))
    found = {}
    for name, some in rows.items():
        read, written = costs.per_prompt_token[policies_[name]], costs.per_token[policies_[name]]
        as_written = 1.0 if read == written else read / written
        shape = len(some), max(len(own) for own, _, _ in some)
        group, length = np.full(shape, ABSENT, np.int32), np.zeros(shape)
        for k, (own, lengths, _) in enumerate(some):
            group[k, : len(own)], length[k, : len(own)] = own, lengths
        prompts = as_written * np.array([prompt for _, _, prompt in some], float)
        found[name] = Pooled(name, group, length, prompts, written)
    return found


def _prompt(case: Case, pool: str) -> int:
    return case.pools[pool].prompt_tokens or 0


def _first_cost(pool: Pooled, orders: Sequence[Sequence[Order]]) -> float:
    """What the first sample of an order costs on average."""
    found = [
        pool.drawn(some, [orders[k] for k in some], 1).cost[:, 0] for some in in_chunks(range(len(orders)))
    ]
    return float(np.concatenate(found).mean())
