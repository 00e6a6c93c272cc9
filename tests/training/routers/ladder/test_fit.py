"""A ladder router from a log: what it must not see, what it must keep, what it refuses."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ladders import as_saved, as_text, by_length, ladder_router, rewrite
from tests.training.made import made_log
from tts_select.core.arm import Arm, pool_name
from tts_select.core.errors import InputError
from tts_select.selector.deciding import Caps
from tts_select.selector.evidence import Evidence
from tts_select.selector.routers.artifact import describe_router, load_router, save_router
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.tally import N_TERMS
from tts_select.training.log.records import Sample, SweepLog
from tts_select.training.replay.climbing import usual_of
from tts_select.training.replay.draws import Draws
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Replay, replay_of, with_policies
from tts_select.training.routers.ladder import searching
from tts_select.training.routers.ladder.fit import (
    FEWEST_PROBLEMS,
    FittedLadders,
    fingerprints_of,
    fit_ladders,
    fit_replay,
    orders_for,
    prices_for,
)

FEW_PRICES = 5


@pytest.fixture(scope="module")
def fitted() -> FittedLadders:
    return fit_ladders(made_log(20, n_samples=4), seed=0)


def test_what_is_tested_on_cannot_reach_the_router() -> None:
    """Whatever happened on the other problems, right or wrong, dear or cheap."""
    log = made_log(24)
    replay = replay_of(log, n_orders=4, seed=0)
    prices = np.geomspace(prices_for(replay)[0], prices_for(replay)[-1], FEW_PRICES)
    here = np.arange(24) % 4 > 0

    def spoiled(draws: Draws) -> Draws:
        hidden = ~here[replay.problem]
        group = np.where(hidden[:, None], np.where(draws.group == RIGHT, 5, RIGHT), draws.group)
        return replace(draws, group=group, length=np.where(hidden[:, None], 1e3 * draws.length, draws.length))

    other = replace(replay, draws={name: spoiled(d) for name, d in replay.draws.items()})
    prints = fingerprints_of(log)
    found = [as_text(fit_replay(r.of(here), prices, prints, seed=0)) for r in (replay, other)]
    assert found[0] == found[1]
    assert as_text(fit_replay(other, prices, prints, seed=0)) != found[0]


def test_folds_share_no_problem_and_cover_all() -> None:
    fold = searching.fold_of(23, 5, seed=3)
    assert sorted(np.bincount(fold)) == [4, 4, 5, 5, 5]


def test_a_ladder_is_judged_by_rules_that_have_not_seen_the_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    replay = replay_of(made_log(20), n_orders=2, seed=0)
    seen: list[np.ndarray] = []
    real = searching.induce

    def spy(beliefs, costs, prices, rows, **start):  # type: ignore[no-untyped-def]
        seen.append(rows)
        return real(beliefs, costs, prices, rows, **start)

    monkeypatch.setattr(searching, "induce", spy)
    monkeypatch.setattr(searching, "MOST_KEPT", 0)
    one = replay.only(["log:strong"])
    searching.search(one, prices_for(one)[:3], usual_of(one), seed=0)
    *folds, everything = seen
    assert everything.all()
    assert len(folds) == searching.N_FOLDS
    assert (np.sum([~rows for rows in folds], axis=0) == 1).all()
    for rows in folds:
        assert not {*replay.problem[rows]} & {*replay.problem[~rows]}


def test_a_router_comes_back_from_its_folder_as_it_was(fitted: FittedLadders, tmp_path: Path) -> None:
    save_router(fitted.router, tmp_path / "router", trained_on=fitted.facts)
    loaded = load_router(tmp_path / "router")
    assert isinstance(loaded, LadderRouter)
    assert as_text(loaded) == as_text(fitted.router)
    for name in ("portfolio", "usual", "prices", "fallback", "unit", "fingerprints"):
        assert getattr(loaded, name) == getattr(fitted.router, name)
    assert describe_router(tmp_path / "router") == fitted.facts


@pytest.mark.parametrize("missing", ["usual", "ladders", "portfolio"])
def test_a_router_that_lacks_a_part_is_refused_in_a_line(
    fitted: FittedLadders, tmp_path: Path, missing: str
) -> None:
    folder = tmp_path / "router"
    save_router(fitted.router, folder, trained_on={})
    record = json.loads((folder / "router.json").read_text())
    del record[missing]
    rewrite(folder, record)
    with pytest.raises(InputError, match=f"'{missing}'.*train it again"):
        load_router(folder)


def as_earlier(record: dict[str, Any]) -> dict[str, Any]:
    """A ladder as it was written when every draw was looked at."""
    n_draws = sum(rung["n"] for rung in record["rungs"])
    stops = np.random.default_rng(0).normal(size=(n_draws - 1, N_TERMS)).tolist()
    return {**{key: value for key, value in record.items() if key != "looks"}, "stops": stops}


def test_ladders_of_earlier_versions_look_after_every_draw(fitted: FittedLadders, tmp_path: Path) -> None:
    folder = tmp_path / "router"
    save_router(fitted.router, folder, trained_on={})
    record = json.loads((folder / "router.json").read_text())
    record["ladders"] = [
        as_earlier({**x, "rungs": [{"pool": x["rungs"][0]["pool"], "n": 12}]}) for x in record["ladders"]
    ]
    rewrite(folder, record)
    loaded = load_router(folder)
    assert isinstance(loaded, LadderRouter)
    for ladder, entry in zip(loaded.ladders, record["ladders"], strict=True):
        assert ladder.looks == tuple(range(1, 13))
        assert ladder.stops.tolist() == entry["stops"]


def test_what_texts_decide_is_kept_on_disk(tmp_path: Path) -> None:
    router = by_length(ladder_router())
    save_router(router, tmp_path / "router", trained_on={})
    loaded = load_router(tmp_path / "router")
    assert isinstance(loaded, LadderRouter)
    for text in ("x", "x" * 100):
        known = [Evidence(text)]
        assert loaded.decide(known, 1e-4, [Caps()]) == router.decide(known, 1e-4, [Caps()])
    assert as_saved(loaded, tmp_path / "again") == as_saved(router, tmp_path / "first")


def test_ladders_of_earlier_versions_have_no_text(tmp_path: Path) -> None:
    assert "by_text" not in as_saved(ladder_router(), tmp_path / "router")
    loaded = load_router(tmp_path / "router")
    assert isinstance(loaded, LadderRouter)
    assert loaded.by_text is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda entry: entry.update(place=2), "prices that it has no ladders for"),
        (lambda entry: entry["ladders"].pop(), "does not fit"),
        (lambda entry: entry["ladders"][1]["rungs"][0].update(pool="nobody"), "its pool 'nobody'"),
    ],
)
def test_texts_that_do_not_fit_the_ladders_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    record = as_saved(by_length(ladder_router()), tmp_path / "router")
    change(record["by_text"]["prices"][0])
    rewrite(tmp_path / "router", record)
    with pytest.raises(InputError, match=f"{said}.*train it again"):
        load_router(tmp_path / "router")


KINDS = ("A pen costs {} cents. What do {} pens cost?", "Start with {}. Add {}. What is the result?")


def specialists(n: int) -> SweepLog:
    """Each policy is good at one kind of problem."""
    log = made_log(n, n_samples=4, sized=False)
    texts = {id_: KINDS[k % 2].format(k, k + 2) for k, id_ in enumerate(log.problems)}
    good = dict(zip(texts, itertools.cycle(("log:weak", "log:strong")), strict=False))
    rng = np.random.default_rng(0)

    def answered(sample: Sample, known: str, *, able: bool) -> Sample:
        right = bool(rng.random() < (0.95 if able else 0.05))
        return replace(sample, correct=right, answer=known if right else str(rng.integers(1000)))

    problems = {id_: replace(p, problem=texts[id_]) for id_, p in log.problems.items()}
    pools = {}
    for (id_, name), pool in log.pools.items():
        own = [answered(s, problems[id_].answer, able=good[id_] == name) for s in pool.samples]
        pools[id_, name] = replace(pool, samples=tuple(own))
    return replace(log, problems=problems, pools=pools)


def test_a_problem_begins_with_the_policy_that_is_good_at_its_kind() -> None:
    """Where one sample is all that is bought, it is that of the right policy."""
    router = fit_ladders(specialists(40)).router
    dear = router.ladders[-12].price
    begun = [router.at(dear, kind.format(77, 79)).draws[0] for kind in KINDS]
    assert begun == ["log:weak", "log:strong"]


def test_texts_without_meaning_leave_ladders_as_they_are(fitted: FittedLadders) -> None:
    assert fitted.router.by_text is None


@pytest.mark.parametrize("looks", [[], [2, 4], [1, 3, 2, 4], [1, 2, 3]])
def test_looks_that_are_not_those_of_the_draws_are_refused(
    fitted: FittedLadders, tmp_path: Path, looks: list[int]
) -> None:
    folder = tmp_path / "router"
    save_router(fitted.router, folder, trained_on={})
    record = json.loads((folder / "router.json").read_text())
    record["ladders"][0]["rungs"] = [{"pool": "log:weak", "n": 4}]
    record["ladders"][0]["looks"] = looks
    rewrite(folder, record)
    with pytest.raises(InputError, match=r"looks are not after 1 to 4 draws.*train it again"):
        load_router(folder)


def test_a_ladder_goes_as_far_as_the_log_where_compute_is_cheap() -> None:
    """Where a sample is as often wrong as right, many are worth their little price."""
    log = made_log(24, n_samples=32, p_right=0.4)
    router = fit_ladders(with_policies(log, ["strong"])).router
    first = router.ladders[0]
    assert (first.looks[-1], first.looks[:6]) == (32, (1, 2, 3, 4, 6, 8))
    assert first.cost > 8 * router.ladders[-1].cost


def test_a_router_that_draws_from_an_unknown_pool_is_refused(fitted: FittedLadders, tmp_path: Path) -> None:
    folder = tmp_path / "router"
    save_router(fitted.router, folder, trained_on={})
    record = json.loads((folder / "router.json").read_text())
    record["ladders"][0]["rungs"][0]["pool"] = "log:other"
    rewrite(folder, record)
    with pytest.raises(InputError, match="does not know its pool 'log:other'"):
        load_router(folder)


def test_the_portfolio_has_what_the_ladders_can_reach_and_the_fallback(fitted: FittedLadders) -> None:
    router = fitted.router
    for ladder in router.ladders:
        for pool in {*ladder.draws}:
            assert max(a.budget for a in router.portfolio.arms if a.pool == pool) >= ladder.draws.count(pool)
    assert router.portfolio[router.fallback].method == "majority"
    assert {arm.policy for arm in router.portfolio.arms} <= {"log:weak", "log:strong"}


def test_a_sweep_trains_ladders_too(synthetic_log: Callable[..., SweepLog]) -> None:
    """From its samples and greedy solutions; searches and PRMs are left aside."""
    log = synthetic_log(24, n_samples=4)
    router = fit_ladders(with_policies(log, ["world:small", "world:large"])).router
    pools = {pool_name(policy, t) for policy in ("world:small", "world:large") for t in (0, 0.7)}
    assert {pool for ladder in router.ladders for pool in ladder.draws} <= pools
    assert (router.unit, router.fingerprints["grader"]) == ("FLOPs", log.manifest.grader)
    (found,) = router.decide([Evidence("x")], router.prices["medium"], [Caps()])
    assert found.arm in router.portfolio.arms


def with_greedy(log: SweepLog, policy: str) -> SweepLog:
    """The log with a greedy solution of each problem, right where most samples are."""
    pools = {
        (id_, pool_name(policy, 0)): replace(pool, samples=(_most_voted(pool.samples),), temperature=0.0)
        for (id_, name), pool in log.pools.items()
        if name == policy
    }
    arms = (*log.manifest.arms, Arm(policy, None, "cot", 1))
    return replace(log, manifest=replace(log.manifest, arms=arms), pools={**log.pools, **pools})


def _most_voted(samples: Sequence[Sample]) -> Sample:
    ((answer, _),) = Counter(sample.answer for sample in samples).most_common(1)
    return next(sample for sample in samples if sample.answer == answer)


def test_a_ladder_begins_with_a_greedy_solution_where_that_is_more_often_right_than_a_sample() -> None:
    log = with_greedy(made_log(40, n_samples=12, policies=("log:weak",)), "log:weak")
    router = fit_ladders(log).router
    (first,) = router.decide([Evidence("x")], router.ladders[-1].price, [Caps()])
    assert first.arm == Arm("log:weak", None, "cot", 1)
    assert (first.n, router.ladders[-1].draws) == (1, ["log:weak temperature=0"])
    assert {*router.at(0).draws} >= {"log:weak"}  # and goes on with samples where they are worth it


def test_greedy_solutions_alone_are_nothing_to_learn_from() -> None:
    log = with_greedy(made_log(20, n_samples=4, policies=("log:weak",)), "log:weak")
    alone = {key: pool for key, pool in log.pools.items() if pool.temperature == 0}
    arms = tuple(arm for arm in log.manifest.arms if arm.method == "cot")
    with pytest.raises(InputError, match="greedy solutions alone"):
        fit_ladders(replace(log, manifest=replace(log.manifest, arms=arms), pools=alone))


def test_how_many_samples_were_cut_is_told() -> None:
    log = made_log(20, n_samples=2)
    pools = {
        key: replace(pool, samples=(replace(pool.samples[0], finish="length"), *pool.samples[1:]))
        if key[1] == "log:weak"
        else pool
        for key, pool in log.pools.items()
    }
    facts = fit_ladders(replace(log, pools=pools)).facts
    assert facts["share_cut"] == {"log:weak": 0.5, "log:strong": 0.0}


def test_the_dearest_price_buys_one_sample_of_the_cheapest_policy(fitted: FittedLadders) -> None:
    replay: Replay = replay_of(made_log(20, n_samples=4), n_orders=2, seed=0)
    cheapest = min(replay.draws.values(), key=lambda d: d.cost.mean()).cost[:, 0].mean()
    assert fitted.router.ladders[-1].cost <= 1.05 * cheapest
    assert fitted.router.at(1e9) is fitted.router.ladders[-1]


def test_what_is_expected_to_be_spent_falls_as_the_price_rises(fitted: FittedLadders) -> None:
    spent = np.array([ladder.cost for ladder in fitted.router.ladders])
    assert spent[0] > 3 * spent[-1]
    assert (np.diff(spent) <= 0.1 * spent[0]).all()


def test_the_same_seed_learns_the_same_router(fitted: FittedLadders) -> None:
    assert as_text(fit_ladders(made_log(20, n_samples=4), seed=0).router) == as_text(fitted.router)


@pytest.mark.parametrize(("n", "said"), [(1, "the log has 1 problem "), (FEWEST_PROBLEMS - 1, "19 problems")])
def test_too_few_problems_are_refused(n: int, said: str) -> None:
    with pytest.raises(InputError, match=f"{said}.*at least {FEWEST_PROBLEMS}"):
        fit_ladders(made_log(n))


@pytest.mark.parametrize(("p", "what"), [(0.0, "wrong"), (1.0, "right")])
def test_a_log_with_nothing_to_choose_is_refused(p: float, what: str) -> None:
    with pytest.raises(InputError, match=f"every sample of the log is {what}"):
        fit_ladders(made_log(20, p_right=p))


@pytest.mark.parametrize(
    ("n_problems", "n_orders"), [(20, 64), (250, 32), (1000, 8), (12_500, 8), (50_000, 2), (300_000, 1)]
)
def test_every_problem_is_learned_from_in_fewer_orders_the_more_there_are(
    n_problems: int, n_orders: int
) -> None:
    assert orders_for(n_problems) == n_orders
