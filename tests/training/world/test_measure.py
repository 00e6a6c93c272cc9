"""What the world report reads off a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tts_select.core.arm import Arm
from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import InputError
from tts_select.data.world.artifacts import PORTFOLIO
from tts_select.data.world.suite import STEP_DELIMITER, WorldProblem, generate
from tts_select.selector.portfolio import load_portfolio
from tts_select.training.log.manifest import pools_of
from tts_select.training.log.records import LoggedProblem, Manifest, ModelCard, Pool, Run, Sample, SweepLog
from tts_select.training.world.measure import Measurement
from tts_select.training.world.report import POLICIES, PRMS, SEARCHES, SPECIALISTS, N, Results

SIZE = 1000
BEAM = Arm("world:small", "world:prm", "beam", 16)


def sample(text: str, answer: str | None, *, correct: bool, scores: Sequence[float] = ()) -> Sample:
    read = {"world:prm": tuple(scores)} if scores else {}
    return Sample(answer, correct, 10, -1.0, "stop" if answer else "length", text, read)


@pytest.fixture(scope="module")
def problem() -> WorldProblem:
    return generate(1, seed=1, split="train")[0]


@pytest.fixture(scope="module")
def measurement(problem: WorldProblem) -> Measurement:
    gold = STEP_DELIMITER.join(problem.steps)
    lucky = f"1 + 1 = 3{STEP_DELIMITER}{problem.steps[-1]}"
    samples = (
        sample(gold, problem.answer, correct=True, scores=[0.2, 0.9]),
        sample(lucky, problem.answer, correct=True, scores=[0.4]),
        sample("1 + 1", None, correct=False),
    )
    greedy = (sample(gold, problem.answer, correct=True),)
    pools = [
        Pool(problem.id, "world:small", 0.7, 5, samples, {"world:prm": {1: 1, 2: 2, 3: 3}}),
        Pool(problem.id, "world:small", 0.0, 5, greedy, {}),
    ]
    cost = Cost(policy_generated_tokens=40, flops=123.0)
    runs = tuple(
        Run(problem.id, BEAM.name, seed, "1", seed == 0, 0.5, 9, -1.0, (0.5,), cost) for seed in (0, 1)
    )
    arms = (Arm("world:small", "world:prm", "best_of_n", 3), Arm("world:small", None, "cot", 1), BEAM)
    models = {"world:small": ModelCard("policy", SIZE, "f"), "world:prm": ModelCard("prm", SIZE, "g")}
    logged = LoggedProblem(problem.id, problem.problem, problem.answer, problem.level, problem.family)
    log = SweepLog(
        Manifest("world report", arms, 3, 2, 0, models, "grader"),
        {problem.id: logged},
        {(problem.id, pool.name): pool for pool in pools},
        {(problem.id, BEAM.name): runs},
    )
    return Measurement(log, ("prm", "prm-narrow"))


def test_samples_are_those_of_the_pool_that_is_not_greedy(
    measurement: Measurement, problem: WorldProblem
) -> None:
    ((one, lucky, cut),) = measurement.samples("small")
    assert measurement.n_samples == 3
    assert (one.text, cut.text) == (STEP_DELIMITER.join(problem.steps), "1 + 1")
    assert [(s.right, s.strict) for s in (one, lucky, cut)] == [(True, True), (True, False), (False, False)]
    assert (one.scores, lucky.scores, cut.scores) == ([0.9, 0.0], [0.4, 0.0], [0.0, 0.0])


def test_a_greedy_solution_is_of_its_own_pool_and_pays_for_its_prompt(measurement: Measurement) -> None:
    (run,) = measurement.greedy("small")
    assert (run.right, run.n_tokens, run.flops) == (True, 10, inference_flops(SIZE, 15))


def test_a_search_is_its_first_run(measurement: Measurement) -> None:
    (run,) = measurement.runs("beam", 16, "small", "prm")
    assert (run.right, run.n_tokens, run.flops) == (True, 40, 123.0)


def test_the_searches_are_those_of_the_sweep(measurement: Measurement) -> None:
    assert measurement.searched() == {("beam", 16, "small", "prm")}


def test_a_sweep_of_other_problems_is_refused(measurement: Measurement) -> None:
    other = {"p": LoggedProblem("p", "What is 2 + 2?", "4")}
    with pytest.raises(InputError, match=r"problem p is not of the embedded world.*tts-select evaluate"):
        Results.of(replace(measurement.log, problems=other))


def test_a_sweep_without_a_policy_is_refused(measurement: Measurement) -> None:
    with pytest.raises(InputError, match=r"no samples, or no greedy solutions, of world:medium"):
        Results.of(measurement.log)


def test_the_embedded_portfolio_has_all_that_the_report_reads() -> None:
    pools = pools_of(load_portfolio(PORTFOLIO).arms)
    for policy in (*POLICIES, *SPECIALISTS):
        assert pools[f"world:{policy}"].size(64) >= N
        assert pools[f"world:{policy} temperature=0"].size(64) == 1
    for policy in POLICIES:
        assert set(pools[f"world:{policy}"].prms) == {f"world:{prm}" for prm in PRMS}
    searched = {(a.method, a.budget, a.policy) for a in load_portfolio(PORTFOLIO).arms if not a.is_sampling}
    assert searched >= {(method, N, f"world:{policy}") for method in SEARCHES for policy in POLICIES}
