"""Training rows: random evidence of a case, and what each of some arms would come to from there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.evidence import Evidence
from tts_select.selector.features import Layout
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.router import Probe, is_open, layout_of
from tts_select.training.routing.cases import Case, Order

DRAWS = 10
"""Of evidence a problem."""
ARMS_A_DRAW = 8
OUTCOMES_A_DRAW = 4
_UNTOUCHED = 0.65
"""How often a policy other than the probes' has no samples yet."""
_UNSCORED = 0.1


@dataclass(slots=True)
class Table:
    """Rows of features, a label each, and the number of the problem that each is about."""

    rows: list[np.ndarray] = field(default_factory=list)
    labels: list[float] = field(default_factory=list)
    problems: list[int] = field(default_factory=list)

    def add(self, row: np.ndarray, label: float, problem: int) -> None:
        """One row more."""
        self.rows.append(row)
        self.labels.append(label)
        self.problems.append(problem)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(rows, labels, problems)."""
        return np.stack(self.rows), np.array(self.labels), np.array(self.problems)


@dataclass(slots=True)
class Tables:
    """Of each model that is fitted."""

    success: Table = field(default_factory=Table)
    cost: Table = field(default_factory=Table)
    confidence: Table = field(default_factory=Table)
    states: Table = field(default_factory=Table)
    """Without a label: the difficulty of every policy is looked up by problem."""


@dataclass(frozen=True, slots=True)
class Look:
    """How much has been seen of each policy, and scored by which PRMs."""

    n: Mapping[str, int]
    scored: Mapping[str, frozenset[str]]

    def evidence(self, case: Case, order: Order) -> Evidence:
        """What that is, in a draw."""
        return case.evidence(order, self.n, self.scored)

    def with_arm(self, arm: Arm, n: int) -> Look:
        """After `n` samples of a sampling arm have been drawn and scored."""
        prms = self.scored.get(arm.policy, frozenset()) | ({arm.prm} if arm.prm else frozenset())
        seen = max(n, self.n.get(arm.policy, 0))
        return Look({**self.n, arm.policy: seen}, {**self.scored, arm.policy: prms})


def first_look(probe: Probe) -> Look:
    """Right after the probes."""
    return Look({probe.policy: probe.n}, {probe.policy: frozenset([probe.prm])})


def tables_of(cases: Sequence[Case], portfolio: Portfolio, probe: Probe, seed: int) -> Tables:
    """The rows of all cases; one seed, the same rows."""
    tables = Tables()
    layout = layout_of(portfolio)
    rng = np.random.default_rng(seed)
    for number, case in enumerate(cases):
        for draw in range(DRAWS):
            order = case.order(rng)
            look = first_look(probe) if draw % 2 else _random_look(portfolio, probe, case, rng)
            _add_options(tables, case, order, look, (layout, portfolio, number, rng))
            _add_outcomes(tables, case, order, look, (layout, portfolio, number, rng))
        bare = Evidence(case.problem.problem, {})  # for `plan --no-probe`
        tables.states.add(layout.state(bare), math.nan, number)
        _add_options(tables, case, case.order(rng), Look({}, {}), (layout, portfolio, number, rng))
    return tables


def remaining_cost(case: Case, arm: Arm, order: Order, look: Look) -> float:
    """FLOPs from here to the end of the arm."""
    if not arm.is_sampling:
        return case.outcome(arm, order).flops
    n = case.n_samples(arm, order)
    here = min(n, look.n.get(arm.policy, 0))
    scored = here if arm.prm in look.scored.get(arm.policy, ()) else 0
    return case.sampling_cost(arm.policy, arm.prm, order, here, n, scored_before=scored)[0]


_Context = tuple[Layout, Portfolio, int, np.random.Generator]


def _add_options(tables: Tables, case: Case, order: Order, look: Look, context: _Context) -> None:
    layout, portfolio, number, rng = context
    evidence = look.evidence(case, order)
    state = layout.state(evidence)
    tables.states.add(state, math.nan, number)
    arms = [arm for arm in portfolio.arms if is_open(arm, evidence)]
    for k in rng.permutation(len(arms))[:ARMS_A_DRAW]:
        row = np.concatenate([state, layout.arm(arms[k], evidence)])
        tables.success.add(row, case.outcome(arms[k], order).correct, number)
        cost = remaining_cost(case, arms[k], order, look)
        tables.cost.add(row, math.log10(max(1.0, cost)), number)


def _add_outcomes(tables: Tables, case: Case, order: Order, look: Look, context: _Context) -> None:
    layout, portfolio, number, rng = context
    probe_like = [a for a in portfolio.arms if a.prm and a.is_sampling]
    arms = [*portfolio.arms, *probe_like]
    for k in rng.permutation(len(arms))[:OUTCOMES_A_DRAW]:
        arm = arms[k]
        after = look.with_arm(arm, case.n_samples(arm, order)) if arm.is_sampling else look
        evidence = after.evidence(case, order)
        won = case.outcome(arm, order)
        row = np.concatenate(
            [
                layout.state(evidence),
                layout.arm(arm, evidence),
                layout.outcome(evidence, won.group, won.share),
            ]
        )
        tables.confidence.add(row, won.correct, number)


def _random_look(portfolio: Portfolio, probe: Probe, case: Case, rng: np.random.Generator) -> Look:
    n: dict[str, int] = {}
    scored: dict[str, frozenset[str]] = {}
    for policy in portfolio.policies:
        most = len(case.observed[policy])
        if policy == probe.policy:
            n[policy] = min(most, probe.n * 2 ** int(rng.integers(0, 6)))
        elif rng.random() < _UNTOUCHED:
            continue
        else:
            n[policy] = min(most, 2 ** int(rng.integers(0, 7)))
        bare = policy != probe.policy and rng.random() < _UNSCORED
        others = [prm for prm in portfolio.prms if prm != probe.prm and rng.random() < 0.15]
        scored[policy] = frozenset() if bare else frozenset([probe.prm, *others])
    return Look(n, scored)
