"""What PRM scores add to a prior, fitted to logs in which PRMs have scored the samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.priors import prior_router
from tests.training.made import made_log, scored
from tts_select import InputError
from tts_select.selector.routers.prior_prm import CORRECT_TERMS
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.metrics import reliability
from tts_select.training.replay.scored import Scored
from tts_select.training.routers.prior.fit import FittedPrior
from tts_select.training.routers.prior.prm_term import Pair, fit_term, pairs_of, unlike, with_prm_term


@pytest.fixture(scope="module")
def log() -> SweepLog:
    return scored(made_log(24, n_samples=6), "log:good", "log:other", skill=4.0, seed=1)


@pytest.fixture(scope="module")
def pairs(log: SweepLog) -> list[Pair]:
    return list(pairs_of({"made": log}, seed=0))


@pytest.fixture(scope="module")
def fitted(log: SweepLog) -> FittedPrior:
    return with_prm_term(FittedPrior(prior_router(), {"seed": 0}), {"made": log})


def test_every_policy_is_paired_with_every_prm(pairs: list[Pair]) -> None:
    found = {(pair.arm.policy, pair.arm.prm) for pair in pairs}
    assert found == {(p, r) for p in ("log:weak", "log:strong") for r in ("log:good", "log:other")}


def test_what_is_left_out_has_neither_the_policy_nor_the_prm(pairs: list[Pair]) -> None:
    for pair in pairs:
        (other,) = unlike(pair, pairs)
        assert other.arm.policy != pair.arm.policy
        assert other.arm.prm != pair.arm.prm
    same_prm = [pair for pair in pairs if pair.arm.prm == "log:good"]
    assert unlike(same_prm[0], same_prm) == [same_prm[1]]
    assert unlike(pairs[0], pairs[:1]) == [pairs[0]]


def test_the_votes_stay_as_they_were(fitted: FittedPrior) -> None:
    before, after = prior_router().prior, fitted.router.prior
    assert (after.gain, after.calibration, after.efforts) == (before.gain, before.calibration, before.efforts)
    assert after.term is not None
    assert set(after.term.efforts) == {"low", "medium", "high"}
    assert after.term.efforts["high"] <= after.term.efforts["medium"] <= after.term.efforts["low"]
    assert fitted.facts["seed"] == 0
    assert len(fitted.facts["prm"]["pairs"]) == 4


def test_good_scores_are_trusted_and_noise_is_not(pairs: list[Pair]) -> None:
    votes = prior_router().prior
    noise = list(pairs_of({"made": scored(made_log(24, n_samples=6), "log:noise", skill=0.0)}, seed=0))
    place = CORRECT_TERMS.index("mean_lead")
    good, bad = fit_term(votes, pairs, 0).correct[place], fit_term(votes, noise, 0).correct[place]
    assert good > bad + 1.0


def test_it_is_calibrated_where_it_was_fitted(pairs: list[Pair]) -> None:
    from tts_select.selector.routers.prior_prm import ScoredPrior

    judge = ScoredPrior(prior_router().prior, fit_term(prior_router().prior, pairs, 0))
    said, right = [], []
    for pair in pairs:
        for look in pair.looks([2, 4, 6], 0.5, 0).looks:
            said.append(judge.p_correct(look.features, judge.says(look.features)))
            right.append((look.first == 0) * 1.0)
    assert reliability(np.concatenate(said), np.concatenate(right))["ece"] < 0.15


def test_one_seed_fits_one_term(log: SweepLog, fitted: FittedPrior) -> None:
    again = with_prm_term(FittedPrior(prior_router(), {"seed": 0}), {"made": log})
    assert again.router.prior.term == fitted.router.prior.term


def test_scores_are_mixed_up_within_a_problem() -> None:
    rng = np.random.default_rng(0)
    found = Scored(rng.random((50, 8)), np.zeros((50, 8)))
    for share, kept in ((0.0, 1.0), (0.5, 0.5), (1.0, 0.1)):
        mixed = found.shuffled(share, np.random.default_rng(1))
        np.testing.assert_allclose(np.sort(mixed.score), np.sort(found.score))
        assert abs((mixed.score == found.score).mean() - kept) < 0.15


def test_logs_without_scores_teach_nothing(log: SweepLog) -> None:
    for unscored in (made_log(40), replace(log, pools={k: log.pools[k] for k in list(log.pools)[:10]})):
        with pytest.raises(InputError, match="no PRM of the logs has scored 4 samples of 20 problems"):
            with_prm_term(FittedPrior(prior_router(), {}), {"made": unscored})
