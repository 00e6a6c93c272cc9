"""What a live session has gathered, as a router sees it: alike from a sweep log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select import Problem
from tts_select.core.arm import Arm
from tts_select.core.candidate import Candidate
from tts_select.core.plan import Settings
from tts_select.core.protocols import SampleRequest
from tts_select.core.seeds import derive_seed
from tts_select.data.grading import is_equivalent
from tts_select.executors.registry import Loaders
from tts_select.selector.evidence import NO_ANSWER, Evidence, SolutionEvidence
from tts_select.selector.portfolio import parse_portfolio
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.solving.gathered import LiveEvidence, Samples, Spokesman
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.log.records import LoggedProblem
from tts_select.training.replay.cases import Order, Position, cases_of
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import run_sweep

MAJORITY, BEST = Arm("p", None, "majority", 4), Arm("p", "r", "best_of_n", 4)
COT, OTHER = Arm("p", None, "cot", 1), Arm("q", None, "majority", 4)
BEAM = Arm("p", "r", "beam", 4)

answers = st.one_of(st.none(), st.sampled_from(["1", "2", "0.5", "1/2"]))


def wrote(answer: str | None, *scores: float, steps: int = 2, finish: Any = "stop") -> Candidate:
    last = "no idea" if answer is None else f"\\boxed{{{answer}}}"
    written = (*("step",) * (steps - 1), last)
    return Candidate(written, tuple(scores) or None, finish, 3 * steps, -float(steps))


def look_of(found: LiveEvidence) -> Evidence:
    return asyncio.run(found.look())


def spokesman(found: LiveEvidence, answer: str) -> Spokesman:
    """Who speaks for an answer, none if nobody gave it."""
    look_of(found)
    group = next((g for g, a in found.answers.items() if is_equivalent(a, answer)), None)
    return found.spokesman(group)


def gathered(samples: list[Candidate], arm: Arm = MAJORITY) -> LiveEvidence:
    found = LiveEvidence("x")
    found.of(arm.pool).candidates += samples
    found.note(arm)
    return found


def test_nothing_has_run_until_an_arm_is_noted() -> None:
    found = LiveEvidence("x")
    assert found.is_empty
    assert look_of(found) == Evidence("x", {}, {})
    found.note(MAJORITY)
    assert not found.is_empty


@given(st.lists(st.tuples(st.sampled_from(["p", "q"]), answers), max_size=10))
def test_answers_are_grouped_over_all_pools_and_searches(data: list[tuple[str, str | None]]) -> None:
    found = LiveEvidence("x")
    for pool, answer in data:
        found.of(pool).candidates.append(wrote(answer))
    found.note(BEAM, [wrote("1/2", 0.5, 0.5)])
    evidence = look_of(found)
    given_ = {pool: [a for p, a in data if p == pool] for pool in found.pools}
    groups = {pool: [o.group for o in observed] for pool, observed in evidence.samples.items()}
    numbered = [(a, g) for pool in given_ for a, g in zip(given_[pool], groups[pool], strict=True)]
    numbered.append(("1/2", evidence.found[BEAM.name].group))
    for one, first in numbered:
        assert (first == NO_ANSWER) == (one is None)
        if one is not None:
            assert is_equivalent(found.answers[first], one)
            assert all((first == g) == is_equivalent(one, a) for a, g in numbered if a is not None)
    assert set(found.answers) == {g for _, g in numbered} - {NO_ANSWER}


def test_a_group_is_answered_in_the_words_that_came_first() -> None:
    found = gathered([wrote("0.5"), wrote("1/2"), wrote("0.50")])
    look_of(found)
    assert found.answers == {0: "0.5"}


@pytest.mark.parametrize("finish", ["length", "deadline", "cap", "open"])
def test_a_truncated_solution_has_no_answer(finish: str) -> None:
    (seen,) = look_of(gathered([wrote("1", finish=finish)])).of("p")
    assert seen == SolutionEvidence(NO_ANSWER, 6, -2.0, 2, is_cut=finish == "length")


def test_a_sample_has_the_scores_of_each_prm_that_has_read_it() -> None:
    found = gathered([wrote("1"), wrote("2"), wrote(None)])
    found.of("p").scores = {"r": [(0.1, 0.2), None], "s": [(0.3, 0.4), (0.5, 0.6), (0.7, 0.8)]}
    one, other, silent = look_of(found).of("p")
    assert one.scores == {"r": (0.1, 0.2), "s": (0.3, 0.4)}
    assert other.scores == {"s": (0.5, 0.6)}
    assert (silent.group, silent.scores) == (NO_ANSWER, {"s": (0.7, 0.8)})


def test_samples_are_scored_by_one_prm_as_far_as_it_came() -> None:
    sampled = Samples([wrote("1"), wrote("2"), wrote("3")], {"r": [(0.1, 0.2), None]})
    assert [c.step_scores for c in sampled.scored_by("r")] == [(0.1, 0.2), None, None]
    for unknown in ("s", None):
        assert [c.step_scores for c in sampled.scored_by(unknown)] == [None] * 3
    assert [c.step_scores for c in sampled.candidates] == [None] * 3


def test_a_search_is_seen_as_the_solution_that_it_answers_with() -> None:
    found = LiveEvidence("x")
    found.note(BEAM, [wrote("1", 0.2, 0.6), wrote("2", 0.9, 0.5), wrote("2", 0.1, 0.7, steps=2)])
    evidence = look_of(found)
    assert evidence.samples == {}
    assert evidence.found[BEAM.name] == SolutionEvidence(
        evidence.found[BEAM.name].group, 6, -2.0, 2, {"r": (0.1, 0.7)}, pytest.approx(1.2 / 1.8)
    )
    assert found.answers[evidence.found[BEAM.name].group] == "2"


@pytest.mark.parametrize("pool", [[], [wrote(None, 0.9, 0.9)], [wrote("1", finish="open")]])
def test_a_search_without_an_answer_has_found_an_empty_solution(pool: list[Candidate]) -> None:
    found = LiveEvidence("x")
    found.note(BEAM, pool)
    assert look_of(found).found == {BEAM.name: SolutionEvidence(NO_ANSWER, 0, 0.0, 0, {}, 0.0)}


def test_the_last_arm_that_came_to_an_answer_by_itself_speaks_for_it() -> None:
    found = gathered([wrote("1"), wrote("1"), wrote("2")])
    found.of(OTHER.pool).candidates += [wrote("1"), wrote("2"), wrote("2")]
    found.note(OTHER)
    found.note(BEAM, [wrote("3", 0.5, 0.5), wrote("1", 0.1, 0.1)])
    assert [spokesman(found, a).arm for a in ("1", "2", "3")] == [MAJORITY, OTHER, BEAM]
    found.note(MAJORITY)  # once more, so it is the last
    assert spokesman(found, "1").arm == MAJORITY
    assert spokesman(found, "4").best is None


def test_of_two_arms_that_came_to_an_answer_the_one_that_ran_last_speaks() -> None:
    found = gathered([wrote("1")])
    found.of(OTHER.pool).candidates.append(wrote("1"))
    found.note(OTHER)
    assert spokesman(found, "1").arm == OTHER
    found.note(MAJORITY)
    assert spokesman(found, "1").arm == MAJORITY


def test_an_answer_that_no_arm_chose_is_shown_by_the_last_that_has_it() -> None:
    """A low score of one PRM, where the others' many votes went elsewhere."""
    found = gathered([wrote("1"), wrote("1"), wrote("2")])
    found.of(OTHER.pool).candidates += [wrote("1"), wrote("1"), wrote("2")]
    found.note(OTHER)
    found.note(COT)
    spoken = spokesman(found, "2")
    assert spoken.arm == OTHER
    assert spoken.best is not None
    assert spoken.best.answer == "2"


def test_the_best_scored_solution_of_an_answer_is_shown_with_all_others() -> None:
    found = gathered([wrote("1"), wrote("0.5"), wrote("1/2"), wrote("1")], BEST)
    found.of("p").scores["r"] = [(0.9, 0.1), (0.5, 0.6), (0.5, 0.8), None]
    spoken = spokesman(found, "0.5")
    assert (spoken.arm, len(spoken.candidates)) == (BEST, 4)
    assert spoken.best is not None
    assert (spoken.best.answer, spoken.best.score) == ("1/2", 0.8)


@pytest.mark.parametrize("answer", [None, "9"])
def test_without_the_answer_the_last_arm_is_shown(answer: str | None) -> None:
    found = gathered([wrote("1")])
    found.note(COT)
    spoken = spokesman(found, answer)
    assert (spoken.arm, spoken.best, spoken.candidates) == (COT, None, ())


def test_arms_of_one_pool_are_one_voice_with_the_last_ones_settings() -> None:
    found = gathered([wrote("1"), wrote("1"), wrote("2")], MAJORITY)
    found.of("p").scores["r"] = [(0.1, 0.1), (0.1, 0.1), (0.9, 0.9)]
    assert spokesman(found, "1").arm == MAJORITY
    found.note(BEST)
    assert [spokesman(found, a).arm for a in ("1", "2")] == [BEST, BEST]
    best = spokesman(found, "1").best
    assert best is not None
    assert best.score == 0.1


ARMS = [
    {"policy": "p", "method": "cot"},
    {"policy": "p", "prm": "r", "method": "best_of_n", "temperature": 0},
    {"policy": "p", "method": "majority", "budget": 8},
    {"policy": "p", "prm": "r", "method": "best_of_n", "budget": 4},
    {"policy": "p", "prm": "r", "method": "beam", "budget": 4},
]
TEXT = "1 + 2?"


def writes(request: SampleRequest, index: int, *, silent: bool = False) -> str:
    """Two steps, by seed, place and temperature; every other solution is without an answer if `silent`."""
    dice = derive_seed(request.seed, index, request.steps, str(request.temperature))
    last = "no idea" if silent and dice % 2 else f"It is \\boxed{{{2 + dice % 3}}}"
    return last if request.steps else f"Think {dice % 4} times.\n\n{last}"


def scores(_: str, steps: tuple[str, ...]) -> list[float]:
    return [derive_seed(step) % 1000 / 1000 for step in steps]


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize(
    ("silent", "arms"),
    [
        pytest.param(False, (0, 1, 4, 2, 3), id="every kind of arm"),
        pytest.param(True, (0, 1, 4, 2, 3), id="solutions without an answer"),
        pytest.param(False, (3, 2), id="samples drawn after others were scored"),
    ],
)
def test_a_session_sees_what_a_router_is_trained_on(
    exact_router: LookaheadRouter,
    lend_to: Callable[..., Any],
    tmp_path: Path,
    *,
    silent: bool,
    arms: tuple[int, ...],
    seed: int,
) -> None:
    """The evidence of a live session, arm after arm, is that of a sweep of the same models and seed."""
    portfolio = parse_portfolio({"name": "mine", "arms": ARMS}, "mine")
    script = partial(writes, silent=silent)
    loaders = Loaders(
        lambda spec: FakePolicy(script, name=spec), lambda spec: FakeRewardModel(scores, name=spec)
    )
    sweep = Sweep(portfolio, [LoggedProblem("one", TEXT, "3")], n_samples=8, n_runs=1, seed=seed)
    (case,) = cases_of(run_sweep(sweep, tmp_path / "log", loaders=loaders))
    order = Order({pool: np.arange(len(o)) for pool, o in case.observed.items()}, 0)

    lent = lend_to(replace(exact_router, portfolio=portfolio))
    lent.policies["p"]._script, lent.prms["r"]._scores = script, scores
    session = lent.selector.session(Problem(TEXT), seed=seed)
    position = Position()
    for arm in (portfolio.arms[k] for k in arms):
        asyncio.run(session._runner.run([(arm, arm.budget)], "search"))
        position = position.after(arm, arm.budget)
        live, replayed = look_of(session._gathered), case.evidence(order, position)
        assert live.samples.keys() == replayed.samples.keys()
        pairs = [(live.samples[pool], replayed.samples[pool]) for pool in live.samples]
        pairs += [([live.found[name]], [replayed.found[name]]) for name in replayed.found]
        assert live.found.keys() == replayed.found.keys()
        renamed: dict[int, int] = {}
        for ours, theirs in pairs:
            for one, other in zip(ours, theirs, strict=True):
                assert renamed.setdefault(one.group, other.group) == other.group
                assert replace(one, group=0) == replace(other, group=0)
        assert len(set(renamed.values())) == len(renamed)


def test_a_greedy_pool_is_kept_apart_from_the_samples() -> None:
    found = gathered([wrote("1")], Arm("p", "r", "best_of_n", 1, Settings(temperature=0.0)))
    found.of("p").candidates.append(wrote("2"))
    evidence = look_of(found)
    assert {pool: [o.group for o in some] for pool, some in evidence.samples.items()} == {
        "p temperature=0": [0],
        "p": [1],
    }
