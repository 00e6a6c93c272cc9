from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.errors import InputError
from tts_select.data.grading import GRADER
from tts_select.selector.evidence import Evidence
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.artifact import describe_router, load_router, save_router
from tts_select.selector.routers.lookahead import LookaheadRouter, Probe
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import Case
from tts_select.training.replay.fixed import best_of, board_of
from tts_select.training.replay.metrics import reliability
from tts_select.training.replay.walks import after, judge, probed
from tts_select.training.routers.efforts import efforts_of
from tts_select.training.routers.lookahead.checks import FEWEST_PROBLEMS
from tts_select.training.routers.lookahead.fit import FittedRouter, fit_router
from tts_select.training.routers.lookahead.learning import error_bands


def evidence_of(router: LookaheadRouter, cases: list[Case], seed: int = 0) -> list[Evidence]:
    rng = np.random.default_rng(seed)
    return [probed(router.first_look, case, case.order(rng)).evidence for case in cases]


def with_all(log: SweepLog, *, correct: bool) -> SweepLog:
    """The log with every sample and search right, or wrong."""
    runs = {
        (problem, arm): tuple(
            replace(run, correct=correct, answer=log.problems[problem].answer if correct else "-1")
            for run in found
        )
        for (problem, arm), found in log.runs.items()
    }
    pools = {
        (problem, policy): replace(
            pool,
            samples=tuple(
                replace(s, correct=correct, answer=log.problems[problem].answer if correct else "-1")
                for s in pool.samples
            ),
        )
        for (problem, policy), pool in log.pools.items()
    }
    return replace(log, pools=pools, runs=runs)


def test_too_few_problems_are_refused(synthetic_log: Callable[..., SweepLog], probe: Probe) -> None:
    with pytest.raises(
        InputError, match=r"has 29 problems: a router needs at least 30; sweep more"
    ) as caught:
        fit_router(synthetic_log(FEWEST_PROBLEMS - 1), probe)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("correct", "what"), [(True, "right"), (False, "wrong")])
def test_a_sweep_without_a_choice_is_refused(log: SweepLog, probe: Probe, correct: bool, what: str) -> None:
    with pytest.raises(InputError, match=rf"every sample of the sweep is {what}: .*sweep other problems"):
        fit_router(with_all(log, correct=correct), probe)


@pytest.mark.parametrize(
    ("probe", "named"),
    [
        (Probe("world:tiny", "world:prm", 2), "world:tiny, scored by world:prm"),
        (Probe("world:tiny", None, 2), "world:tiny"),
        (Probe("world:small", "none", 2), "world:small, scored by none"),
        (Probe("world:small", None, 1, 1.5), "world:small temperature=1.5"),
        (
            Probe("world:small", "world:prm-narrow", 1, 0.0),
            "world:small temperature=0, scored by world:prm-narrow",
        ),
    ],
)
def test_probes_that_were_not_swept_are_refused(log: SweepLog, probe: Probe, named: str) -> None:
    with pytest.raises(
        InputError, match=rf"the probes are of {named}, which the sweep does not have: choose"
    ):
        fit_router(log, probe)


def test_it_says_what_it_does(fitted: FittedRouter, log: SweepLog) -> None:
    assert fitted.facts["n_problems"] == len(log.problems)
    assert fitted.facts["problem_ids"] == sorted(log.problems)
    assert json.loads(json.dumps(fitted.facts)) == fitted.facts


def test_the_router_knows_what_it_was_trained_for(
    router: LookaheadRouter, log: SweepLog, probe: Probe
) -> None:
    assert router.portfolio.arms == log.manifest.arms
    assert router.probe == probe
    assert router.fingerprints == {
        **{name: card.fingerprint for name, card in log.manifest.models.items()},
        "grader": GRADER,
    }


def test_the_fallback_is_the_best_fixed_arm(
    router: LookaheadRouter, cases: list[Case], portfolio: Portfolio
) -> None:
    scores = board_of(cases, portfolio, seed=0).scores()
    best = max(score.accuracy for score in scores.values())
    assert scores[router.fallback].accuracy == best
    assert scores[router.fallback].cost == min(s.cost for s in scores.values() if s.accuracy == best)
    assert best_of(scores) == router.fallback
    assert router.strengths == {name: score.accuracy for name, score in scores.items()}


def test_efforts_are_priced_by_the_frontier(fitted: FittedRouter) -> None:
    frontier = fitted.facts["frontier"]
    tried, accuracies, flops = ([p[key] for p in frontier] for key in ("price", "accuracy", "flops"))
    assert fitted.router.prices == efforts_of(tried, accuracies)
    assert fitted.router.prices["low"] >= fitted.router.prices["medium"] >= fitted.router.prices["high"] > 0
    for found in fitted.facts["efforts"].values():
        assert min(accuracies) <= found["accuracy"] <= max(accuracies)
        assert min(flops) <= found["flops"] <= max(flops)


def test_mean_tokens_are_those_of_all_pools_of_a_policy(router: LookaheadRouter, log: SweepLog) -> None:
    for policy in router.portfolio.policies:
        tokens = [s.n_tokens for pool in log.pools.values() if pool.policy == policy for s in pool.samples]
        assert router.mean_tokens[policy] == pytest.approx(np.mean(tokens))


def test_no_model_of_a_fold_has_seen_its_problems(fitted: FittedRouter) -> None:
    assert len(fitted.by_fold) == len(set(fitted.fold_of.tolist()))
    for name in ("mend", "spoil", "confidence"):
        models = [getattr(router, name).booster for router in (fitted.router, *fitted.by_fold)]
        assert len({model.model_to_string() for model in models}) == len(models)
    models = [router.cost for router in (fitted.router, *fitted.by_fold)]
    assert len({model.model_to_string() for model in models}) == len(models)


def test_the_expected_cost_never_falls_when_only_the_budget_grows(
    router: LookaheadRouter, cases: list[Case]
) -> None:
    for evidence in [Evidence(cases[0].problem.problem, {}), *evidence_of(router, cases)]:
        families: Mapping[object, list[tuple[int, float]]] = defaultdict(list)
        for option in router.options(evidence):
            if option.arm is not None:
                families[replace(option.arm, budget=1)].append((option.arm.budget, option.flops))
        for family in families.values():
            costs = [flops for _, flops in sorted(family)]
            assert costs == sorted(costs)


def test_expected_costs_are_close_to_what_arms_cost(router: LookaheadRouter, unseen: list[Case]) -> None:
    rng = np.random.default_rng(0)
    errors = []
    for case in unseen[:20]:
        w = probed(router.first_look, case, case.order(rng))
        errors += [
            np.log(option.flops / case.cost(option.arm, w.order, w.position))
            for option in router.options(w.evidence)
            if option.arm is not None
        ]
    assert abs(np.median(errors)) < 0.2
    assert np.median(np.abs(errors)) < 0.3


def test_p_correct_is_calibrated_on_unseen_problems(router: LookaheadRouter, unseen: list[Case]) -> None:
    rng = np.random.default_rng(0)
    walks = [probed(router.first_look, case, case.order(rng)) for case in unseen]
    judge(router.layout, router.confidence, walks)
    said, later = [], []
    for w in walks:
        for option in router.options(w.evidence):
            said.append(option.p_correct)
            later.append(after(w, option.arm) if option.arm else w)
    judge(router.layout, router.confidence, later)
    assert reliability(np.array(said), np.array([w.correct for w in later]))["ece"] < 0.12


def test_difficulty_is_estimated_on_unseen_problems(router: LookaheadRouter, unseen: list[Case]) -> None:
    guessed, known, inside = [], [], []
    for case, evidence in zip(unseen, evidence_of(router, unseen), strict=True):
        for policy, difficulty in router.difficulties(evidence).items():
            guessed.append(difficulty.pass_at_1)
            known.append(case.pass_at_1(policy))
            inside.append(difficulty.low <= known[-1] <= difficulty.high)
    assert np.corrcoef(guessed, known)[0, 1] > 0.75
    assert np.mean(inside) > 0.6


def test_no_probability_is_surer_than_so_many_problems_can_tell(fitted: FittedRouter) -> None:
    least = 1 / (len(fitted.fold_of) + 2)
    router = fitted.router
    for model in (
        router.mend,
        router.spoil,
        router.confidence,
        *(d.model for d in router.difficulty.values()),
    ):
        assert least <= min(model.calibration.is_)
        assert max(model.calibration.is_) <= 1 - least


def test_the_bands_hold_nine_tenths_of_the_errors() -> None:
    rng = np.random.default_rng(0)
    said = rng.random(4000)
    labels = np.clip(said + rng.normal(0, 0.05 + 0.3 * said), 0, 1)
    bands = error_bands(said, labels)
    assert [b[0] for b in bands] == sorted(b[0] for b in bands)
    assert bands[0][0] == -1.0
    held = []
    for p, label in zip(said, labels, strict=True):
        _, low, high = [b for b in bands if p >= b[0]][-1]
        held.append(p + low <= label <= p + high)
    assert np.mean(held) == pytest.approx(0.9, abs=0.01)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.15, 0.7, 0.9]), st.floats(0, 1)), min_size=1))
def test_every_prediction_has_a_band_however_few_there_are(data: list[tuple[float, float]]) -> None:
    said, labels = np.array(data).T
    bands = error_bands(said, labels)
    edges = [b[0] for b in bands]
    assert edges == sorted(set(edges))
    assert all(-1 <= low <= high <= 1 for _, low, high in bands)
    for edge, low, high in bands:
        later = min((e for e in edges if e > edge), default=2.0)
        errors = (labels - said)[(said >= edge) & (said < later)]
        assert (low, high) == pytest.approx(np.quantile(errors, [0.05, 0.95]))


def test_a_constant_prediction_has_one_band() -> None:
    (band,) = error_bands(np.full(100, 0.5), np.linspace(0, 1, 100))
    assert band == pytest.approx((-1.0, -0.45, 0.45))


def test_the_ablation_and_the_bins_are_on_record(fitted: FittedRouter, portfolio: Portfolio) -> None:
    assert set(fitted.facts["ablation"]) == {"probes", "auc", "brier", "ece"}
    assert np.array(fitted.facts["bins"]["success"]).shape == (3, len(portfolio.arms))


def test_a_saved_router_decides_as_the_fitted_one(
    fitted: FittedRouter, cases: list[Case], tmp_path: Path
) -> None:
    save_router(fitted.router, tmp_path / "router", trained_on=fitted.facts)
    loaded = load_router(tmp_path / "router")
    assert describe_router(tmp_path / "router") == fitted.facts
    assert loaded.prices == fitted.router.prices
    for evidence in evidence_of(fitted.router, cases):
        assert loaded.options(evidence) == fitted.router.options(evidence)
        assert loaded.answers(evidence) == fitted.router.answers(evidence)
        assert loaded.difficulties(evidence) == fitted.router.difficulties(evidence)


@pytest.mark.slow
def test_the_same_log_and_seed_give_the_same_bytes(
    fitted: FittedRouter, log: SweepLog, probe: Probe, tmp_path: Path
) -> None:
    again = fit_router(log, probe)
    for name, found in (("one", fitted), ("other", again)):
        save_router(found.router, tmp_path / name, trained_on=found.facts)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "other").iterdir())
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
