from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from tts_select.selector.features import columns
from tts_select.training.routing.ablation import KINDS, ablation
from tts_select.training.routing.boosting import folds_of
from tts_select.training.routing.cases import Case
from tts_select.training.routing.fit import Fitted


def test_every_kind_of_features_is_measured(fitted: Fitted) -> None:
    found = fitted.facts["ablation"]
    assert set(found) == {"auc", "brier", "ece"}
    for measure in found.values():
        assert set(measure) == set(KINDS)
        assert all(0 <= value <= 1 for value in measure.values())


def test_the_kinds_divide_the_features(fitted: Fitted) -> None:
    names = fitted.router.layout.state_names
    parts = [columns(names, KINDS[kind]) for kind in ("text only", "probes only", "PRM only")]
    assert sorted(chain.from_iterable(parts)) == columns(names, KINDS["all"]) == list(range(len(names)))


def test_features_are_worth_more_than_none(fitted: Fitted, cases: list[Case]) -> None:
    """The synthetic problems are as hard as they are long, and the probes show it too."""
    policy = fitted.router.portfolio[fitted.router.fallback].policy
    rates = np.array([case.pass_at_1(policy) for case in cases])
    found = fitted.facts["ablation"]
    assert found["auc"]["all"] > 0.75
    assert found["auc"]["text only"] > 0.75
    assert found["brier"]["all"] < rates.var()
    assert found["brier"]["text only"] < rates.var()


@pytest.mark.slow
def test_it_is_the_same_each_time(fitted: Fitted, cases: list[Case]) -> None:
    router = fitted.router
    policy = router.portfolio.policies[0]
    solvable = np.array([case.pass_at_1(policy) for case in cases]) >= 0.5
    one, other = (
        ablation(
            cases,
            router.layout,
            router.probe,
            policy,
            solvable=solvable,
            fold_of=folds_of(np.arange(len(cases)), 0),
        )
        for _ in range(2)
    )
    assert one == other
