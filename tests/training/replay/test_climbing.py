"""Tallies of a ladder against counting by hand, and samples that are ended at checkpoints."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.made import made_log
from tts_select.selector.routers.ladder import Ending, Stage, Tally, Usual
from tts_select.training.replay.climbing import climb, ended, usual_of
from tts_select.training.replay.orders import ABSENT, Draws, replay_of

ROWS = st.lists(st.integers(-2, 3), min_size=1, max_size=7)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.data())
def test_a_tally_counts_as_one_would_by_hand(groups: list[int], data: st.DataObject) -> None:
    weights = data.draw(
        st.lists(st.sampled_from([0.25, 0.5, 1.0]), min_size=len(groups), max_size=len(groups))
    )
    costs = data.draw(st.lists(st.floats(0.5, 9.0), min_size=len(groups), max_size=len(groups)))
    tally = Tally.empty(1)
    for group, weight, cost in zip(groups, weights, costs, strict=True):
        there = np.array([group != ABSENT])
        tally = tally.after(np.array([group]), np.array([cost]), there, Usual(1.0, 0.5, weight))
    votes: Counter[int] = Counter()
    for group, weight in zip(groups, weights, strict=True):
        if group >= 0:
            votes[group] += weight  # type: ignore[assignment]
    lengths = {
        g: [(np.log(c) - 1.0) / 0.5 for h, c in zip(groups, costs, strict=True) if h == g] for g in votes
    }
    for k, group in enumerate(groups):
        assert tally.votes[0, k] == pytest.approx(votes[group] if group >= 0 else 0.0)
        if group >= 0:
            assert tally.lengths[0, k] == pytest.approx(sum(lengths[group]))
            assert tally.shortest[0, k] == pytest.approx(min(lengths[group]))
    assert tally.cost[0] == pytest.approx(sum(c for g, c in zip(groups, costs, strict=True) if g != ABSENT))
    most = max(votes.values(), default=0)
    first = next((g for g in groups if g >= 0 and votes[g] == most), -1)
    assert tally.leader()[0] == first
    shares = tally.features()[0]
    total = max(sum(w for g, w in zip(groups, weights, strict=True) if g != ABSENT), 1e-9)
    for k, group in enumerate(groups):
        if group >= 0:
            rival = max((v for g, v in votes.items() if g != group), default=0.0)
            assert shares[k, 0] == pytest.approx(votes[group] / total)
            assert shares[k, 1] == pytest.approx(rival / total)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-1, 2), min_size=1, max_size=8), st.integers(-1, 2), st.data())
def test_a_sample_ends_at_the_first_checkpoint_that_asks_for_it(
    at: list[int], leader: int, data: st.DataObject
) -> None:
    patience = data.draw(st.one_of(st.none(), st.integers(1, 4)))
    confirming = data.draw(st.one_of(st.none(), st.integers(1, 4)))
    stood, run = [], 0
    for k, group in enumerate(at):
        run = 0 if group < 0 else run + 1 if k and at[k - 1] == group else 1
        stood.append(run)
    expected = (9, 100.0)
    for k, group in enumerate(at):
        patient = patience is not None and stood[k] >= patience
        confirmed = confirming is not None and group == leader and stood[k] >= confirming
        if patient or confirmed:
            expected = (group, 5.0 * (k + 1))
            break
    draws = Draws(np.array([[9]]), np.array([[100.0]]), np.array([[at]]), np.array([[stood]]), 5.0)
    group, cost = ended(draws, 0, Ending(patience, confirming), np.array([leader]))
    assert (int(group[0]), float(cost[0])) == expected


def test_a_ladder_goes_on_with_the_next_samples_of_a_policy() -> None:
    replay = replay_of(made_log(4), n_orders=3, seed=0)
    usual = usual_of(replay)
    walked = climb([Stage("log:strong", 2), Stage("log:weak", 1), Stage("log:strong", 1)], replay, usual)
    strong, weak = (replay.draws[name].cost for name in ("log:strong", "log:weak"))
    np.testing.assert_allclose(walked.tallies[-1].cost, strong[:, :3].sum(axis=1) + weak[:, 0])
    assert [tally.group.shape[1] for tally in walked.tallies] == [1, 2, 3, 4]


def test_the_more_accurate_policy_has_the_heavier_vote() -> None:
    usual = usual_of(replay_of(made_log(40), n_orders=4, seed=0))
    assert usual["log:strong"].weight == 1.0
    assert 0 < usual["log:weak"].weight < 1.0
