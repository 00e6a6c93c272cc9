from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from tts_select.core.protocols import SampleRequest
from tts_select.core.seeds import derive_seed
from tts_select.testing import FakePolicy, FakeRewardModel


def text(request: SampleRequest, index: int) -> str:
    """Three steps, named after the seed and so different in each subtree."""
    name = derive_seed(request.seed, index) % 10**6
    return f"\\boxed{{{name}}}" if len(request.steps) == 2 else f"{name}\n\nmore"


def score(_: str, steps: tuple[str, ...]) -> list[float]:
    return [derive_seed(s) % 1000 / 1000 for s in steps]


@pytest.mark.parametrize(
    ("budget", "width", "n_trees", "children"),
    [(8, 4, 2, 4), (16, 4, 4, 4), (6, 4, 1, 4), (7, 2, 3, 2), (3, 4, 1, 3), (1, 4, 1, 1), (4, 1, 4, 1)],
)
def test_n_over_m_subtrees_have_m_children_of_one_parent_each(
    budget: int, width: int, n_trees: int, children: int, run_method: Callable[..., Any]
) -> None:
    policy = FakePolicy(text)
    run = run_method("dvts", policy, FakeRewardModel(score), budget=budget, beam_width=width)
    by_round = defaultdict(list)
    for request in policy.requests:
        by_round[len(request.steps)].append(request)
    for depth in range(3):
        assert [r.n for r in by_round[depth]] == [children] * n_trees
        assert len({r.seed for r in by_round[depth]}) == n_trees
    assert len({r.steps for r in by_round[2]}) == n_trees
    assert len(run.pool) == n_trees * children


def test_a_subtree_grows_the_same_whatever_grows_beside_it(run_method: Callable[..., Any]) -> None:
    def pool(budget: int) -> set[tuple[str, ...]]:
        run = run_method("dvts", FakePolicy(text), FakeRewardModel(score), budget=budget)
        return {c.steps for c in run.pool}

    assert pool(4) < pool(8) < pool(16)


def test_a_poor_subtree_is_not_displaced_by_a_good_one(run_method: Callable[..., Any]) -> None:
    first_tree = run_method("dvts", FakePolicy(text), FakeRewardModel(score), budget=4).pool
    good = {c.steps[0] for c in first_tree}

    def good_in_the_first_tree(_: str, steps: tuple[str, ...]) -> list[float]:
        return [0.9 if steps[0] in good else 0.1] * len(steps)

    run = run_method("dvts", FakePolicy(text), FakeRewardModel(good_in_the_first_tree), budget=8)
    assert [c.step_scores for c in run.pool] == [(0.9,) * 3] * 4 + [(0.1,) * 3] * 4


def test_the_best_child_of_a_subtree_stays(run_method: Callable[..., Any]) -> None:
    policy = FakePolicy(text)
    run_method("dvts", policy, FakeRewardModel(score), budget=8)
    roots = [r for r in policy.requests if not r.steps]
    parents = [r.steps[0] for r in policy.requests if len(r.steps) == 1]
    for root, parent in zip(roots, parents, strict=True):
        children = [text(root, k).split("\n\n")[0] for k in range(root.n)]
        assert parent == max(children, key=lambda c: score("", (c,))[0])
