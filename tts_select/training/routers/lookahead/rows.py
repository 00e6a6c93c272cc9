"""Training rows: states that a router may come to, their answers, and what each of some arms leads to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.features import Layout
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.first_steps import FirstStep
from tts_select.selector.routers.lookahead import CalibratedModel
from tts_select.selector.routers.named import is_open
from tts_select.training.replay.cases import Case
from tts_select.training.replay.walks import Walk, after, judge
from tts_select.training.routers.lookahead.first_steps import begin

DRAWS = 3
"""The number of random walks for each problem."""
MOST_STEPS = 5
ARMS_A_STATE = 6
_AT_ONCE = 256
"""The states that are judged in one call of a model."""
_CHEAP_FIRST = 0.7
"""The share of steps at which a random walk takes one of the cheapest arms, as a router does."""


@dataclass(slots=True)
class Table:
    """Rows of features, a label each, and the number of the problem that each is about."""

    rows: list[np.ndarray] = field(default_factory=list)
    labels: list[float] = field(default_factory=list)
    problems: list[int] = field(default_factory=list)

    def add(self, row: np.ndarray, label: float, problem: int) -> None:
        """Add one more row."""
        self.rows.append(row)
        self.labels.append(label)
        self.problems.append(problem)

    def arrays(self, n_features: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (rows, labels, problems), of as many features; a small portfolio may lead to no row at
        all."""
        rows = np.array(self.rows, dtype=float).reshape(len(self.rows), n_features)
        return rows, np.array(self.labels, dtype=float), np.array(self.problems, dtype=int)


def joined(tables: Sequence[Table]) -> Table:
    """Return one table with all their rows."""
    whole = Table()
    for table in tables:
        whole.rows += table.rows
        whole.labels += table.labels
        whole.problems += table.problems
    return whole


@dataclass(frozen=True, slots=True)
class State:
    """A walk somewhere on its way, and the number of its case."""

    number: int
    walk: Walk


def random_states(
    cases: Sequence[Case], portfolio: Portfolio, steps: Sequence[FirstStep], seed: int
) -> list[State]:
    """Return the states after a random first step, and after each step of random walks; one seed, the same
    states."""
    rng = np.random.default_rng(seed)
    states = []
    for number, case in enumerate(cases):
        states.append(State(number, Walk(case, case.order(rng))))  # nothing seen
        for _ in range(DRAWS):
            w = begin(portfolio, steps[int(rng.integers(len(steps)))], Walk(case, case.order(rng)))
            states.append(State(number, replace(w)))
            for _ in range(int(rng.integers(1, MOST_STEPS + 1))):
                arms = [arm for arm in portfolio.arms if is_open(arm, w.evidence)]
                if not arms:  # a small portfolio is soon used up
                    break
                w.run(_random_arm(w, arms, rng))
                states.append(State(number, replace(w)))
    return states


def some_of_each(
    trail: Sequence[tuple[int, Walk]], most: int, rng: np.random.Generator
) -> list[tuple[int, Walk]]:
    """Return at most so many states of each walk of a trail, in their order: the many of a long one would
    outweigh those in which most problems are decided."""
    by_walk: dict[int, list[Walk]] = {}
    for place, w in trail:
        by_walk.setdefault(place, []).append(w)
    return [
        (place, walks[k])
        for place, walks in by_walk.items()
        for k in sorted(rng.permutation(len(walks))[:most].tolist())
    ]


def answers_table(states: Sequence[State], layout: Layout) -> Table:
    """Return every answer at hand in every state, and whether it is right."""
    table = Table()
    for state in states:
        groups, rows = layout.answers(state.walk.evidence)
        for group, row in zip(groups, rows, strict=True):
            table.add(row, state.walk.case.is_right(group), state.number)
    return table


@dataclass(slots=True)
class OptionTables:
    """The rows of what some arms led to in every state."""

    mend: Table = field(default_factory=Table)
    """The states whose surest answer was wrong, each labelled with whether it is right now."""
    spoil: Table = field(default_factory=Table)
    """The states whose surest answer was right, each labelled with whether it is wrong now."""
    cost: Table = field(default_factory=Table)
    """The cost as log10 FLOPs."""


def options_tables(
    states: Sequence[State], portfolio: Portfolio, layout: Layout, confidence: CalibratedModel, seed: int
) -> OptionTables:
    """Run some arms in every state.

    `confidence` has not seen the problems: the surest answer would else be too often right.
    """
    rng = np.random.default_rng(seed)
    tables = OptionTables()
    for start in range(0, len(states), _AT_ONCE):
        some = states[start : start + _AT_ONCE]
        tried = [_arms_to_try(state.walk, portfolio, rng) for state in some]
        later = [[after(state.walk, arm) for arm in arms] for state, arms in zip(some, tried, strict=True)]
        judge(layout, confidence, [s.walk for s in some] + [end for ends in later for end in ends])
        for state, arms, ends in zip(some, tried, later, strict=True):
            _add_options(tables, state, layout, arms, ends)
    return tables


def _arms_to_try(w: Walk, portfolio: Portfolio, rng: np.random.Generator) -> list[Arm]:
    arms = [arm for arm in portfolio.arms if is_open(arm, w.evidence)]
    return [arms[k] for k in rng.permutation(len(arms))[:ARMS_A_STATE]]


def _add_options(
    tables: OptionTables, state: State, layout: Layout, arms: Sequence[Arm], ends: Sequence[Walk]
) -> None:
    """Add what these arms led to."""
    w = state.walk
    rows = layout.options(w.evidence, arms, w.answers, w.sureness)
    for row, end in zip(rows, ends, strict=True):
        if w.correct:
            tables.spoil.add(row, 1.0 - end.correct, state.number)
        else:
            tables.mend.add(row, end.correct, state.number)
        tables.cost.add(row, math.log10(max(1.0, end.flops - w.flops)), state.number)


def _random_arm(w: Walk, arms: Sequence[Arm], rng: np.random.Generator) -> Arm:
    if rng.random() < _CHEAP_FIRST:
        costs = [w.case.cost(arm, w.order, w.position) for arm in arms]
        arms = [arms[int(k)] for k in np.argsort(costs)[: max(1, len(arms) // 3)]]
    return arms[int(rng.integers(len(arms)))]
