"""A log as arrays, for many random orders of its samples: no model is run.

A row is one order of the samples of one problem. The samples of a pool are exchangeable, so the first k of a
pool are the first k of its order, drawn without replacement. The arrays hold what `cases.py` replays one
order at a time; a greedy pool has one sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tts_select.core.arm import POOL_SETTINGS, Arm
from tts_select.core.errors import UnknownName
from tts_select.core.imported import plain_name
from tts_select.core.plan import Settings
from tts_select.training.log.manifest import policies, pools_of
from tts_select.training.log.records import Manifest, SweepLog
from tts_select.training.replay.cases import Case, Order, cases_of
from tts_select.training.replay.costs import costs_of
from tts_select.training.replay.grouping import RIGHT, is_cut

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
        return [pool for pool in self.draws if self.arms[pool].temperature > 0]

    def only(self, names: Sequence[str]) -> Replay:
        """Return the replay with these pools alone."""
        return replace(self, draws={name: self.draws[name] for name in names})

    def pass_at_1(self, pool: str) -> np.ndarray:
        """The share of right samples of each problem of `ids` that has rows, without those that were cut; NaN
        for the others."""
        d = self.draws[pool]
        right = np.bincount(self.problem, (d.group == RIGHT).sum(axis=1), len(self.ids))
        n = np.bincount(self.problem, d.is_known.sum(axis=1), len(self.ids))
        there = np.bincount(self.problem, d.is_there.sum(axis=1), len(self.ids))
        found: np.ndarray = np.divide(right, n, out=np.where(there > 0, 0.0, np.nan), where=n > 0)
        return found


def replay_of(log: SweepLog, *, n_orders: int, seed: int) -> Replay:
    """Draw random orders of each problem that every policy has samples of.

    Raises:
        InputError: no problem has samples of every policy.
    """
    cases = cases_of(log)
    return as_arrays(cases, random_orders(cases, n_orders, seed), log.manifest)


def random_orders(cases: Sequence[Case], n_orders: int, seed: int) -> list[list[Order]]:
    """Draw so many orders for each case; one seed always draws the same."""
    rng = np.random.default_rng(seed)
    picks: list[list[dict[str, np.ndarray]]] = [[{} for _ in range(n_orders)] for _ in cases]
    for pool in cases[0].pools:
        for case, orders in zip(cases, picks, strict=True):
            for order in orders:
                order[pool] = rng.permutation(len(case.observed[pool]))
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
    drawn = {pool: _draws(pool, cases, orders, most_samples) for pool in cases[0].pools}
    cheap_first = sorted(drawn, key=lambda pool: drawn[pool].cost[:, 0].mean())
    problem = np.repeat(np.arange(len(cases)), len(orders[0]))
    ids = tuple(case.problem.id for case in cases)
    plans = pools_of(manifest.arms)
    return Replay(
        ids,
        problem,
        draws={pool: drawn[pool] for pool in cheap_first},
        unit=costs_of(manifest).unit,
        arms={pool: single_sample(plans[pool].arm) for pool in cheap_first},
        texts=tuple(case.problem.problem for case in cases),
    )


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


def _draws(pool: str, cases: Sequence[Case], orders: Sequence[Sequence[Order]], most: int) -> Draws:
    n = min(max(len(case.observed[pool]) for case in cases), most)
    shape = (len(cases), len(orders[0]), n)
    group, length = np.full(shape, ABSENT, np.int32), np.zeros(shape)
    for k, (case, some) in enumerate(zip(cases, orders, strict=True)):
        samples = case.pools[pool].samples
        own = [CUT if is_cut(s) else o.group for s, o in zip(samples, case.observed[pool], strict=True)]
        pick = np.stack([order.samples[pool][:n] for order in some])
        taken = pick.shape[1]
        group[k, :, :taken] = np.array(own)[pick]
        length[k, :, :taken] = np.array([s.n_tokens for s in samples], float)[pick]
    policy, costs = cases[0].pools[pool].policy, cases[0].costs
    read, written = costs.per_prompt_token[policy], costs.per_token[policy]
    as_written = 1.0 if read == written else read / written
    prompts = as_written * np.array([case.pools[pool].prompt_tokens or 0 for case in cases], float)
    flat = (len(cases) * len(orders[0]), n)
    return Draws(
        group.reshape(flat),
        length.reshape(flat),
        np.repeat(prompts, len(orders[0])),
        written,
    )
