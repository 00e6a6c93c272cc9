"""`tts-select world report`: what the embedded world shows, as tables, plots and JSON, read off a sweep.

Every figure is over the sweep's problems, with a 95 % bootstrap interval over problems.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from tts_select.core.errors import InputError
from tts_select.data.world.levels import LEVELS, THIRDS
from tts_select.data.world.suite import FAMILIES
from tts_select.training.log.records import SweepLog
from tts_select.training.world import statistics as stats
from tts_select.training.world.measure import Measurement, Run, Sample
from tts_select.training.world.statistics import Estimate, estimate

POLICIES = ("small", "medium", "large", "base")
"""The generalists, by size."""
SPECIALISTS = ("base-story", "medium-machine", "base-shopping")
PRMS = ("prm", "prm-narrow")
GENERAL, NARROW = 0, 1
SMALL, LARGE = "small", "large"
SEARCHES = ("beam", "dvts")
N = 16

Table = dict[str, dict[str, Estimate]]


@dataclass(frozen=True)
class Results:
    """Everything that was measured; tables are computed when asked for."""

    measurement: Measurement
    samples: dict[str, list[list[Sample]]]
    greedy: dict[str, list[Run]]
    searches: dict[tuple[str, int, str, str], list[Run]]

    @classmethod
    def of(cls, log: SweepLog) -> Results:
        """Those of a sweep of the embedded portfolio.

        Raises:
            InputError: the sweep is of other problems, or lacks a policy.
        """
        measurement = Measurement(log, PRMS)
        _check(measurement)
        every = (*POLICIES, *SPECIALISTS)
        return cls(
            measurement,
            samples={policy: measurement.samples(policy) for policy in every},
            greedy={policy: measurement.greedy(policy) for policy in every},
            searches={arm: measurement.runs(*arm) for arm in sorted(measurement.searched())},
        )

    @cached_property
    def levels(self) -> np.ndarray:
        """The level of each problem."""
        return np.array([p.level for p in self.measurement.problems])

    def third(self, name: str) -> np.ndarray:
        """Return a mask of the problems of this third of the levels, or of all."""
        return np.isin(self.levels, THIRDS.get(name, tuple(LEVELS)))

    def over(self, policy: str, figure: Callable[[list[Sample]], float], third: str = "all") -> Estimate:
        """A figure of each problem's samples, averaged over a third."""
        return estimate(self.each(policy, figure)[self.third(third)])

    def each(self, policy: str, figure: Callable[[list[Sample]], float]) -> np.ndarray:
        """A figure of each problem's samples."""
        return np.array([figure(row) for row in self.samples[policy]])

    def methods(self, policy: str, prm: str) -> list[str]:
        """The methods at `N`: searches only where the sweep has them."""
        return [m for m in METHODS if m not in SEARCHES or (m, N, policy, prm) in self.searches]

    def method(self, method: str, policy: str, prm: str, n: int = N) -> np.ndarray:
        """Return how often a method is right on each problem; sampling methods are read off the samples."""
        k = min(n, self.measurement.n_samples)
        if method == "cot":
            return _right(self.greedy[policy])
        if method == "majority":
            return self.each(policy, lambda s: stats.majority_at(s, k))
        if method == "best_of_n":
            return self.each(policy, lambda s: stats.weighted_at(s, k, PRMS.index(prm)))
        return _right(self.searches[method, n, policy, prm])


METHODS = ("cot", "majority", "best_of_n", *SEARCHES)


def write_report(log: SweepLog, out: Path) -> None:
    """Write report.json, world.md and two plots into `out`.

    Raises:
        InputError: the sweep is of other problems, or lacks a policy.
    """
    results = Results.of(log)
    tables = all_tables(results)
    record = {name: _plain(table) for name, table in tables.items()}
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(record, indent=1) + "\n")
    (out / "world.md").write_text("\n".join(_markdown(n, t) for n, t in tables.items()))
    from tts_select.training.world.plots import plot_levels, plot_methods

    plot_levels(results, out / "world-levels.png")
    plot_methods(results, out / "world-methods.png")


def _check(measurement: Measurement) -> None:
    first = measurement.problems[0].id
    for policy in (*POLICIES, *SPECIALISTS):
        pools = measurement.log.pools
        if (first, f"world:{policy}") not in pools or (first, f"world:{policy} temperature=0") not in pools:
            raise InputError(
                f"the sweep has no samples, or no greedy solutions, of world:{policy}: sweep the embedded "
                "portfolio (tts-select sweep without --portfolio)"
            )


def all_tables(r: Results) -> dict[str, Table]:
    """Every table by its title."""
    return {
        "pass@1 by third of the levels": _thirds(r),
        "pass@1 by level": _levels(r),
        "pass@1 by family": _families(r),
        "Votes": _votes(r),
        "Room for search": _room(r),
        "Lucky share": _lucky(r),
        "PRM: AUC within problems": _auc(r),
        "Selection among samples": _selection(r),
        "Beam against best-of-n at equal generated tokens": _beam(r),
        "The small policy against the large one": _headline(r),
        **{f"Methods at N = {N}, {prm}": _methods(r, prm) for prm in PRMS},
        "Contrasts between methods": _contrasts(r),
    }


def _thirds(r: Results) -> Table:
    return {policy: {t: r.over(policy, stats.pass_at_1, t) for t in (*THIRDS, "all")} for policy in POLICIES}


def _levels(r: Results) -> Table:
    def at(policy: str, level: int) -> Estimate:
        return estimate(r.each(policy, stats.pass_at_1)[r.levels == level])

    return {policy: {f"level {k}": at(policy, k) for k in LEVELS} for policy in POLICIES}


def _families(r: Results) -> Table:
    family = np.array([p.family for p in r.measurement.problems])

    def of(policy: str, name: str) -> Estimate:
        return estimate(r.each(policy, stats.pass_at_1)[family == name])

    return {policy: {name: of(policy, name) for name in FAMILIES} for policy in (*POLICIES, *SPECIALISTS)}


def _votes(r: Results) -> Table:
    """What voting gains over the greedy answer, and how different right solutions are."""

    def row(policy: str) -> dict[str, Estimate]:
        greedy = r.method("cot", policy, PRMS[GENERAL])
        voted = r.method("majority", policy, PRMS[GENERAL])
        return {
            "cot": estimate(greedy),
            f"majority@{N}": estimate(voted),
            "difference": estimate(voted - greedy),
            "distinct texts among right samples": r.over(policy, stats.distinct_right),
        }

    return {policy: row(policy) for policy in POLICIES}


def _room(r: Results) -> Table:
    n = r.measurement.n_samples

    def row(policy: str, third: str) -> dict[str, Estimate]:
        return {
            f"pass@{n}, strict": r.over(policy, lambda s: stats.pass_at(s, n, strict=True), third),
            f"majority@{n}": r.over(policy, lambda s: stats.majority_at(s, n), third),
            "difference": r.over(
                policy, lambda s: stats.pass_at(s, n, strict=True) - stats.majority_at(s, n), third
            ),
        }

    return {f"{policy}, {third}": row(policy, third) for policy in POLICIES for third in THIRDS}


def _lucky(r: Results) -> Table:
    """Return the share of right answers with a wrong step; the interval is that of a share of samples."""

    def share(policy: str) -> Estimate:
        rows = [s for row in r.samples[policy] for s in row if s.right]
        return estimate([float(not s.strict) for s in rows])

    return {policy: {"right answers from wrong derivations": share(policy)} for policy in POLICIES}


def _auc(r: Results) -> Table:
    return {
        prm: {policy: r.over(policy, partial(stats.auc_within, prm=k)) for policy in POLICIES}
        for k, prm in enumerate(PRMS)
    }


def _selection(r: Results) -> Table:
    n_samples = r.measurement.n_samples
    budgets = [k for k in (1, 4, 16, 32, 64) if k <= n_samples]
    table: Table = {}
    for policy in POLICIES:
        table[f"{policy}, majority"] = {
            f"N = {k}": r.over(policy, partial(stats.majority_at, k=k)) for k in budgets
        }
        for p, prm in enumerate(PRMS):
            table[f"{policy}, best_of_n {prm}, max"] = {
                f"N = {k}": r.over(policy, partial(stats.best_at, k=k, prm=p)) for k in budgets
            }
            table[f"{policy}, best_of_n {prm}, vote"] = {
                f"N = {k}": r.over(policy, partial(stats.weighted_at, k=k, prm=p)) for k in budgets
            }
    k = budgets[-1]
    gain = r.over(SMALL, lambda s: stats.weighted_at(s, k, GENERAL) - stats.majority_at(s, k))
    table[f"{SMALL}, best_of_n {PRMS[GENERAL]}, vote, minus majority"] = {f"N = {k}": gain}
    return table


def _beam(r: Results) -> Table:
    """Compare with the beam; best-of-n gets, problem by problem, at least as many tokens as it used."""
    runs = r.searches["beam", N, SMALL, PRMS[GENERAL]]
    beam = _right(runs)
    matched = np.array([_matched(row, run.n_tokens) for row, run in zip(r.samples[SMALL], runs, strict=True)])
    mean_tokens = np.array([run.n_tokens for run in runs], dtype=float)
    sampled = r.each(SMALL, lambda s: float(np.mean([x.n_tokens for x in s])) * N)

    def row(third: str) -> dict[str, Estimate]:
        own = r.third(third)
        return {
            f"beam {N}": estimate(beam[own]),
            "best_of_n, equal tokens": estimate(matched[own]),
            "difference": estimate((beam - matched)[own]),
            "beam's tokens": estimate(mean_tokens[own]),
            f"best_of_n {N}'s tokens": estimate(sampled[own]),
        }

    return {third: row(third) for third in (*THIRDS, "all")}


def _matched(samples: Sequence[Sample], n_tokens: int) -> float:
    per_sample = float(np.mean([s.n_tokens for s in samples]))
    k = min(len(samples), max(1, int(np.ceil(n_tokens / per_sample))))
    return stats.weighted_at(samples, k, GENERAL)


def _headline(r: Results) -> Table:
    large = r.method("cot", LARGE, PRMS[GENERAL])
    n = r.measurement.n_samples
    searches = [(m, k) for m, k, policy, prm in sorted(r.searches) if (policy, prm) == (SMALL, PRMS[GENERAL])]
    contenders = {
        f"{SMALL}, {method} {k}": r.method(method, SMALL, PRMS[GENERAL], k)
        for method, k in (("best_of_n", n), *searches)
    }
    table = {f"{LARGE}, greedy": {"accuracy": estimate(large)}}
    for name, right in contenders.items():
        minus = f"minus {LARGE}, greedy"
        table[name] = {"accuracy": estimate(right), minus: estimate(right - large)}
    return table


def _methods(r: Results, prm: str) -> Table:
    return {
        f"{policy}, {third}": {
            m: estimate(r.method(m, policy, prm)[r.third(third)]) for m in r.methods(policy, prm)
        }
        for policy in POLICIES
        for third in THIRDS
    }


def _contrasts(r: Results) -> Table:
    """Paired differences to majority in every cell: where an interval excludes 0, the order is real."""
    return {
        f"{policy}, {prm}, {third}": {
            f"{m} - majority": estimate(
                (r.method(m, policy, prm) - r.method("majority", policy, prm))[r.third(third)]
            )
            for m in r.methods(policy, prm)
            if m in ("best_of_n", *SEARCHES)
        }
        for policy in POLICIES
        for prm in PRMS
        for third in THIRDS
    }


def _right(runs: Sequence[Run]) -> np.ndarray:
    return np.array([float(run.right) for run in runs])


def _plain(table: Table) -> dict[str, Any]:
    return {row: {column: asdict(e) for column, e in cells.items()} for row, cells in table.items()}


def _markdown(title: str, table: Table) -> str:
    columns = list(dict.fromkeys(c for cells in table.values() for c in cells))
    lines = [f"### {title}", "", f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for row, cells in table.items():
        shown = (str(cells[c]) if c in cells else "" for c in columns)
        lines.append(f"| {row} | {' | '.join(shown)} |")
    return "\n".join([*lines, ""])
