"""What a sweep runs, counts and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tts_select import BackendError, InputError, Selector, Solution
from tts_select.core.arm import Arm
from tts_select.executors.registry import Loaders
from tts_select.selector.portfolio import Portfolio, parse_portfolio
from tts_select.selector.routers.named import NamedArm
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.log.reading import read_log, read_manifest, read_records
from tts_select.training.log.records import LoggedProblem, SweepLog
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import run_sweep

Swept = Callable[..., tuple[Path, SweepLog]]
BOXED = "It is \\boxed{2}"
PRMS = {
    "fake:a temperature=0": ("fake:q",),
    "fake:b temperature=0": (),
    "fake:a": ("fake:p", "fake:q"),
    "fake:b": (),
}
"""Of the arms of each pool."""


def loaders(policy: Any = BOXED, prm: Any = 0.5, **more: Any) -> Loaders:
    """A policy that writes one text (or a script), a PRM with one score (or a table)."""
    script = policy if callable(policy) else lambda *_: policy
    table = prm if callable(prm) else lambda _, steps: [prm] * len(steps)
    return Loaders(
        lambda spec: FakePolicy(script, name=spec, **more), lambda spec: FakeRewardModel(table, name=spec)
    )


def ran(arm: Arm, problem: str, models: Loaders, *, seed: int) -> Solution:
    """The arm by itself."""
    return Selector(NamedArm(arm), loaders=models).solve(problem, seed=seed)


def test_every_problem_has_its_pools_and_runs(swept: Swept) -> None:
    _, log = swept()
    assert list(log.problems) == ["one", "two", "three"]
    sizes = {"fake:a": 6, "fake:b": 6, "fake:a temperature=0": 1, "fake:b temperature=0": 1}
    assert {key: len(pool.samples) for key, pool in log.pools.items()} == {
        (problem, pool): n for problem in log.problems for pool, n in sizes.items()
    }
    assert {key: len(runs) for key, runs in log.runs.items()} == {
        (problem, "beam@4 fake:a fake:p"): 2 for problem in log.problems
    }


def test_levels_and_families_are_kept(swept: Swept) -> None:
    _, log = swept()
    assert [(p.level, p.family) for p in log.problems.values()] == [(1, "story"), (None, None), (2, None)]


def test_samples_are_graded_and_scored_by_the_prms_of_their_pools_arms(swept: Swept) -> None:
    _, log = swept()
    samples = [s for pool in log.pools.values() for s in pool.samples]
    assert {s.correct for s in samples} == {True, False}
    for (problem, _), pool in log.pools.items():
        for sample in pool.samples:
            assert sample.correct == (sample.answer == log.problems[problem].answer)
            assert {prm: len(s) for prm, s in sample.scores.items()} == dict.fromkeys(PRMS[pool.name], 2)
        assert set(pool.prm_tokens) == set(PRMS[pool.name])


def test_prm_tokens_are_those_of_all_samples_so_far(swept: Swept) -> None:
    _, log = swept()
    for (problem, _), pool in log.pools.items():
        prompt = len(log.problems[problem].problem.split())
        each = [prompt + len(s.text.split()) for s in pool.samples]
        rounds = (1, 2, 4, 6) if pool.temperature else (1,)
        for tokens in pool.prm_tokens.values():
            assert tokens == {k: sum(each[:k]) for k in rounds}


def test_the_same_seed_gives_the_same_pools_at_any_concurrency(swept: Swept) -> None:
    _, log = swept("once")
    assert swept("again", concurrency=1)[1].pools == log.pools
    assert swept("other", seed=1)[1].pools != log.pools


def test_a_pool_is_what_a_sampling_method_with_its_seed_has(swept: Swept, fakes: Loaders) -> None:
    _, log = swept(seed=5)
    solution = ran(Arm("fake:a", None, "majority", 4), "1 + 1?", fakes, seed=5)
    alone = {candidate.text for candidate in solution.candidates}
    assert {s.text for s in log.pools["one", "fake:a"].samples[:4]} == alone


def test_a_greedy_pool_is_what_cot_has(swept: Swept, fakes: Loaders) -> None:
    _, log = swept(seed=5)
    asked: list[FakePolicy] = []

    def policy(spec: str) -> FakePolicy:
        asked.append(FakePolicy(lambda *_: BOXED, name=spec))
        return asked[-1]

    solution = ran(Arm("fake:a", None, "cot", 1), "1 + 1?", fakes, seed=5)
    (sample,) = log.pools["one", "fake:a temperature=0"].samples
    assert (sample.text, sample.answer) == (solution.text, solution.answer)
    swept("watched", loaders=replace(loaders(), policy=policy))
    requests = [(r.temperature, r.n) for p in asked for r in p.requests if not r.stop_at_step]
    assert sorted(set(requests)) == [(0.0, 1), (0.7, 6)]


def test_a_run_has_the_length_and_the_scores_of_the_solution_that_it_answers_with(
    swept: Swept, fakes: Loaders, portfolio: Portfolio
) -> None:
    _, log = swept(seed=3)
    arm = portfolio["beam@4 fake:a fake:p"]
    for problem in log.problems.values():
        for run in log.runs[problem.id, arm.name]:
            solution = ran(arm, problem.problem, fakes, seed=run.seed)
            (best, *_) = (r.candidate for r in solution.candidates if r.text == solution.text)
            assert run.answer == solution.answer
            assert (run.n_tokens, run.logprob, run.scores) == (best.n_tokens, best.logprob, best.step_scores)
            assert run.n_tokens == len(solution.text.split())
            assert run.cost.policy_generated_tokens > run.n_tokens


def test_a_run_without_an_answer_has_no_solution(swept: Swept) -> None:
    _, log = swept(loaders=loaders("no idea"))
    found = [run for runs in log.runs.values() for run in runs]
    assert {(r.answer, r.correct, r.confidence) for r in found} == {(None, False, None)}
    assert {(r.n_tokens, r.logprob, r.scores) for r in found} == {(0, 0.0, ())}
    assert all(run.cost.policy_generated_tokens > 0 for run in found)


def test_a_truncated_sample_has_no_answer_and_no_scores(swept: Swept) -> None:
    _, log = swept(loaders=loaders("\n\n".join([BOXED] * 50)))
    for pool in log.pools.values():
        for sample in pool.samples:
            assert (sample.answer, sample.correct, sample.scores) == (None, False, {})
            assert sample.finish == "length"
        for tokens in pool.prm_tokens.values():
            assert min(tokens.values()) > 0, "best_of_n would have scored it too"


def test_each_stage_begins_with_models_that_have_forgotten(swept: Swept) -> None:
    class Remembering(FakePolicy):
        async def forget(self) -> None:
            self.requests.clear()

        async def sample(self, request: Any, meter: Any) -> Any:
            known = {(r.problem, r.steps) for r in self.requests}
            assert (request.problem, request.steps) not in known
            return await super().sample(request, meter)

    swept(loaders=replace(loaders(), policy=lambda spec: Remembering(lambda *_: BOXED, name=spec)))


def test_progress_counts_what_is_there(swept: Swept, portfolio: Portfolio, tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    asked = Sweep(portfolio, [LoggedProblem("one", "1 + 1?", "2")], n_samples=4)
    for _ in range(2):
        run_sweep(asked, tmp_path / "log", loaders=loaders(), progress=lambda *args: seen.append(args))
    n = 4 + 3 + 2  # pools, their scores, runs
    assert [n_done for n_done, *_ in seen] == [*range(n + 1), n]
    assert {total for _, total, _ in seen} == {n}
    assert seen[1][2] == "samples of fake:a temperature=0"


def test_an_unreadable_problem_is_named_and_the_others_in_flight_are_kept(
    swept: Swept, tmp_path: Path
) -> None:
    def script(request: Any, _: int) -> str:
        if request.problem == "1 + 2?":
            raise InputError("does not know '+'")
        return BOXED

    with pytest.raises(InputError, match=r"the problem 'two': does not know '\+'"):
        swept(loaders=loaders(script, delay=0.01))
    manifest, _ = read_manifest(tmp_path / "log")
    found = read_records(tmp_path / "log", manifest).by_key
    assert {key[1:3] for key in found if key[0] == "pool"} == {
        (problem, "fake:a temperature=0") for problem in ("one", "three")
    }


def test_a_failed_model_is_named_with_the_problem(swept: Swept) -> None:
    with pytest.raises(BackendError, match="'one': down"):
        swept(loaders=loaders(errors={0: BackendError("down")}))


def test_a_policy_whose_size_is_not_known_is_refused(swept: Swept) -> None:
    with pytest.raises(InputError, match="the size of fake:b is not known"):
        swept(loaders=loaders(n_parameters=None))


@pytest.mark.parametrize(
    ("score", "complaint"),
    [(float("nan"), "scores that are no numbers"), (1.5, "not from 0 to 1"), (-0.1, "not from 0 to 1")],
)
def test_a_score_that_is_none_is_refused(swept: Swept, score: float, complaint: str) -> None:
    with pytest.raises(BackendError, match=complaint):
        swept(loaders=loaders(prm=score))


def test_what_a_pool_cannot_show_is_refused(swept: Swept) -> None:
    with pytest.raises(InputError, match="needs 4 samples and a pool has 2: ask for --samples 4"):
        swept(n_samples=2)
    with pytest.raises(InputError, match="no problem"):
        swept(problems=[])
    with pytest.raises(InputError, match="same id"):
        swept(problems=[LoggedProblem("one", "a", "1"), LoggedProblem("one", "b", "1")])


@pytest.mark.parametrize(
    ("arms", "complaint"),
    [
        ([{"top_p": 0.5}, {}], "another top_p than 0.5, and one pool serves all sampling arms"),
        ([{}, {"method": "adaptive", "max_steps": 3}], "another max_steps than 40"),
        ([{"method": "cot"}, {"temperature": 0, "max_new_tokens": 9}], "another max_new_tokens than 2048"),
        ([{"temperature": 0, "budget": 4}], "is greedy, so its 4 samples are all the same"),
        ([{"policy": "fake:p"}, {"method": "best_of_n", "prm": "fake:p"}], "is a policy and a PRM"),
    ],
)
def test_arms_that_cannot_be_swept_together_are_refused(
    swept: Swept, arms: list[dict[str, Any]], complaint: str
) -> None:
    entries = [{"policy": "fake:a", "method": "majority", **arm} for arm in arms]
    with pytest.raises(InputError, match=complaint):
        swept(portfolio=parse_portfolio({"arms": entries}, "p"))


@pytest.mark.parametrize("more", [{"temperature": 0.5}, {"temperature": 0}, {"aggregation": "min"}])
def test_arms_of_other_temperatures_or_votes_are_swept_together(swept: Swept, more: dict[str, Any]) -> None:
    entries = [{"policy": "fake:a", "prm": "fake:p", "method": "best_of_n", **arm} for arm in ({}, more)]
    portfolio = parse_portfolio({"arms": entries}, "p")
    _, log = swept(portfolio=portfolio)
    assert {name for _, name in log.pools} == {arm.pool for arm in portfolio.arms}


def test_a_greedy_arm_needs_no_more_samples_than_one(swept: Swept) -> None:
    entries = [{"policy": "fake:a", "method": "cot"}]
    _, log = swept(portfolio=parse_portfolio({"arms": entries}, "p"), n_samples=1)
    assert {len(pool.samples) for pool in log.pools.values()} == {1}


def test_a_pools_prm_tokens_are_what_best_of_n_pays(
    tiny_llama: Any, portfolio: Portfolio, tmp_path: Path
) -> None:
    from tts_select.data.world.suite import generate
    from tts_select.executors.policies.transformers import TransformersPolicy
    from tts_select.executors.prms.checkpoints import vocabulary_part
    from tts_select.executors.prms.formats import FORMATS
    from tts_select.executors.prms.transformers import TransformersRewardModel

    def prm(spec: str) -> TransformersRewardModel:
        part = vocabulary_part(tiny_llama, spec)
        return TransformersRewardModel([part], name=spec, format=FORMATS["world"])

    tiny = Loaders(lambda spec: TransformersPolicy(tiny_llama, name=spec), prm)
    arms = [{"policy": "a", "prm": "p", "method": "best_of_n", "budget": 4, "max_new_tokens": 60}]
    chosen = parse_portfolio({"arms": arms}, "tiny")
    (problem,) = generate(1, seed=3, split="train", level=1)
    logged = LoggedProblem("one", problem.problem, problem.answer)
    log = run_sweep(Sweep(chosen, [logged], n_samples=8), tmp_path / "log", loaders=tiny)
    (arm,) = chosen.arms
    alone = Selector(NamedArm(arm), loaders=tiny).solve(problem.problem)
    pool = log.pools["one", "a"]
    assert pool.prm_tokens["p"][4] == alone.bill.total.prm_tokens
    assert sum(s.n_tokens for s in pool.samples[:4]) == alone.bill.total.policy_generated_tokens
    assert pool.prompt_tokens == alone.bill.total.policy_prompt_tokens


def test_policies_may_have_pools_of_different_sizes(swept: Swept) -> None:
    folder, log = swept(n_samples_of={"fake:b": 4})
    sizes = {name: len(pool.samples) for (_, name), pool in log.pools.items()}
    assert sizes == {"fake:a": 6, "fake:b": 4, "fake:a temperature=0": 1, "fake:b temperature=0": 1}
    assert read_log(folder) == log
    assert json.loads((folder / "manifest.json").read_text())["n_samples_of"] == {"fake:b": 4}


def test_a_pool_in_chunks_is_the_same_pool(swept: Swept) -> None:
    _, log = swept("once")
    for chunk in (1, 2, 4):
        folder, chunked = swept(str(chunk), chunk=chunk)
        assert chunked.pools == log.pools
        assert read_log(folder) == chunked
        assert json.loads((folder / "manifest.json").read_text())["chunk"] == chunk


def test_a_sweep_of_pools_of_one_size_says_no_other(swept: Swept) -> None:
    folder, _ = swept()
    assert "n_samples_of" not in json.loads((folder / "manifest.json").read_text())


@pytest.mark.parametrize(
    ("sizes", "complaint"),
    [
        ({"fake:c": 4}, "unknown policy of the portfolio 'fake:c'"),
        ({"fake:b": 3}, "needs 4 samples and a pool has 3"),
    ],
)
def test_sizes_that_do_not_fit_the_portfolio_are_refused(
    swept: Swept, sizes: dict[str, int], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        swept(n_samples_of=sizes)
