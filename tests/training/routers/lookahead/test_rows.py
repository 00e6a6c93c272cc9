from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise, zip_longest

import numpy as np
import pytest

from tts_select.core.arm import Arm
from tts_select.selector.calibration import Calibration
from tts_select.selector.features import SUREST, Layout
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import CalibratedModel, Probe, layout_of
from tts_select.selector.routers.named import is_open
from tts_select.selector.text_features import TEXT_FEATURES
from tts_select.training.replay.cases import Case, Position
from tts_select.training.replay.walks import Walk, after, judge, probed
from tts_select.training.routers.lookahead import rows as routing_rows
from tts_select.training.routers.lookahead.first_steps import first_steps_of
from tts_select.training.routers.lookahead.rows import (
    DRAWS,
    MOST_STEPS,
    OptionTables,
    State,
    Table,
    answers_table,
    joined,
    options_tables,
    random_states,
    some_of_each,
)


class ByVotes:
    """The more support, the surer."""

    def __init__(self, layout: Layout) -> None:
        self.column = layout.answer_names.index("answer/support")

    def predict(self, rows: np.ndarray, **_: object) -> np.ndarray:
        return 1 - 1 / (1 + rows[:, self.column])


@pytest.fixture(scope="module")
def layout(portfolio: Portfolio) -> Layout:
    return layout_of(portfolio, {arm.name: 0.5 for arm in portfolio.arms})


@pytest.fixture(scope="module")
def by_votes(layout: Layout) -> CalibratedModel:
    return CalibratedModel(ByVotes(layout), Calibration((0.0, 1.0), (0.0, 1.0)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def states(cases: list[Case], portfolio: Portfolio, probe: Probe) -> list[State]:
    return random_states(cases[:12], portfolio, first_steps_of(portfolio, probe), seed=0)


@pytest.fixture(scope="module")
def tables(
    states: list[State], portfolio: Portfolio, layout: Layout, by_votes: CalibratedModel
) -> OptionTables:
    return options_tables(states, portfolio, layout, by_votes, seed=0)


def test_every_case_is_met_with_nothing_seen_then_after_first_steps_and_on_walks(
    states: list[State], cases: list[Case], portfolio: Portfolio, probe: Probe
) -> None:
    steps = first_steps_of(portfolio, probe)
    firsts = [Position().after(portfolio[step.arm], step.n) for step in steps]
    for number, case in enumerate(cases[:12]):
        looks = [s.walk.position for s in states if s.number == number]
        assert all(s.walk.case is case for s in states if s.number == number)
        assert looks[0] == Position()
        assert looks.count(Position()) == 1
        assert sum(look in firsts for look in looks) >= DRAWS
        assert 1 + 2 * DRAWS <= len(looks) <= 1 + DRAWS * (1 + MOST_STEPS)


def test_a_walk_ends_where_a_small_portfolio_is_used_up(
    cases: list[Case], portfolio: Portfolio, probe: Probe
) -> None:
    few = [arm for arm in portfolio.arms if arm.policy == probe.policy and arm.method in ("cot", "majority")]
    small = Portfolio("small", tuple(few[:2]))
    states = random_states(cases[:12], small, first_steps_of(small, probe), seed=0)
    used_up = [s for s in states if not any(is_open(arm, s.walk.evidence) for arm in small.arms)]
    assert used_up


def test_a_walk_only_gathers(states: list[State]) -> None:
    for one, later in pairwise(states):
        if later.number != one.number or later.walk.order is not one.walk.order:
            continue
        before, now = one.walk.position, later.walk.position
        assert all(now.n.get(pool, 0) >= n for pool, n in before.n.items())
        assert before.found <= now.found
        assert later.walk.flops > one.walk.flops
        assert now != before


def test_most_steps_are_cheap_ones(
    cases: list[Case], portfolio: Portfolio, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a router's, which comes to the dear arms when the cheap ones have shown that they are needed."""

    def mean_cost(cheap_first: float) -> float:
        monkeypatch.setattr(routing_rows, "_CHEAP_FIRST", cheap_first)
        return float(
            np.mean(
                [
                    s.walk.flops
                    for s in random_states(cases[:12], portfolio, first_steps_of(portfolio, probe), seed=0)
                ]
            )
        )

    chosen = mean_cost(routing_rows._CHEAP_FIRST)
    assert 1.2 * mean_cost(1.0) < chosen < 0.8 * mean_cost(0.0)


def test_a_seed_gives_the_same_states(cases: list[Case], portfolio: Portfolio, probe: Probe) -> None:
    one, same, other = (
        random_states(cases[:3], portfolio, first_steps_of(portfolio, probe), seed) for seed in (5, 5, 6)
    )

    def looks(states: list[State]) -> list[tuple[Position, float]]:
        return [(s.walk.position, s.walk.flops) for s in states]

    assert looks(one) == looks(same)
    assert looks(one) != looks(other)


def test_of_a_long_walk_some_states_are_kept_in_their_order_and_of_a_short_one_all(cases: list[Case]) -> None:
    rng = np.random.default_rng(0)
    long, short = ([Walk(cases[0], cases[0].order(rng)) for _ in range(n)] for n in (9, 2))
    trail = [(place, w) for pair in zip_longest(long, short) for place, w in enumerate(pair) if w]
    kept = some_of_each(trail, 4, np.random.default_rng(3))
    of_long, of_short = ([w for place, w in kept if place == k] for k in (0, 1))
    assert [id(w) for w in of_short] == [id(w) for w in short]
    places = [next(k for k, other in enumerate(long) if other is w) for w in of_long]
    assert len(places) == 4
    assert places == sorted(set(places))
    other = some_of_each(trail, 4, np.random.default_rng(4))
    assert [id(w) for _, w in other] != [id(w) for _, w in kept]


def test_every_answer_at_hand_is_a_row_that_says_whether_it_is_right(
    states: list[State], layout: Layout
) -> None:
    table = answers_table(states, layout)
    expected = [(s.number, float(group == 0)) for s in states for group in layout.answers(s.walk.evidence)[0]]
    assert list(zip(table.problems, table.labels, strict=True)) == expected
    assert {0.0, 1.0} == set(table.labels)
    assert table.arrays(len(layout.answer_names))[0].shape == (len(expected), len(layout.answer_names))


def test_rows_have_the_features_of_an_option(tables: OptionTables, layout: Layout) -> None:
    for table in (tables.mend, tables.spoil, tables.cost):
        rows, labels, problems = table.arrays(len(layout.option_names))
        assert (
            rows.shape == (len(labels), len(layout.option_names)) == (len(problems), len(layout.option_names))
        )
    assert len(tables.mend.labels) + len(tables.spoil.labels) == len(tables.cost.labels)


def test_an_arm_is_run_in_every_state_that_leaves_one_open(
    states: list[State], tables: OptionTables, portfolio: Portfolio
) -> None:
    n_open = [sum(is_open(arm, s.walk.evidence) for arm in portfolio.arms) for s in states]
    assert len(tables.cost.labels) == sum(min(n, routing_rows.ARMS_A_STATE) for n in n_open)


def test_a_wrong_answer_may_be_mended_and_a_right_one_spoilt(
    states: list[State], portfolio: Portfolio, layout: Layout, by_votes: CalibratedModel
) -> None:
    """Each label is what the arm led to, found by running it again."""
    met: set[tuple[bool, float]] = set()
    for state in states:
        found = options_tables([state], portfolio, layout, by_votes, seed=1)
        judge(layout, by_votes, [state.walk])
        used, unused = (found.spoil, found.mend) if state.walk.correct else (found.mend, found.spoil)
        assert unused.labels == []
        kinds = [
            layout.option_names.index(f"arm/{n}") for n in ("policy", "prm", "method", "log2_n", "greedy")
        ]
        for row, label, log10_flops in zip(used.rows, used.labels, found.cost.labels, strict=True):
            (arm,) = [a for a in portfolio.arms if facts(a, layout) == row[kinds].tolist()]
            end = after(state.walk, arm)
            judge(layout, by_votes, [end])
            assert label == (1 - end.correct if state.walk.correct else end.correct)
            met.add((bool(state.walk.correct), label))
            assert 10**log10_flops == pytest.approx(max(1.0, end.flops - state.walk.flops))
    assert len(met) == 4, "right and wrong answers, with either label"


def facts(arm: Arm, layout: Layout) -> list[float]:
    prm = layout.prms.index(arm.prm) if arm.prm else -1
    method = layout.methods.index(arm.method)
    return [layout.policies.index(arm.policy), prm, method, math.log2(arm.budget), arm.temperature == 0]


def test_what_is_held_is_the_surest_answer_of_the_state(tables: OptionTables, layout: Layout) -> None:
    surest = layout.option_names.index(SUREST)
    support = layout.option_names.index("answer/support")
    for table in (tables.mend, tables.spoil):
        for row in table.rows:
            expected = 0.0 if math.isnan(row[support]) else 1 - 1 / (1 + row[support])
            assert row[surest] == pytest.approx(expected)
    assert all(row[surest] > 0 for row in tables.spoil.rows)


def test_some_rows_know_the_text_alone(tables: OptionTables, layout: Layout) -> None:
    n_seen = [k for k, name in enumerate(layout.state_names) if name.endswith("/n")]
    rows, _, problems = tables.mend.arrays(len(layout.option_names))
    bare = (rows[:, n_seen] == 0).all(axis=1)
    assert set(problems[bare].tolist()) == set(range(12))
    assert not np.isnan(rows[bare][:, : len(TEXT_FEATURES)]).any()


def test_no_row_is_about_an_arm_that_is_done(tables: OptionTables, layout: Layout) -> None:
    at = {name: layout.option_names.index(f"arm/{name}") for name in ("method", "more_samples")}
    voting = [layout.methods.index(m) for m in ("majority", "adaptive", "cot")]
    rows, _, _ = tables.cost.arrays(len(layout.option_names))
    votes = np.isin(rows[:, at["method"]], voting)
    assert (rows[votes][:, at["more_samples"]] > 0).all()


def test_a_state_stays_as_it_was(
    cases: list[Case], portfolio: Portfolio, layout: Layout, by_votes: CalibratedModel, probe: Probe
) -> None:
    w = probed(probe.arm, cases[0], cases[0].order(np.random.default_rng(0)))
    before = replace(w)
    options_tables([State(0, w)], portfolio, layout, by_votes, seed=0)
    assert (w.position, w.flops, w.chosen) == (before.position, before.flops, before.chosen)


def test_how_many_states_are_judged_at_once_changes_nothing(
    states: list[State],
    tables: OptionTables,
    portfolio: Portfolio,
    layout: Layout,
    by_votes: CalibratedModel,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routing_rows, "_AT_ONCE", 5)
        few = options_tables(states, portfolio, layout, by_votes, seed=0)
    for one, other in ((few.mend, tables.mend), (few.spoil, tables.spoil), (few.cost, tables.cost)):
        np.testing.assert_array_equal(one.rows, other.rows)
        assert (one.labels, one.problems) == (other.labels, other.problems)


def test_where_every_arm_has_run_there_is_no_row(
    cases: list[Case], layout: Layout, by_votes: CalibratedModel, probe: Probe
) -> None:
    w = probed(probe.arm, cases[0], cases[0].order(np.random.default_rng(0)))
    found = options_tables([State(0, w)], Portfolio("probes", (probe.arm,)), layout, by_votes, seed=0)
    assert found.cost.labels == found.mend.labels == found.spoil.labels == []


def test_no_row_is_a_table_all_the_same() -> None:
    rows, labels, problems = Table().arrays(3)
    assert (rows.shape, labels.shape, problems.shape) == ((0, 3), (0,), (0,))


def test_joined_tables_have_the_rows_of_all_in_their_order() -> None:
    one, other = Table(), Table()
    one.add(np.array([1.0]), 0.5, 7)
    other.add(np.array([2.0]), 1.0, 8)
    whole = joined([one, Table(), other])
    assert [row.tolist() for row in whole.rows] == [[1.0], [2.0]]
    assert (whole.labels, whole.problems) == ([0.5, 1.0], [7, 8])
    assert one.labels == [0.5]
