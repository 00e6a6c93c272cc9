"""Fixed arms and stop rules of whole arrays against the plain rules, sample by sample."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.made import made_log
from tts_select.core.arm import Arm
from tts_select.core.stopping import (
    BETA,
    DOUBLING,
    EARLY_STOPPING,
    FIRST_SAMPLES,
    MARGIN_RULE,
    StopRule,
)
from tts_select.core.voting import p_stays_ahead
from tts_select.selector.routers.tally import Tally
from tts_select.training.evaluation.thresholds import THRESHOLDS
from tts_select.training.replay.draws import ABSENT, CUT, Draws
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Replay, replay_of
from tts_select.training.replay.strategies import (
    RULES,
    Opening,
    Votes,
    best_fixed,
    budgets,
    fixed_arms,
    stopped,
)

POLICY = "log:weak"
PLAIN = {
    "margin": MARGIN_RULE,
    "adaptive consistency": BETA,
    "doubling": DOUBLING,
    "early-stopping self-consistency": EARLY_STOPPING,
}
samples = st.lists(st.sampled_from([0, 0, 0, 1, 2, -1, CUT]), min_size=1, max_size=20)
pools = st.lists(samples, min_size=1, max_size=5)


@pytest.fixture(scope="module")
def replay() -> Replay:
    return replay_of(made_log(12, n_samples=10), n_orders=4, seed=2)


def majority(groups: list[int]) -> int:
    counts = Counter(g for g in groups if g >= 0)
    return max(counts, key=counts.__getitem__) if counts else -1


def drawn(replay: Replay, row: int) -> tuple[list[int], list[float]]:
    draws = replay.draws[POLICY]
    return draws.group[row].tolist(), draws.cost[row].tolist()


def draws_of(rows: list[list[int]]) -> Draws:
    """Sample k of a row costs k, and nothing where it is absent."""
    most = max(map(len, rows))
    group = np.array([row + [ABSENT] * (most - len(row)) for row in rows])
    length = np.where(group == ABSENT, 0.0, np.arange(1, most + 1))
    return Draws(group, length, np.zeros(len(rows)), 1.0)


def after(groups: list[int], n: int) -> tuple[bool, float]:
    return majority(groups[:n]) == RIGHT, n * (n + 1) / 2


def test_every_rule_has_its_plain_form() -> None:
    assert list(RULES) == list(PLAIN)


@pytest.mark.parametrize("name", PLAIN)
@given(rows=pools)
def test_a_rule_stops_where_its_plain_form_does(name: str, rows: list[list[int]]) -> None:
    rule: StopRule = PLAIN[name]
    votes = Votes.of(draws_of(rows))
    correct, cost = stopped(votes, RULES[name](votes)).outcome
    for row, groups in enumerate(rows):
        assert (correct[row], cost[row]) == after(groups, rule.n_drawn(groups, 64))


def plainly(rule: str, groups: list[int], threshold: float) -> bool:
    """Whether a rule is met after these samples, by its words."""
    n, (first, second, *_) = len(groups), [*sorted(Counter(g for g in groups if g >= 0).values())[::-1], 0, 0]
    if rule == "margin":
        return n >= 2 and first - second >= threshold * n
    if rule == "lead":
        return first - second >= threshold
    if rule == "adaptive consistency":
        return p_stays_ahead(first, second) >= threshold
    if rule == "doubling":
        return n in (2, 4, 8, 16) and first >= threshold * n
    window = groups[n - int(threshold) :] if n % threshold == 0 else [0, 1]
    return len(set(window)) == 1 and window[0] >= 0


@pytest.mark.parametrize("name", THRESHOLDS)
@given(rows=pools, most=st.sampled_from([None, 1, 4, 8]))
def test_a_rule_at_any_threshold_and_cap_stops_where_its_words_say(
    name: str, rows: list[list[int]], most: int | None
) -> None:
    is_met, thresholds = THRESHOLDS[name]
    votes = Votes.of(draws_of(rows))
    for threshold in thresholds:
        correct, cost = stopped(votes, is_met(votes, threshold), most).outcome
        for row, groups in enumerate(rows):
            last = min(len(groups), most or 64)
            n = next((k for k in range(1, last + 1) if plainly(name, groups[:k], threshold)), last)
            assert (correct[row], cost[row]) == after(groups, n)


@given(rows=st.lists(st.tuples(samples, samples), min_size=1, max_size=5))
def test_a_cascade_asks_the_second_policy_where_the_first_is_not_content(
    rows: list[tuple[list[int], list[int]]],
) -> None:
    one, two = (Votes.of(draws_of([row[k] for row in rows])) for k in (0, 1))
    correct, cost = Opening.of(one).then(stopped(two, RULES["margin"](two))).outcome
    for row, (first, second) in enumerate(rows):
        n = MARGIN_RULE.n_drawn(first, FIRST_SAMPLES)
        right, paid = after(first, n)
        if not MARGIN_RULE.is_met(first[:n]):
            m = MARGIN_RULE.n_drawn(second, 64)
            its_right, more = after(second, m)
            right, paid = its_right if majority(second[:m]) >= 0 else right, paid + more
        assert (correct[row], cost[row]) == (right, paid)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 8, 9, 10])
def test_a_majority_is_that_of_the_first_samples(replay: Replay, k: int) -> None:
    correct, cost = fixed_arms(replay)[Arm(POLICY, None, "majority", k)]
    for row in range(len(replay)):
        groups, costs = drawn(replay, row)
        assert correct[row] == (majority(groups[:k]) == RIGHT)
        assert cost[row] == pytest.approx(sum(costs[:k]))


def test_a_rule_costs_less_than_all_samples(replay: Replay) -> None:
    votes = Votes.of(replay.draws[POLICY])
    for is_met in RULES.values():
        assert stopped(votes, is_met(votes)).cost.mean() < votes.cost[:, -1].mean()


def test_of_equally_accurate_arms_the_cheapest_is_the_best() -> None:
    replay = replay_of(made_log(5, p_right=1.0), n_orders=2, seed=0)
    assert best_fixed(fixed_arms(replay)).name == "majority@1 log:weak"


def test_small_budgets_are_all_there_and_so_is_the_whole_pool() -> None:
    assert budgets(1) == [1]
    assert budgets(12) == list(range(1, 13))
    assert budgets(30) == [*range(1, 17), 20, 24, 30]
    assert budgets(64) == [*range(1, 17), 20, 24, 32, 48, 64]


@given(rows=pools)
def test_votes_are_those_of_a_tally(rows: list[list[int]]) -> None:
    draws = draws_of(rows)
    votes, of_draws = Votes.of(draws), (draws.group, draws.is_there * 1.0, np.zeros(draws.group.shape))
    for k in range(draws.group.shape[1]):
        tally = Tally.of(*(values[:, : k + 1] for values in of_draws))
        leader = tally.leader()
        assert votes.leader[:, k].tolist() == leader.tolist()
        assert votes.first[:, k].tolist() == tally.votes.max(axis=1).tolist()
        others = np.where(tally.group == leader[:, None], 0.0, tally.votes)
        assert votes.second[:, k].tolist() == others.max(axis=1).tolist()
