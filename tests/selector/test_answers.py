"""The answers at hand, against what stands behind them counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.selector.answers import answers_at_hand, names_of
from tts_select.selector.evidence import NO_ANSWER, Evidence, SeenSamples, SolutionEvidence, counts

POOLS = ("p", "p temperature=0", "q")
PRMS = ("r", "s")
SEARCHES = ("beam@4 p r", "dvts@4 q r")

observations = st.builds(
    SolutionEvidence,
    group=st.integers(NO_ANSWER, 2),
    n_tokens=st.integers(0, 20),
    logprob=st.integers(-20, 0).map(float),
    n_steps=st.integers(0, 3),
    scores=st.one_of(
        st.just({}),
        st.lists(st.integers(0, 8).map(lambda k: k / 8), min_size=1, max_size=2).map(lambda s: {"r": s}),
    ),
    share=st.integers(0, 8).map(lambda k: k / 8),
)
evidence_ = st.builds(
    Evidence,
    problem=st.just("x"),
    samples=st.one_of(
        st.lists(observations, min_size=3, max_size=6).map(lambda found: {"p": found}),
        st.dictionaries(st.sampled_from(POOLS), st.lists(observations, max_size=3)),
    ),
    found=st.dictionaries(st.sampled_from(SEARCHES), observations, max_size=1),
)
"""Often one pool of samples that a PRM has scored: there the ways to lead differ."""


def seen(
    group: int, *, logprob: float = -1.0, n_tokens: int = 1, **scores: tuple[float, ...]
) -> SolutionEvidence:
    return SolutionEvidence(group, n_tokens, logprob, 1, scores)


def at_hand(evidence: Evidence) -> dict[int, dict[str, float]]:
    """By group, its features by name."""
    names = [name.removeprefix("answer/") for name in names_of(POOLS, PRMS)]
    return {g: dict(zip(names, row, strict=True)) for g, row in answers_at_hand(evidence, POOLS, PRMS)}


@given(evidence_)
def test_every_feature_has_a_name_and_every_name_is_unique(evidence: Evidence) -> None:
    names = names_of(POOLS, PRMS)
    assert len(set(names)) == len(names)
    for _, row in answers_at_hand(evidence, POOLS, PRMS):
        assert len(row) == len(names)
        assert not np.isinf(row).any()


@given(evidence_)
def test_there_is_an_answer_at_hand_if_anything_answers_and_none_twice(evidence: Evidence) -> None:
    groups = [group for group, _ in answers_at_hand(evidence, POOLS, PRMS)]
    given_ = {s.group for s in evidence.solutions()}
    assert set(groups) <= given_
    assert bool(groups) == bool(given_)
    assert len(set(groups)) == len(groups)


@given(evidence_)
def test_what_was_counted_before_changes_nothing(evidence: Evidence) -> None:
    """The same samples beside others, first and last."""
    seen = {pool: SeenSamples(samples) for pool, samples in evidence.samples.items()}
    backwards = dict(reversed(seen.items()))
    for samples in (backwards, seen, backwards):
        known = Evidence(evidence.problem, samples, evidence.found)
        anew = Evidence(evidence.problem, {p: list(s) for p, s in samples.items()}, evidence.found)
        np.testing.assert_equal(at_hand(known), at_hand(anew))


@given(evidence_)
def test_an_answer_leads_somewhere_and_all_that_lead_are_there(evidence: Evidence) -> None:
    """Leading: the most votes, the largest sum of scores, or the highest score, first come first served."""
    leaders: set[int] = {o.group for o in evidence.found.values()}
    for samples in evidence.samples.values():
        answering = [s for s in samples if s.group != NO_ANSWER]
        if not answering:
            continue
        order = list(dict.fromkeys(s.group for s in answering))
        tally = counts(samples)
        leaders.add(max(order, key=lambda g: tally[g]))
        for prm in {prm for s in answering for prm in s.scores}:
            last = {id(s): s.scores[prm][-1] for s in answering if prm in s.scores}
            sums = {g: sum(last.get(id(s), 0.0) for s in answering if s.group == g) for g in order}
            leaders.add(max(order, key=sums.__getitem__))
            best = max((s for s in answering if id(s) in last), key=lambda s: last[id(s)])
            leaders.add(best.group)
    assert {group for group, _ in answers_at_hand(evidence, POOLS, PRMS)} == leaders - {NO_ANSWER}


@given(evidence_)
def test_support_and_shares_are_counted(evidence: Evidence) -> None:
    solutions = list(evidence.solutions())
    for group, found in at_hand(evidence).items():
        assert found["support"] == sum(s.group == group for s in solutions) > 0
        assert found["answering"] == len(solutions)
        assert found["distinct"] == len({s.group for s in solutions})
        assert found["searches"] == len(evidence.found)
        assert found["agreeing_searches"] == sum(o.group == group for o in evidence.found.values())
        assert 1 <= found["led"] <= found["sources"]
        for pool in POOLS:
            samples = evidence.of(pool)
            share = sum(s.group == group for s in samples) / len(samples) if samples else math.nan
            assert found[f"{pool}/share"] == pytest.approx(share, nan_ok=True)
        for prm in PRMS:
            weights = [(s.group, s.scores[prm][-1]) for s in solutions if prm in s.scores]
            total = sum(w for _, w in weights)
            share = sum(w for g, w in weights if g == group) / total if total else math.nan
            assert found[f"{prm}/share"] == pytest.approx(share, nan_ok=True)


@given(evidence_)
def test_the_best_scores_are_those_of_one_solution_and_of_the_best_rival(evidence: Evidence) -> None:
    solutions = list(evidence.solutions())
    for group, found in at_hand(evidence).items():
        for prm in PRMS:
            own = [s.scores[prm] for s in solutions if s.group == group and prm in s.scores]
            rivals = [s.scores[prm][-1] for s in solutions if s.group != group and prm in s.scores]
            best = max((steps[-1] for steps in own), default=math.nan)
            assert found[f"{prm}/best"] == pytest.approx(best, nan_ok=True)
            assert found[f"{prm}/rival_best"] == pytest.approx(max(rivals, default=math.nan), nan_ok=True)
            if own:
                assert found[f"{prm}/lowest_step"] in [min(steps) for steps in own if steps[-1] == best]
            else:
                assert math.isnan(found[f"{prm}/lowest_step"])


def test_without_evidence_there_is_no_answer() -> None:
    assert answers_at_hand(Evidence("x"), POOLS, PRMS) == []
    silent = Evidence("x", {"p": [seen(NO_ANSWER)]}, {SEARCHES[0]: seen(NO_ANSWER)})
    assert answers_at_hand(silent, POOLS, PRMS) == []


def test_answers_that_lead_by_votes_by_scores_and_in_a_search_compete() -> None:
    evidence = Evidence(
        "x",
        {"p": [seen(0), seen(0), seen(1, r=(0.2, 0.9)), seen(3)], "q": [seen(0)]},
        {SEARCHES[0]: seen(2, r=(0.7,)), SEARCHES[1]: seen(1, s=(0.4,))},
    )
    found = at_hand(evidence)
    assert set(found) == {0, 1, 2}  # the one vote for 3 leads nowhere
    assert [found[g]["led"] for g in (0, 1, 2)] == [2, 2, 1]
    assert [found[g]["support"] for g in (0, 1, 2)] == [3, 2, 1]
    assert {f["sources"] for f in found.values()} == {4}
    assert found[1]["r/best"] == 0.9
    assert found[1]["r/lowest_step"] == 0.2
    assert found[1]["r/rival_best"] == 0.7
    assert found[1]["r/share"] == pytest.approx(0.9 / 1.6)
    assert found[1]["s/share"] == 1.0
    assert math.isnan(found[0]["r/best"])
    assert found[0]["r/rival_best"] == 0.9
    assert found[0]["p/share"] == 0.5
    assert found[0]["q/share"] == 1.0
    assert math.isnan(found[0]["p temperature=0/share"])


def test_in_one_pool_votes_sums_of_scores_and_the_best_score_lead_to_different_answers() -> None:
    votes, sums, best = [seen(0)] * 4, [seen(1, r=(0.5,))] * 3, [seen(2, r=(0.9,)), seen(3, r=(0.8,))]
    assert set(at_hand(Evidence("x", {"p": [*votes, *sums, *best]}))) == {0, 1, 2}
    assert set(at_hand(Evidence("x", {"p": [*votes, *best]}))) == {0, 2}


def test_the_lowest_step_is_that_of_the_best_solution() -> None:
    samples = [seen(0, r=(0.3, 0.9)), seen(0, r=(0.6, 0.7)), seen(1, r=(0.8,))]
    found = at_hand(Evidence("x", {"p": samples}))[0]
    assert (found["r/best"], found["r/lowest_step"]) == (0.9, 0.3)


def test_searches_say_how_surely_they_found_an_answer() -> None:
    found = at_hand(
        Evidence(
            "x",
            {"p": [seen(2)]},
            {
                SEARCHES[0]: SolutionEvidence(0, 1, -1.0, 1, {}, 0.8),
                SEARCHES[1]: SolutionEvidence(1, 1, -1.0, 1, {}, 0.6),
            },
        )
    )
    assert [found[g]["search_share"] for g in (0, 1)] == [0.8, 0.6]
    assert [found[g]["rival_search_share"] for g in (0, 1, 2)] == [0.6, 0.8, 0.8]
    assert math.isnan(found[2]["search_share"])
    agreeing = at_hand(
        Evidence(
            "x",
            {},
            {
                name: SolutionEvidence(0, 1, -1.0, 1, {}, s)
                for name, s in zip(SEARCHES, (0.3, 0.5), strict=True)
            },
        )
    )
    assert agreeing[0]["agreeing_searches"] == 2
    assert agreeing[0]["search_share"] == 0.5
    assert math.isnan(agreeing[0]["rival_search_share"])


def test_the_likeliest_solution_of_an_answer_is_that_with_the_best_mean_a_token() -> None:
    samples = [seen(0, logprob=-6.0, n_tokens=3), seen(0, logprob=-4.0, n_tokens=1), seen(1, logprob=-5.0)]
    found = at_hand(Evidence("x", {"p": samples, "q": [seen(1, logprob=-3.0, n_tokens=2)]}))
    assert (found[0]["token_logprob"], found[0]["rival_token_logprob"]) == (-2.0, -1.5)
    assert (found[1]["token_logprob"], found[1]["rival_token_logprob"]) == (-1.5, -2.0)
    alone = at_hand(Evidence("x", {"p": [seen(0, n_tokens=0)]}))
    assert alone[0]["token_logprob"] == -1.0
    assert math.isnan(alone[0]["rival_token_logprob"])


def test_likelihoods_that_are_not_known_are_nan_and_hide_none_that_are() -> None:
    """No imported log has them, and not every server tells them."""

    def features(*logprobs: float) -> list[tuple[float, float]]:
        samples = [SolutionEvidence(k // 2, 1, logprob, 1) for k, logprob in enumerate(logprobs)]
        names = ("answer/token_logprob", "answer/rival_token_logprob")
        places = [names_of(POOLS, PRMS).index(name) for name in names]
        found = answers_at_hand(Evidence("x", {"p": samples}), POOLS, PRMS)
        return [tuple(values[place] for place in places) for _, values in found]  # type: ignore[misc]

    unknown = features(math.nan, math.nan)
    assert all(math.isnan(value) for row in unknown for value in row)
    assert features(math.nan, -1.0)[0][0] == features(-1.0, math.nan)[0][0] == -1.0
