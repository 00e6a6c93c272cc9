from __future__ import annotations

from itertools import chain

import numpy as np
import pytest

from tts_select.selector.features import columns
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import Probe
from tts_select.training.log.manifest import pools_of
from tts_select.training.replay.cases import Case
from tts_select.training.routers.lookahead.ablation import KINDS, ablation
from tts_select.training.routers.lookahead.boosting import folds_of
from tts_select.training.routers.lookahead.fit import N_ABLATED, FittedRouter
from tts_select.training.routers.lookahead.probes import scored_probe


def test_every_kind_of_features_is_measured(fitted: FittedRouter) -> None:
    found = fitted.facts["ablation"]
    for name in ("auc", "brier", "ece"):
        assert set(found[name]) == set(KINDS)
        assert all(0 <= value <= 1 for value in found[name].values())


def test_it_says_which_probes_it_looked_at(fitted: FittedRouter) -> None:
    assert Probe(**fitted.facts["ablation"]["probes"]) == fitted.router.probe


@pytest.mark.parametrize(
    "probe",
    [Probe("world:large", None, 4), Probe("world:large", "world:prm", 1, 0.0), Probe("x", None, 1, 0.0)],
)
def test_probes_that_show_no_prm_or_no_agreement_are_replaced(probe: Probe, portfolio: Portfolio) -> None:
    found = scored_probe(probe, portfolio, N_ABLATED)
    assert found == Probe("world:small", "world:prm", N_ABLATED)
    assert found.arm.pool in pools_of(portfolio.arms)


def test_probes_that_a_prm_scores_are_looked_at_as_they_are(probe: Probe, portfolio: Portfolio) -> None:
    assert scored_probe(probe, portfolio, N_ABLATED) is probe
    unscored = Portfolio("votes", tuple(arm for arm in portfolio.arms if arm.prm is None))
    other = Probe("world:large", None, 4)
    assert scored_probe(other, unscored, N_ABLATED) is other


def test_the_kinds_divide_the_features(fitted: FittedRouter) -> None:
    names = fitted.router.layout.state_names
    parts = [columns(names, KINDS[kind]) for kind in ("text only", "probes only", "PRM only")]
    assert sorted(chain.from_iterable(parts)) == columns(names, KINDS["all"])
    left = set(range(len(names))) - set(columns(names, KINDS["all"]))
    assert left == set(columns(names, ["found"])), "after the probes no search has run"


def test_features_are_worth_more_than_none(fitted: FittedRouter, cases: list[Case]) -> None:
    """The synthetic problems are as hard as they are long, and the probes show it too."""
    policy = fitted.router.portfolio[fitted.router.fallback].policy
    rates = np.array([case.pass_at_1(policy) for case in cases])
    found = fitted.facts["ablation"]
    assert found["auc"]["all"] > 0.75
    assert found["auc"]["text only"] > 0.75
    assert found["brier"]["all"] < rates.var()
    assert found["brier"]["text only"] < rates.var()


@pytest.mark.slow
def test_it_is_the_same_each_time(fitted: FittedRouter, cases: list[Case]) -> None:
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
