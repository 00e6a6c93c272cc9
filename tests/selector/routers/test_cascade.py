from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.training.made import made_log
from tts_select import InputError, Selector
from tts_select.executors.registry import Loaders
from tts_select.selector.deciding import Caps
from tts_select.selector.evidence import Evidence, SolutionEvidence
from tts_select.selector.routers.cascade import Cascade
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.orders import as_arrays
from tts_select.training.replay.strategies import Opening, Votes, ahead, stopped
from tts_select.training.replay.walks import walk

CASCADE = Cascade.of("cheap", "dear", budget=8)


def seen(cheap: list[int], dear: list[int]) -> Evidence:
    return Evidence(
        "x",
        {
            name: [SolutionEvidence(group, 5, -1.0, 1) for group in groups]
            for name, groups in (("cheap", cheap), ("dear", dear))
        },
    )


@pytest.mark.parametrize(
    ("cheap", "dear", "arm", "n"),
    [
        ([], [], "margin@4 cheap", 2),
        ([0, 1], [], "margin@4 cheap", 3),
        ([0, 0], [], None, 0),
        ([0, 1, 2, 3], [], "margin@8 dear", 2),
        ([0, 1, 2, 3], [1, 2], "margin@8 dear", 3),
        ([0, 1, 2, 3], [2, 2], None, 0),
        ([0, 1, 2, 3], [0, 1, 2, 3, 0, 1, 2, 3], None, 0),
    ],
)
def test_the_dear_policy_is_asked_where_the_cheap_one_settles_nothing(
    cheap: list[int], dear: list[int], arm: str | None, n: int
) -> None:
    (found,) = CASCADE.decide([seen(cheap, dear)], 0.0, [Caps()])
    assert (found.arm and found.arm.name, found.n) == (arm, n)


def test_the_answer_is_that_of_the_dear_policy_if_it_has_one() -> None:
    answers = [a.group for a in CASCADE.answers(seen([0, 1, 0, 1], [2, 1, 2]))]
    assert answers == [2, 1]
    assert CASCADE.answers(seen([0, 1, 0, 1], [-1, -1]))[0].group == 0


def test_a_walk_is_the_row_of_every_evaluation() -> None:
    log = made_log(30, n_samples=8)
    cases = cases_of(log)
    walks = walk(Cascade.of("log:weak", "log:strong", budget=8), cases, 0.0, seed=3)
    replay = as_arrays(cases, [[w.order] for w in walks], log.manifest)
    weak, strong = (Votes.of(replay.draws[name]) for name in ("log:weak", "log:strong"))
    correct, cost = Opening.of(weak).then(stopped(strong, ahead(strong))).outcome
    assert [w.correct for w in walks] == correct.tolist()
    assert [w.flops for w in walks] == pytest.approx(cost)
    n_asked = np.array([w.position.n.get("log:strong", 0) for w in walks])
    assert 0 < (n_asked > 0).sum() < len(walks)


def test_it_runs_live() -> None:
    def writes(name: str) -> Any:
        return lambda _, k: f"\\boxed{{{k if name == 'cheap' else 7}}}"

    loaders = Loaders(lambda name: FakePolicy(writes(name), name=name), lambda _: FakeRewardModel({}))
    solution = Selector(CASCADE, loaders=loaders).solve("Which?")
    assert solution.answer == "7"
    assert [step.n for step in solution.steps] == [2, 3, 4, 2]
    assert {step.arm for step in solution.steps} == {"margin@4 cheap", "margin@8 dear"}


def test_one_policy_is_no_cascade() -> None:
    with pytest.raises(InputError, match="asks two policies, and 'cheap' is one"):
        Cascade.of("cheap", "cheap", budget=4)
