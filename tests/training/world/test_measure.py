"""What the world report reads off a sweep."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tts_select.core.arm import Arm
from tts_select.core.cost import Cost, inference_flops
from tts_select.data.world.suite import STEP_DELIMITER, WorldProblem, generate
from tts_select.selector.portfolio import Portfolio
from tts_select.training.log.manifest import pools_of
from tts_select.training.log.records import LoggedProblem, Manifest, ModelCard, Pool, Run, Sample, SweepLog
from tts_select.training.sweep.plan import Sweep
from tts_select.training.world import report
from tts_select.training.world.measure import Measurement

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
    return Measurement([problem], ("prm", "prm-narrow"), log)


def test_samples_are_those_of_the_pool_that_is_not_greedy(measurement: Measurement) -> None:
    ((one, lucky, cut),) = measurement.samples("small")
    assert measurement.n_samples == 3
    assert [(s.right, s.strict) for s in (one, lucky, cut)] == [(True, True), (True, False), (False, False)]
    assert (one.scores, lucky.scores, cut.scores) == ([0.9, 0.0], [0.4, 0.0], [0.0, 0.0])


def test_a_greedy_solution_is_of_its_own_pool_and_pays_for_its_prompt(measurement: Measurement) -> None:
    (run,) = measurement.greedy("small")
    assert (run.right, run.n_tokens, run.flops) == (True, 10, inference_flops(SIZE, 15))


def test_a_search_is_its_first_run(measurement: Measurement) -> None:
    (run,) = measurement.runs("beam", 16, "small", "prm")
    assert (run.right, run.n_tokens, run.flops) == (True, 40, 123.0)


def test_the_report_sweeps_all_that_it_asks_of_its_measurement(problem: WorldProblem) -> None:
    arms = report._arms(8)
    logged = LoggedProblem("p", problem.problem, problem.answer)
    Sweep(Portfolio("world report", tuple(arms)), [logged], 8, 1, 0).check()
    pools = pools_of(arms)
    for policy in (*report.POLICIES, *report.SPECIALISTS):
        assert pools[f"world:{policy}"].size(8) == 8
        assert pools[f"world:{policy} temperature=0"].size(8) == 1
    for policy in report.POLICIES:
        assert set(pools[f"world:{policy}"].prms) == {f"world:{prm}" for prm in report.PRMS}
    searched = {(a.method, a.budget, a.policy, a.prm) for a in arms if not a.is_sampling}
    assert searched == {(m, n, f"world:{p}", f"world:{prm}") for m, n, p, prm in report._SEARCHES}
