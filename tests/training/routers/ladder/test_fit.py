"""A staged router from a log: what it must not see, what it must keep, what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.made import made_log
from tts_select.core.errors import InputError
from tts_select.selector.routers.artifact import STAGED_SCHEMA, describe_router, load_router
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.ladder_artifact import load_staged, save_staged
from tts_select.training.replay.climbing import usual_of
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Draws, Replay, replay_of
from tts_select.training.routers.ladder import searching
from tts_select.training.routers.ladder.fit import (
    FEWEST_PROBLEMS,
    FittedStages,
    fingerprints_of,
    fit_replay,
    fit_staged,
    prices_for,
)

FEW_PRICES = 5


@pytest.fixture(scope="module")
def fitted() -> FittedStages:
    return fit_staged(made_log(20, n_samples=4, checkpoints=True), seed=0)


def as_text(router: LadderRouter) -> str:
    return repr([(x.stages, x.stops.tolist(), x.answers.weight.tolist(), x.cost) for x in router.ladders])


def test_what_is_tested_on_cannot_reach_the_router() -> None:
    """Whatever happened on the other problems, right or wrong, dear or cheap."""
    log = made_log(24)
    replay = replay_of(log, n_orders=4, seed=0)
    prices = np.geomspace(prices_for(replay)[0], prices_for(replay)[-1], FEW_PRICES)
    here = np.arange(24) % 4 > 0

    def spoiled(draws: Draws) -> Draws:
        hidden = ~here[replay.problem]
        group = np.where(hidden[:, None], np.where(draws.group == RIGHT, 5, RIGHT), draws.group)
        return replace(draws, group=group, cost=np.where(hidden[:, None], 1e3 * draws.cost, draws.cost))

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

    def spy(looks, costs, prices, rows):  # type: ignore[no-untyped-def]
        seen.append(rows)
        return real(looks, costs, prices, rows)

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


def test_a_router_comes_back_from_its_folder_as_it_was(fitted: FittedStages, tmp_path: Path) -> None:
    save_staged(fitted.router, tmp_path / "router", trained_on=fitted.facts)
    loaded = load_staged(tmp_path / "router")
    assert as_text(loaded) == as_text(fitted.router)
    assert (loaded.usual, loaded.efforts, loaded.unit) == (
        fitted.router.usual,
        fitted.router.efforts,
        fitted.router.unit,
    )
    assert describe_router(tmp_path / "router", schema=STAGED_SCHEMA)["problem_ids"] == sorted(
        fitted.facts["problem_ids"]
    )


def test_a_tampered_router_and_one_for_live_use_are_refused(fitted: FittedStages, tmp_path: Path) -> None:
    folder = tmp_path / "router"
    save_staged(fitted.router, folder, trained_on=fitted.facts)
    with pytest.raises(InputError, match="a staged router, made from a log of samples"):
        load_router(folder)
    record = json.loads((folder / "router.json").read_text())
    (folder / "router.json").write_text(json.dumps({**record, "unit": "seconds"}))
    with pytest.raises(InputError, match="sha256"):
        load_staged(folder)


@pytest.mark.parametrize("missing", ["usual", "ladders"])
def test_a_router_that_lacks_a_part_is_refused_in_a_line(
    fitted: FittedStages, tmp_path: Path, missing: str
) -> None:
    from tts_select.selector.routers.artifact import save_files

    save_staged(fitted.router, tmp_path / "router", trained_on={})
    record = json.loads((tmp_path / "router" / "router.json").read_text())
    del record[missing]
    save_files({"router.json": json.dumps(record)}, tmp_path / "less", schema=STAGED_SCHEMA, trained_on={})
    with pytest.raises(InputError, match=f"'{missing}'.*train it again"):
        load_staged(tmp_path / "less")


def test_the_dearest_price_buys_one_sample_of_the_cheapest_policy(fitted: FittedStages) -> None:
    replay: Replay = replay_of(made_log(20, n_samples=4, checkpoints=True), n_orders=2, seed=0)
    cheapest = min(replay.draws.values(), key=lambda d: d.cost.mean()).cost[:, 0].mean()
    assert fitted.router.ladders[-1].cost <= 1.05 * cheapest
    assert fitted.router.at(1e9) is fitted.router.ladders[-1]


def test_what_is_expected_to_be_spent_falls_as_the_price_rises(fitted: FittedStages) -> None:
    spent = np.array([ladder.cost for ladder in fitted.router.ladders])
    assert spent[0] > 3 * spent[-1]
    assert (np.diff(spent) <= 0.1 * spent[0]).all()


def test_the_same_seed_learns_the_same_router(fitted: FittedStages) -> None:
    assert as_text(fit_staged(made_log(20, n_samples=4, checkpoints=True), seed=0).router) == as_text(
        fitted.router
    )


@pytest.mark.parametrize(("n", "said"), [(1, "the log has 1 problem "), (FEWEST_PROBLEMS - 1, "19 problems")])
def test_too_few_problems_are_refused(n: int, said: str) -> None:
    with pytest.raises(InputError, match=f"{said}.*at least {FEWEST_PROBLEMS}"):
        fit_staged(made_log(n))


@pytest.mark.parametrize(("p", "what"), [(0.0, "wrong"), (1.0, "right")])
def test_a_log_with_nothing_to_choose_is_refused(p: float, what: str) -> None:
    with pytest.raises(InputError, match=f"every sample of the log is {what}"):
        fit_staged(made_log(20, p_right=p))
