from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.arm import Arm
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.router import Probe, layout_of
from tts_select.training.routing.cases import Case
from tts_select.training.routing.rows import Look, Tables, first_look, remaining_cost, tables_of

BOTH = frozenset(["world:prm", "world:prm-narrow"])


@pytest.fixture(scope="module")
def tables(cases: list[Case], portfolio: Portfolio, probe: Probe) -> Tables:
    return tables_of(cases, portfolio, probe, seed=0)


def test_the_first_look_is_at_the_probes(probe: Probe, cases: list[Case]) -> None:
    evidence = first_look(probe).evidence(cases[0], cases[0].order(np.random.default_rng(0)))
    assert set(evidence.samples) == {probe.policy}
    assert [set(s.scores) for s in evidence.of(probe.policy)] == [{probe.prm}] * probe.n


def test_a_look_grows_with_an_arm_and_never_shrinks(probe: Probe) -> None:
    look = first_look(probe)
    more = look.with_arm(Arm(probe.policy, "world:prm-narrow", "best_of_n", 8), 8)
    assert more == Look({probe.policy: 8}, {probe.policy: BOTH})
    assert more.with_arm(Arm(probe.policy, None, "majority", 4), 4) == more
    other = look.with_arm(Arm("world:large", None, "majority", 4), 4)
    assert other.n == {probe.policy: probe.n, "world:large": 4}
    assert other.scored["world:large"] == frozenset()


def test_rows_have_the_features_of_the_layout(tables: Tables, portfolio: Portfolio) -> None:
    layout = layout_of(portfolio)
    for table, names in [
        (tables.states, layout.state_names),
        (tables.success, layout.arm_names),
        (tables.cost, layout.arm_names),
        (tables.confidence, layout.outcome_names),
    ]:
        rows, labels, problems = table.arrays()
        assert rows.shape == (len(labels), len(names)) == (len(problems), len(names))


def test_every_problem_is_in_every_table(tables: Tables, cases: list[Case]) -> None:
    for table in (tables.states, tables.success, tables.cost, tables.confidence):
        assert set(table.problems) == set(range(len(cases)))


def test_labels_are_outcomes_and_costs(tables: Tables) -> None:
    assert set(tables.success.labels) == {0.0, 1.0} == set(tables.confidence.labels)
    costs = np.array(tables.cost.labels)
    assert np.isfinite(costs).all()
    assert (costs >= 0).all()
    assert np.isnan(tables.states.labels).all()


def test_some_rows_know_the_text_alone(tables: Tables, portfolio: Portfolio, cases: list[Case]) -> None:
    n_seen = [k for k, name in enumerate(layout_of(portfolio).state_names) if name.endswith("/n")]
    rows, _, problems = tables.success.arrays()
    bare = (rows[:, n_seen] == 0).all(axis=1)
    assert set(problems[bare].tolist()) == set(range(len(cases)))


def test_no_row_is_about_an_arm_that_is_done(tables: Tables, portfolio: Portfolio) -> None:
    names = layout_of(portfolio).arm_names
    rows, _, _ = tables.success.arrays()
    at = {name: names.index(f"arm/{name}") for name in ("arm_method", "arm_prm", "arm_more_samples")}
    methods = layout_of(portfolio).methods
    votes = np.isin(rows[:, at["arm_method"]], [methods.index("majority"), methods.index("adaptive")])
    assert (rows[votes][:, at["arm_more_samples"]] > 0).all()


def test_a_seed_gives_the_same_rows(cases: list[Case], portfolio: Portfolio, probe: Probe) -> None:
    one, same, other = (tables_of(cases[:4], portfolio, probe, seed=s).success for s in (0, 0, 1))
    np.testing.assert_array_equal(np.stack(one.rows), np.stack(same.rows))
    assert one.labels == same.labels
    assert not np.array_equal(np.stack(one.rows), np.stack(other.rows), equal_nan=True)


def looks(policy: str) -> st.SearchStrategy[Look]:
    return st.builds(
        lambda n, prms: Look({policy: n}, {policy: prms}),
        st.integers(0, 64),
        st.sets(st.sampled_from(sorted(BOTH))).map(frozenset),
    )


@given(seed=st.integers(0, 999), look=looks("world:small"), data=st.data())
def test_what_is_there_already_is_not_paid_for_again(
    seed: int, look: Look, data: st.DataObject, cases: list[Case], portfolio: Portfolio
) -> None:
    case = cases[seed % len(cases)]
    order = case.order(np.random.default_rng(seed))
    arm = data.draw(st.sampled_from([a for a in portfolio.arms if a.policy == "world:small"]))
    left, whole = remaining_cost(case, arm, order, look), case.outcome(arm, order).flops
    if not arm.is_sampling:
        assert left == whole
        return
    assert 0 <= left <= whole
    n = case.n_samples(arm, order)
    here = min(n, look.n["world:small"])
    assert remaining_cost(case, arm, order, Look({}, {})) == whole
    is_scored = arm.prm in look.scored["world:small"]
    paid, _ = case.sampling_cost("world:small", arm.prm if is_scored else None, order, 0, here)
    assert left + paid == pytest.approx(whole)


def test_an_arm_that_is_done_costs_nothing(cases: list[Case], portfolio: Portfolio) -> None:
    order = cases[0].order(np.random.default_rng(0))
    everything = Look(dict.fromkeys(portfolio.policies, 64), dict.fromkeys(portfolio.policies, BOTH))
    for arm in portfolio.arms:
        assert (remaining_cost(cases[0], arm, order, everything) == 0) == arm.is_sampling
