from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from tts_select.core.errors import ProblemTooLong
from tts_select.core.protocols import SampleRequest
from tts_select.executors.aggregation import choose, rank
from tts_select.testing import FakePolicy, FakeRewardModel


def rounds(policy: FakePolicy) -> dict[int, list[tuple[tuple[str, ...], int]]]:
    """(parent, children) of each request, by the number of steps so far."""
    found = defaultdict(list)
    for request in policy.requests:
        found[len(request.steps)].append((request.steps, request.n))
    return found


def tree(request: SampleRequest, index: int) -> str:
    """Three rounds; the name of a step is its path, as in `0.2.1`."""
    path = f"{request.steps[-1]}.{index}" if request.steps else str(index)
    return f"\\boxed{{{path}}}" if len(request.steps) == 2 else f"{path}\n\nmore"


def low_index_is_good(_: str, steps: tuple[str, ...]) -> list[float]:
    """The best children have small numbers, and parents' numbers weigh more than children's."""
    scores = []
    for step in steps:
        digits = [int(d) for d in step.strip("\\boxed{}").split(".")]
        scores.append(1 - sum(d / 10 ** (k + 1) for k, d in enumerate(digits)))
    return scores


@pytest.mark.parametrize(
    ("budget", "width", "shares"),
    [
        pytest.param(8, 4, [4, 4], id="N/M beams of M children"),
        pytest.param(16, 4, [4, 4, 4, 4], id="the paper's width"),
        pytest.param(6, 4, [3, 3], id="N/M is rounded up"),
        pytest.param(5, 2, [2, 2, 1], id="the first beams get what is left over"),
        pytest.param(3, 4, [3], id="N < M"),
        pytest.param(4, 4, [4], id="N = M"),
        pytest.param(1, 4, [1], id="N = 1"),
        pytest.param(4, 1, [1, 1, 1, 1], id="M = 1"),
    ],
)
def test_n_over_m_beams_stay_and_are_continued_n_times_in_all(
    budget: int, width: int, shares: list[int], run_method: Callable[..., Any]
) -> None:
    policy = FakePolicy(tree)
    run_method("beam", policy, FakeRewardModel(low_index_is_good), budget=budget, beam_width=width)
    by_round = rounds(policy)
    assert by_round[0] == [((), budget)]
    for depth in (1, 2):
        assert [n for _, n in by_round[depth]] == shares
        assert len({steps for steps, _ in by_round[depth]}) == len(shares)
    assert list(by_round) == [0, 1, 2]


def test_the_beams_with_the_best_scores_stay(run_method: Callable[..., Any]) -> None:
    policy = FakePolicy(tree)
    run_method("beam", policy, FakeRewardModel(low_index_is_good), budget=8)
    assert [steps for steps, _ in rounds(policy)[1]] == [("0",), ("1",)]
    assert [steps for steps, _ in rounds(policy)[2]] == [("0", "0.0"), ("0", "0.1")]


@pytest.mark.parametrize(("aggregation", "kept"), [("last", "b"), ("min", "a"), ("mean", "b"), ("prod", "a")])
def test_beams_are_kept_by_the_chosen_aggregation(
    aggregation: str, kept: str, run_method: Callable[..., Any], problem: str
) -> None:
    policy = FakePolicy(
        {
            (problem, ()): ["a\n\n", "b\n\n", "z\n\n", "z\n\n"],
            (problem, ("a",)): ["a2\n\n"],
            (problem, ("b",)): ["b2\n\n"],
            (problem, ("a", "a2")): ["\\boxed{1}"],
            (problem, ("b", "b2")): ["\\boxed{2}"],
        }
    )
    prm = FakeRewardModel(
        {"a": 0.5, "a2": 0.5, "b": 0.3, "b2": 0.8, "z": 0.1, "\\boxed{1}": 0.5, "\\boxed{2}": 0.5}
    )
    run_method("beam", policy, prm, budget=4, beam_width=2, aggregation=aggregation)
    last_round = [steps[0] for steps, _ in rounds(policy)[2]]
    assert last_round[0] == kept


def test_the_best_finished_solution_is_kept_not_the_first(
    run_method: Callable[..., Any], problem: str
) -> None:
    early = ["\\boxed{1}", "\\boxed{1} !", "\\boxed{1} !!", "\\boxed{1} !!!"]
    policy = FakePolicy(
        {
            (problem, ()): ["good\n\n", *early, "better\n\n", "bad\n\n", "bad too\n\n"],
            (problem, ("good",)): ["so \\boxed{2}"],
            (problem, ("better",)): ["hence \\boxed{3}"],
        }
    )
    prm = FakeRewardModel(
        {"good": 0.8, "better": 0.9, "bad": 0.2, "bad too": 0.2}
        | dict.fromkeys(early, 0.3)
        | {"so \\boxed{2}": 0.7, "hence \\boxed{3}": 0.95}
    )
    run = run_method("beam", policy, prm, budget=8)
    assert [s for s, _ in rounds(policy)[1]] == [("better",), ("good",)]
    best = choose(rank(run.pool, "last"), "max")
    assert best is not None
    assert (best[0].answer, best[1]) == ("3", 0.95)
    assert {c.steps[-1] for c in run.pool} == {*early, "so \\boxed{2}", "hence \\boxed{3}"}


def test_the_search_ends_when_the_best_solutions_are_finished(
    run_method: Callable[..., Any], problem: str
) -> None:
    policy = FakePolicy({(problem, ()): ["\\boxed{1}", "\\boxed{2}", "open\n\n", "open too\n\n"]})
    prm = FakeRewardModel({"\\boxed{1}": 0.9, "\\boxed{2}": 0.8, "open": 0.7, "open too": 0.6})
    run = run_method("beam", policy, prm, budget=4, beam_width=2)
    assert len(policy.requests) == 1
    assert [c.steps for c in run.pool] == [("\\boxed{1}",), ("\\boxed{2}",)]


def test_a_finished_solution_holds_its_place_until_better_ones_push_it_out(
    run_method: Callable[..., Any], problem: str
) -> None:
    policy = FakePolicy(
        {
            (problem, ()): ["\\boxed{1}", "x\n\n", "y\n\n", "z\n\n"],
            (problem, ("x",)): ["p\n\n", "q\n\n", "r\n\n", "s\n\n"],
            (problem, ("x", "p")): ["\\boxed{2}"],
            (problem, ("x", "q")): ["\\boxed{3}"],
        }
    )
    scores = {"\\boxed{1}": 0.5, "x": 0.9, "y": 0.4, "z": 0.3, "p": 0.7, "q": 0.6, "r": 0.1, "s": 0.1}
    prm = FakeRewardModel(scores | {"\\boxed{2}": 0.9, "\\boxed{3}": 0.2})
    run = run_method("beam", policy, prm, budget=4, beam_width=2)
    assert rounds(policy)[1] == [(("x",), 4)]  # beside the finished one there was room for x alone
    assert [s for s, _ in rounds(policy)[2]] == [("x", "p"), ("x", "q")]
    assert {c.steps[-1] for c in run.pool} == {"\\boxed{1}", "\\boxed{2}", "\\boxed{3}"}


def test_a_truncated_solution_holds_no_place_and_gives_no_answer(
    run_method: Callable[..., Any], problem: str
) -> None:
    policy = FakePolicy(
        {
            (problem, ()): ["\\boxed{9} and then some more words", "x\n\n"],
            (problem, ("x",)): ["\\boxed{1}"],
        }
    )
    prm = FakeRewardModel({"\\boxed{9} and then": 0.99, "x": 0.1, "\\boxed{1}": 0.1})
    run = run_method("beam", policy, prm, budget=2, beam_width=2, max_new_tokens=3)
    assert {(c.steps[-1], c.finish) for c in run.pool} == {
        ("\\boxed{9} and then", "length"),
        ("\\boxed{1}", "stop"),
    }
    best = choose(rank(run.pool, "last"), "max")
    assert best is not None
    assert best[0].answer == "1"


def test_a_step_that_was_written_often_is_continued_often(
    run_method: Callable[..., Any], problem: str
) -> None:
    policy = FakePolicy(
        {(problem, ()): ["a\n\n", "b\n\n", "a\n\n", "c\n\n"], (problem, ("a",)): ["\\boxed{1}"]}
    )
    prm = FakeRewardModel({"a": 0.9, "b": 0.8, "c": 0.1, "\\boxed{1}": 0.5})
    run_method("beam", policy, prm, budget=4, beam_width=2)
    assert rounds(policy)[1] == [(("a",), 4)]  # both places are those of `a`: one request, four samples


def test_identical_beams_are_expanded_and_scored_as_one(run_method: Callable[..., Any]) -> None:
    policy = FakePolicy(lambda request, _: ["a\n\n", "b\n\n", "\\boxed{1}"][len(request.steps)])
    prm = FakeRewardModel({"a": 0.5, "b": 0.5, "\\boxed{1}": 0.5})
    run = run_method("beam", policy, prm, budget=8)
    assert rounds(policy) == {0: [((), 8)], 1: [(("a",), 8)], 2: [(("a", "b"), 8)]}
    assert [steps for _, steps in prm.calls].count(("a",)) == 1
    assert [steps for _, steps in prm.calls].count(("a", "b")) == 1
    assert len(run.pool) == 8


def test_beams_with_the_same_last_step_but_another_past_are_not_merged(
    run_method: Callable[..., Any], problem: str
) -> None:
    policy = FakePolicy(
        {
            (problem, ()): ["a\n\n", "b\n\n"],
            (problem, ("a",)): ["c\n\n", "z\n\n"],
            (problem, ("b",)): ["c\n\n", "z\n\n"],
            (problem, ("a", "c")): ["\\boxed{1}"],
            (problem, ("b", "c")): ["\\boxed{2}"],
        }
    )
    prm = FakeRewardModel(lambda _, steps: [0.1 if step == "z" else 0.5 for step in steps])
    run = run_method("beam", policy, prm, budget=4, beam_width=2)
    assert len(rounds(policy)[2]) == 2
    assert {c.steps[-1] for c in run.pool} == {"\\boxed{1}", "\\boxed{2}"}


def test_a_beam_that_fills_the_context_ends_there(run_method: Callable[..., Any], problem: str) -> None:
    def script(request: SampleRequest, index: int) -> str:
        if request.steps == ("0",):
            raise ProblemTooLong(n_tokens=2, context=1, model="fake")
        return f"{index}\n\n" if not request.steps else f"\\boxed{{{index}}}"

    prm = FakeRewardModel(lambda _, steps: [0.5] * len(steps))
    run = run_method("beam", FakePolicy(script), prm, budget=4, beam_width=2)
    assert ("0",) in {c.steps for c in run.pool if c.finish == "length"}
    assert {c.steps for c in run.pool if c.is_complete} == {("1", "\\boxed{0}"), ("1", "\\boxed{1}")}
