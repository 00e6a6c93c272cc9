"""Tallies against counting by hand, and what is believed from them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ladders import answer_model
from tts_select.selector.evidence import NO_ANSWER
from tts_select.selector.routers.tally import FARTHEST, N_FEATURES, AnswerModel, Belief, Tally, Usual

ABSENT = -2
ROWS = st.lists(st.integers(-2, 3), min_size=1, max_size=7)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.data())
def test_a_tally_counts_as_one_would_by_hand(groups: list[int], data: st.DataObject) -> None:
    weights = data.draw(
        st.lists(st.sampled_from([0.25, 0.5, 1.0]), min_size=len(groups), max_size=len(groups))
    )
    costs = data.draw(st.lists(st.floats(1.0, 9.0), min_size=len(groups), max_size=len(groups)))
    usual = Usual(1.0, 0.5, 1.0, mean_length=3.0, per_token=1.0)
    there = np.array([group != ABSENT for group in groups])
    tally = Tally.of(np.array([groups]), np.where(there, [weights], 0.0), usual.deviations(np.array([costs])))
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


@given(ROWS, st.data())
def test_the_certainty_of_an_answer_is_the_mean_of_its_samples(
    groups: list[int], data: st.DataObject
) -> None:
    told = data.draw(
        st.lists(st.sampled_from([np.nan, 8.0, 11.0, 40.0]), min_size=len(groups), max_size=len(groups))
    )
    usual = Usual(1.0, 0.5, 1.0, 3.0, 1.0, certainty=10.0, certainty_spread=2.0)
    group, certainty = np.array([groups]), usual.of_certainties(np.array([told]))
    weight, length = np.where(group == ABSENT, 0.0, 1.0), np.zeros(group.shape)
    features = Tally.of(group, weight, length, certainty).features()
    np.testing.assert_array_equal(features[..., :N_FEATURES], Tally.of(group, weight, length).features())
    by_hand = {None: 0.0, 8.0: -1.0, 11.0: 0.5, 40.0: FARTHEST}
    z = [by_hand[None if np.isnan(c) else c] for c in told]
    there = [k for k, g in enumerate(groups) if g != ABSENT]
    for k, g in enumerate(groups):
        if g >= 0:
            mean, of_all = features[0, k, N_FEATURES:]
            assert mean == pytest.approx(np.mean([z[j] for j in there if groups[j] == g]))
            assert of_all == pytest.approx(np.mean([z[j] for j in there]))


def test_certainties_of_a_pool_that_never_told_are_as_usual() -> None:
    usual = Usual(1.0, 0.5, 1.0, mean_length=3.0, per_token=1.0)
    assert usual.of_certainties(np.array([3.0, np.nan])).tolist() == [0.0, 0.0]


def tally_of(*rows: list[int]) -> Tally:
    """Votes of weight 1 and usual lengths; `ABSENT` fills up."""
    group = np.array(rows)
    return Tally.of(group, np.where(group == ABSENT, 0.0, 1.0), np.zeros(group.shape))


@given(ROWS, st.integers(0, 3))
def test_absent_draws_change_nothing(groups: list[int], n: int) -> None:
    whole, filled_up = tally_of(groups), tally_of([*groups, *[ABSENT] * n])
    np.testing.assert_array_equal(filled_up.features()[:, : len(groups)], whole.features())
    model = answer_model()
    for one, other in zip(
        (whole_belief := Belief.of(whole, model)).terms().T,
        Belief.of(filled_up, model).terms().T,
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    assert Belief.of(filled_up, model).group == whole_belief.group


def test_nothing_drawn_is_no_answer() -> None:
    belief = Belief.of(tally_of([ABSENT], [NO_ANSWER]), answer_model())
    assert belief.group.tolist() == [NO_ANSWER, NO_ANSWER]
    assert belief.p_correct.tolist() == belief.second.tolist() == [0.0, 0.0]
    assert tally_of([ABSENT], [NO_ANSWER]).leader().tolist() == [NO_ANSWER, NO_ANSWER]


def test_a_length_counts_no_farther_than_so_many_deviations() -> None:
    usual = Usual(np.log(100.0), 0.1, 1.0, mean_length=100.0, per_token=1.0)
    z = usual.deviations(np.array([0.0, 1.0, 100.0, 110.0, 1e9]))
    assert z.tolist() == pytest.approx([-FARTHEST, -FARTHEST, 0.0, np.log(1.1) / 0.1, FARTHEST])


def test_a_belief_does_not_depend_on_how_many_draws_are_described_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(4)
    tally = Tally.of(rng.integers(-1, 3, (11, 6)), np.ones((11, 6)), rng.normal(size=(11, 6)))
    model = AnswerModel(np.zeros(N_FEATURES), np.ones(N_FEATURES), rng.normal(size=N_FEATURES), 0.1)
    whole = Belief.of(tally, model)
    monkeypatch.setattr("tts_select.selector.routers.tally._DRAWS", 12)
    parts = Belief.of(tally, model)
    for name in ("group", "p_correct", "second", "length"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-12, err_msg=name)
