"""What a sweep takes over from an earlier one, and what it runs again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.sweep.conftest import FAKES
from tts_select import InputError, Policy, RewardModel
from tts_select.core.protocols import Continuation, Meter, SampleRequest
from tts_select.executors.registry import Loaders
from tts_select.selector.portfolio import Portfolio, parse_portfolio
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import LoggedProblem, SweepLog
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import run_sweep

Swept = Callable[..., tuple[Path, SweepLog]]


class Counting:
    """The loaders of the fakes; counts what is asked of each policy, and gives one model another version."""

    def __init__(self, loaders: Loaders, changed: str = "") -> None:
        self.asked: Counter[str] = Counter()
        self._changed, self._loaders = changed, loaders

    @property
    def loaders(self) -> Loaders:
        return Loaders(self._policy, self._prm)

    def _policy(self, spec: str) -> Policy:
        policy = self._loaders.policy(spec)
        sample = policy.sample

        async def counted(request: SampleRequest, meter: Meter) -> list[Continuation]:
            self.asked[spec] += 1
            return await sample(request, meter)

        policy.sample = counted  # type: ignore[method-assign]
        return self._versioned(spec, policy)

    def _prm(self, spec: str) -> RewardModel:
        return self._versioned(spec, self._loaders.prm(spec))

    def _versioned(self, spec: str, model: Any) -> Any:
        if spec == self._changed:
            model.fingerprint = "another"
        return model


@pytest.fixture
def again(portfolio: Portfolio, swept: Swept, fakes: Loaders, tmp_path: Path) -> Callable[..., Any]:
    """Sweeps once, and once more with changes, reusing the first log: (first log, second log, asked)."""

    def run(changed: str = "", **changes: Any) -> tuple[SweepLog, SweepLog, Counter[str]]:
        folder, first = swept()
        counting = Counting(fakes, changed)
        asked = Sweep(
            **{"portfolio": portfolio, "problems": list(first.problems.values()), "n_samples": 6, **changes}
        )
        second = run_sweep(asked, tmp_path / "again", reuse=[folder], loaders=counting.loaders)
        return first, second, counting.asked

    return run


def test_the_same_sweep_asks_nothing_and_is_the_same(again: Callable[..., Any]) -> None:
    first, second, asked = again()
    assert not asked
    assert second == first


def test_a_changed_policy_is_sampled_again_and_no_other(again: Callable[..., Any]) -> None:
    first, second, asked = again("fake:b")
    assert set(asked) == {"fake:b"}
    assert second.pools["one", "fake:a"] == first.pools["one", "fake:a"]


def test_a_greedy_solution_is_written_again_where_certainties_were_not_asked_for(
    swept: Swept, tmp_path: Path
) -> None:
    """Of such a policy it is asked for them too; a log of a version that did not has none."""
    portfolio = parse_portfolio(
        {
            "name": "certain",
            "arms": [
                {"policy": ["fake:a", "fake:b"], "method": "cot"},
                {"policy": "fake:a", "method": "self_certainty", "budget": 4},
                {"policy": "fake:b", "method": "majority", "budget": 4},
            ],
        },
        "certain",
    )
    folder, first = swept(portfolio=portfolio)
    assert [s.certainty for s in first.pools["one", "fake:a temperature=0"].samples] == [1.0]
    assert [s.certainty for s in first.pools["one", "fake:b temperature=0"].samples] == [None]
    for shard in (folder / "shards").iterdir():
        records = [json.loads(line) for line in shard.read_text().splitlines()]
        for record in records:
            if record.get("temperature") == 0:
                record["samples"] = [{**sample, "certainty": None} for sample in record["samples"]]
        shard.write_text("".join(json.dumps(record) + "\n" for record in records))
    again = Sweep(portfolio, list(first.problems.values()), n_samples=6)
    counting = Counting(FAKES)
    second = run_sweep(again, tmp_path / "again", reuse=[folder], loaders=counting.loaders)
    assert counting.asked == {"fake:a": len(first.problems)}
    assert second.pools == first.pools


def test_a_changed_prm_guides_its_searches_again(again: Callable[..., Any]) -> None:
    _, _, asked = again("fake:p")
    assert asked["fake:a"] > 0  # fake:p guides its beam search
    assert not asked["fake:b"]


def test_a_changed_prm_takes_no_new_samples(again: Callable[..., Any], portfolio: Portfolio) -> None:
    sampling = Portfolio("pools", tuple(arm for arm in portfolio.arms if arm.is_sampling))
    first, second, asked = again("fake:p", portfolio=sampling)
    assert not asked
    assert second.manifest.models["fake:p"] != first.manifest.models["fake:p"]
    assert second.pools == first.pools


def test_more_samples_are_added_to_those_that_are_there(again: Callable[..., Any]) -> None:
    first, second, asked = again(n_samples=10, chunk=6)
    assert asked == {"fake:a": 3, "fake:b": 3}, "one further chunk of each problem, and no search"
    for key, pool in first.pools.items():
        assert second.pools[key].samples[: len(pool.samples)] == pool.samples


def test_a_new_problem_and_a_changed_one_are_run(again: Callable[..., Any]) -> None:
    problems = [
        LoggedProblem("one", "1 + 1?", "2", 1, "story"),
        LoggedProblem("two", "1 + 3?", "4"),
        LoggedProblem("four", "2 + 5?", "7"),
    ]
    first, second, asked = again(problems=problems)
    assert asked
    assert second.pools["one", "fake:a"] == first.pools["one", "fake:a"]
    assert second.problems["two"].answer == "4"
    assert set(second.problems) == {"one", "two", "four"}


def test_another_number_of_samples_makes_other_pools_but_the_same_runs(again: Callable[..., Any]) -> None:
    first, second, asked = again(n_samples=5)
    assert asked
    assert len(second.pools["one", "fake:a"].samples) == 5
    assert second.runs == first.runs


def test_fewer_runs_take_the_first(again: Callable[..., Any]) -> None:
    first, second, asked = again(n_runs=1)
    assert not asked
    arm = "beam@4 fake:a fake:p"
    assert second.runs["one", arm] == first.runs["one", arm][:1]


def test_scores_of_prms_that_are_not_wanted_are_left_out(
    again: Callable[..., Any], portfolio: Portfolio
) -> None:
    arms = tuple(arm for arm in portfolio.arms if arm.prm != "fake:q")
    _, second, asked = again(portfolio=Portfolio("fewer", arms))
    assert not asked
    pool = second.pools["one", "fake:a"]
    assert set(pool.prm_tokens) == {"fake:p"}
    assert all(set(sample.scores) <= {"fake:p"} for sample in pool.samples)


def test_another_top_p_is_another_pool(again: Callable[..., Any], portfolio: Portfolio) -> None:
    hot = [replace(arm, settings=replace(arm.settings, top_p=0.5)) for arm in portfolio.arms]
    first, second, asked = again(portfolio=Portfolio("narrow", tuple(hot)))
    assert set(asked) == {"fake:a", "fake:b"}
    assert len(second.pools) == len(first.pools)


def test_another_seed_is_refused(again: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="its seed is 0, not 3"):
        again(seed=3)


def test_a_log_that_is_not_there_is_refused(portfolio: Portfolio, fakes: Loaders, tmp_path: Path) -> None:
    asked = Sweep(portfolio, [LoggedProblem("one", "1 + 1?", "2")], n_samples=6)
    with pytest.raises(InputError, match="no sweep log in"):
        run_sweep(asked, tmp_path / "new", reuse=[tmp_path / "nothing"], loaders=fakes)


def test_the_reused_log_is_whole_on_disk(again: Callable[..., Any], tmp_path: Path) -> None:
    _, second, _ = again("fake:b")
    assert read_log(tmp_path / "again") == second


def test_several_sweeps_are_joined_without_running_anything(
    portfolio: Portfolio, swept: Swept, fakes: Loaders, tmp_path: Path
) -> None:
    """One of each policy: together they hold what a sweep of both would."""
    alone = [
        Portfolio("one", tuple(arm for arm in portfolio.arms if arm.policy == policy))
        for policy in portfolio.policies
    ]
    parts = [swept(f"part-{k}", portfolio=some)[0] for k, some in enumerate(alone)]
    _, whole = swept("whole")
    counting = Counting(fakes)
    asked = Sweep(portfolio, list(whole.problems.values()), n_samples=6)
    joined = run_sweep(asked, tmp_path / "joined", reuse=parts, loaders=counting.loaders)
    assert not counting.asked
    assert (joined.manifest, joined.problems, joined.pools) == (whole.manifest, whole.problems, whole.pools)
    assert _untimed(joined) == _untimed(whole)


def _untimed(log: SweepLog) -> dict[Any, list[Any]]:
    return {
        key: [replace(run, cost=replace(run.cost, seconds=0.0)) for run in runs]
        for key, runs in log.runs.items()
    }
