"""What an arm costs after a look: nothing that is there already is computed, or paid for, again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.arm import Arm
from tts_select.core.plan import Settings
from tts_select.selector.portfolio import Portfolio
from tts_select.training.replay.cases import Case, Order, Position

SMALL, PRM, NARROW = "world:small", "world:prm", "world:prm-narrow"
MAJORITY = Arm(SMALL, None, "majority", 16)
BEST, BEST_NARROW = Arm(SMALL, PRM, "best_of_n", 16), Arm(SMALL, NARROW, "best_of_n", 16)
COT = Arm(SMALL, None, "cot", 1)
JUDGED = Arm(SMALL, PRM, "best_of_n", 1, Settings(temperature=0.0))
BEAM = Arm(SMALL, PRM, "beam", 16)
places = st.integers(0, 47)
seeds = st.integers(0, 999)


def order_of(case: Case, seed: int) -> Order:
    return case.order(np.random.default_rng(seed))


def cost(case: Case, arm: Arm, order: Order, position: Position, n: int) -> float:
    return case.sampling_cost(arm, order, position, n)[0]


def prompt_flops(case: Case, model: str) -> float:
    return case.costs.per_token[model] * case.pools[SMALL].prompt_tokens


def test_a_look_grows_with_an_arm_and_never_shrinks() -> None:
    position = Position().after(BEST, 2)
    assert position == Position({SMALL: 2}, {SMALL: {PRM: 2}}, frozenset(), frozenset([SMALL, PRM]))
    more = position.after(BEST_NARROW, 8)
    assert more.n == {SMALL: 8}
    assert more.scored == {SMALL: {PRM: 2, NARROW: 8}}
    assert more.after(MAJORITY, 4) == more
    assert more.after(BEST, 4).scored == {SMALL: {PRM: 8, NARROW: 8}}, "it scores all that are there"
    other = position.after(Arm("world:large", None, "majority", 4), 4)
    assert other.n == {SMALL: 2, "world:large": 4}
    assert other.scored["world:large"] == {}


def test_a_search_that_has_run_is_found_and_leaves_the_samples_alone() -> None:
    position = Position().after(MAJORITY, 4)
    after = position.after(BEAM, 0)
    assert (after.found, after.n, after.scored) == (frozenset([BEAM.name]), position.n, position.scored)


def test_whoever_ran_has_read_the_prompt() -> None:
    assert Position().readers == frozenset()
    assert Position().after(COT, 1).readers == {SMALL}
    assert Position().after(JUDGED, 1).readers == {SMALL, PRM}
    assert Position().after(COT, 1).after(BEAM, 0).readers == {SMALL, PRM}


@given(
    place=places,
    seed=seeds,
    counts=st.lists(st.integers(0, 16), min_size=3, max_size=3).map(sorted),
    arm=st.sampled_from([MAJORITY, BEST, BEST_NARROW]),
)
def test_costs_add_up_over_rounds(
    place: int, seed: int, counts: list[int], arm: Arm, cases: list[Case]
) -> None:
    case = cases[place]
    order = order_of(case, seed)
    start, middle, end = counts
    position = Position().after(arm, start)
    first = case.sampling_cost(arm, order, position, middle)
    second = case.sampling_cost(arm, order, position.after(arm, middle), end)
    assert np.add(first, second) == pytest.approx(np.array(case.sampling_cost(arm, order, position, end)))


@given(place=places, seed=seeds, n=st.integers(1, 16), data=st.data())
def test_scoring_later_costs_what_scoring_at_once_does(
    place: int, seed: int, n: int, data: st.DataObject, cases: list[Case]
) -> None:
    case = cases[place]
    order = order_of(case, seed)
    k = data.draw(st.integers(0, n))
    bare = case.sampling_cost(MAJORITY, order, Position(), k)
    scored = case.sampling_cost(BEST, order, Position().after(MAJORITY, k), n)
    assert np.add(bare, scored) == pytest.approx(np.array(case.sampling_cost(BEST, order, Position(), n)))


@given(
    draw=st.tuples(places, seeds, st.integers(1, 16)), arms=st.tuples(st.integers(0, 9), st.integers(0, 9))
)
def test_what_is_there_already_is_not_paid_for_again(
    draw: tuple[int, int, int], arms: tuple[int, int], cases: list[Case], portfolio: Portfolio
) -> None:
    place, seed, n = draw
    case = cases[place]
    order = order_of(case, seed)
    mine = [arm for arm in portfolio.arms if arm.policy == SMALL]
    before, arm = (mine[k % len(mine)] for k in arms)
    position = Position().after(before, n if before.temperature else 1)
    left, whole = case.cost(arm, order, position), case.cost(arm, order, Position())
    assert whole == pytest.approx(case.outcome(arm, order).flops)
    if arm.is_sampling:  # a PRM that is new reads all samples that are there, more than its arm asks for too
        everything = max(position.n.get(arm.pool, 0), case.n_samples(arm, order))
        assert 0 <= left <= cost(case, arm, order, Position(), everything)
    else:
        again = {m for m in (arm.policy, arm.prm) if m in position.readers}
        assert left == pytest.approx(whole - sum(prompt_flops(case, str(m)) for m in again))


def test_an_arm_that_is_done_costs_nothing(cases: list[Case], portfolio: Portfolio) -> None:
    position = Position()
    for arm in portfolio.arms:
        if arm.is_sampling:
            position = position.after(arm, 16 if arm.temperature else 1)
    for arm in portfolio.arms:
        assert (cases[0].cost(arm, order_of(cases[0], 0), position) == 0) == arm.is_sampling


@given(place=places, seed=seeds, n=st.integers(1, 16))
def test_a_prompt_that_a_policy_has_read_is_not_paid_for_again(
    place: int, seed: int, n: int, cases: list[Case]
) -> None:
    case = cases[place]
    order = order_of(case, seed)
    read = prompt_flops(case, SMALL)
    fresh = cost(case, MAJORITY, order, Position(), n)
    for before in (COT, BEAM):
        assert cost(case, MAJORITY, order, Position().after(before, 1), n) == pytest.approx(fresh - read)
    other = Position().after(Arm("world:large", None, "majority", 4), 4)
    assert cost(case, MAJORITY, order, other, n) == fresh
    assert (
        case.sampling_cost(MAJORITY, order, Position().after(COT, 1), n)[1]
        == (case.sampling_cost(MAJORITY, order, Position(), n)[1])
    )


@given(place=places, seed=seeds, n=st.integers(1, 16))
def test_a_prompt_that_a_prm_has_read_is_not_paid_for_again(
    place: int, seed: int, n: int, cases: list[Case]
) -> None:
    """Each PRM reads it for itself, and once for all pools."""
    case = cases[place]
    order = order_of(case, seed)
    fresh = cost(case, BEST, order, Position().after(MAJORITY, 0), n)
    known = Position().after(Arm("world:large", PRM, "best_of_n", 2), 2)
    read = prompt_flops(case, PRM)
    assert cost(case, BEST, order, known.after(MAJORITY, 0), n) == pytest.approx(fresh - read)
    assert cost(case, BEST_NARROW, order, known.after(MAJORITY, 0), n) == pytest.approx(
        cost(case, BEST_NARROW, order, Position().after(MAJORITY, 0), n)
    )


def test_a_greedy_solution_is_no_sample_of_the_pool_that_votes(cases: list[Case]) -> None:
    case = cases[0]
    order = order_of(case, 0)
    position = Position().after(COT, 1)
    tokens = sum(case.pools[SMALL].samples[k].n_tokens for k in order.samples[SMALL][:4])
    assert case.sampling_cost(MAJORITY, order, position, 4)[1] == tokens
    assert case.cost(COT, order, Position().after(MAJORITY, 16)) > 0
    judged, cot = (case.cost(arm, order, Position()) for arm in (JUDGED, COT))
    assert case.cost(JUDGED, order, position) == judged - cot


def test_samples_that_were_drawn_without_a_prm_are_neither_scored_nor_read_by_it(cases: list[Case]) -> None:
    """Whatever it has scored of the pool before."""
    case = cases[0]
    order = order_of(case, 0)
    position = Position().after(BEST, 2).after(MAJORITY, 8)
    assert [bool(s.scores) for s in case.evidence(order, position).of(SMALL)] == [True] * 2 + [False] * 6
    tokens = case.pools[SMALL].prm_tokens[PRM]
    left = case.costs.per_token[PRM] * (tokens[8] - tokens[2])
    assert cost(case, BEST, order, position, 8) == pytest.approx(left)


@pytest.mark.parametrize(
    ("before", "readers"),
    [
        (COT, (SMALL,)),
        (JUDGED, (SMALL, PRM)),
        (Arm("world:large", PRM, "best_of_n", 2), (PRM,)),
        (Arm("world:large", None, "cot", 1), ()),
        (BEST_NARROW, (SMALL,)),
    ],
)
def test_a_search_does_not_pay_for_prompts_that_its_models_have_read(
    before: Arm, readers: tuple[str, ...], cases: list[Case]
) -> None:
    case = cases[0]
    order = order_of(case, 0)
    saved = sum(prompt_flops(case, model) for model in readers)
    left = case.cost(BEAM, order, Position().after(before, 1))
    assert left == pytest.approx(case.outcome(BEAM, order).flops - saved)


def test_a_search_is_never_cheaper_than_nothing(cases: list[Case]) -> None:
    case = cases[0]
    (run, observed), *_ = case.runs[BEAM.name]
    free = replace(run, cost=replace(run.cost, flops=1.0))
    cheap = replace(case, runs={**case.runs, BEAM.name: [(free, observed)]})
    assert cheap.cost(BEAM, order_of(case, 0), Position().after(JUDGED, 1)) == 0.0


def test_prm_tokens_are_read_off_the_logged_curve(cases: list[Case]) -> None:
    case = cases[0]
    curve = {1: 70, 2: 100, 4: 140, 16: 500}
    assert set(curve) <= set(case.pools[SMALL].prm_tokens[PRM])
    pool = replace(case.pools[SMALL], prm_tokens={PRM: curve})
    bent = replace(case, pools={**case.pools, SMALL: pool})
    order = order_of(case, 0)
    for n, tokens in [(1, 70), (2, 100), (3, 120), (4, 140), (10, 320), (16, 500)]:
        read = cost(bent, BEST, order, Position(), n) - cost(bent, MAJORITY, order, Position(), n)
        assert read == pytest.approx(bent.costs.per_token[PRM] * tokens)
