"""Whatever happens to workers, the log is that of one process."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tts_select import BackendError, InputError
from tts_select.executors.registry import Loaders
from tts_select.selector.portfolio import parse_portfolio
from tts_select.solving.remote.calls import WorkerLost
from tts_select.training.log.records import LoggedProblem
from tts_select.training.sweep.ending import Enough
from tts_select.training.sweep.engines.crew import MOST_FAILED_STARTS
from tts_select.training.sweep.engines.shift import MOST_LOSSES
from tts_select.training.sweep.run import Share, Swept, run_units
from tts_select.training.sweep.units import ScoreUnit, SearchUnit, Unit

MANY = [LoggedProblem(f"p{k}", f"{k} + 1?", str(k + 1)) for k in range(8)]


@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize("room", [1, 2, 9])
def test_a_crew_of_any_size_writes_the_log_of_one_process(
    lab: Any, tmp_path: Path, room: int, chunk: int | None
) -> None:
    crew = lab.engine(room=room)
    found = run_units(lab.sweep(chunk=chunk), tmp_path / "crew", engine=crew)
    assert lab.content(found) == lab.whole(tmp_path, chunk=chunk)
    units = Counter(unit.id for worker in crew.workers for _, unit in worker.performed)
    assert set(units.values()) == {1}, "each unit once"
    assert crew.n_alive == 0


@given(st.integers(0, 2**32), st.sampled_from([0.02, 0.1]), st.sampled_from([0, 0.02]), st.integers(1, 5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
def test_workers_that_are_lost_or_hang_change_nothing(  # noqa: PLR0917 - hypothesis gives them so
    lab: Any,
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    lost: float,
    hangs: float,
    room: int,
) -> None:
    folder = tmp_path_factory.mktemp("crew")
    changes = {"problems": MANY, "n_samples": 4, "chunk": 2}
    unlucky = lab.engine(lab.fate(Random(seed), lost, hangs, no_start=0.05), room=room, lease_s=0.3)
    found = _in_the_end(lambda: run_units(lab.sweep(**changes), folder / "many", engine=unlucky))
    assert lab.content(found) == lab.whole(folder, **changes)


def _in_the_end(sweep: Callable[[], Swept]) -> Swept:
    """A unit, or a start, may be unlucky again and again; then the sweep is run once more."""
    for _ in range(20):
        try:
            return sweep()
        except BackendError as error:
            if not re.search("were lost at work on it|did not start", str(error)):
                raise
    pytest.fail("the sweep does not come to its end")


def test_a_worker_that_hangs_is_given_up_and_its_units_are_done_by_another(lab: Any, tmp_path: Path) -> None:
    crew = lab.engine(lab.fate(first_hangs=True), lease_s=0.2)
    found = run_units(lab.sweep(), tmp_path / "crew", engine=crew)
    assert lab.content(found) == lab.whole(tmp_path)
    assert {e.why for e in crew.events if e.kind == "lost"} == {"no answer within 0.2 s"}


def test_what_kills_every_worker_is_named(lab: Any, tmp_path: Path) -> None:
    def poison(unit: Unit) -> None:
        if isinstance(unit, SearchUnit) and unit.problem.id == "two":
            raise WorkerLost("out of memory")

    crew = lab.engine(lab.fate(by_unit=poison), concurrency=1)
    with pytest.raises(BackendError, match=f"'two': {MOST_LOSSES} workers were lost .* out of memory"):
        run_units(lab.sweep(), tmp_path / "crew", engine=crew)
    assert crew.n_alive == 0


def test_workers_that_never_start_are_not_hired_for_ever(lab: Any, tmp_path: Path) -> None:
    crew = lab.engine(lab.fate(no_start=1.0))
    with pytest.raises(BackendError, match=f"{MOST_FAILED_STARTS} workers with .* did not start"):
        run_units(lab.sweep(), tmp_path / "crew", engine=crew)


def test_after_a_failure_nothing_is_begun_and_what_is_in_flight_is_kept(lab: Any, tmp_path: Path) -> None:
    def fail(unit: Unit) -> None:
        if unit.problem.id == "two":
            raise InputError("too long")

    crew = lab.engine(lab.fate(by_unit=fail), room=1, concurrency=3)
    with pytest.raises(InputError, match="the problem 'two': too long; or take it out of the problems"):
        run_units(lab.sweep(), tmp_path / "crew", engine=crew)
    assert len(crew.workers[-1].performed) == 3
    later = lab.engine()
    found = run_units(lab.sweep(), tmp_path / "crew", engine=later)
    assert lab.content(found) == lab.whole(tmp_path)
    done = [e.unit.id for e in (*crew.events, *later.events) if e.kind == "done"]
    assert len(done) == len(set(done)), "what was in flight is not done again"


def test_scores_come_after_their_samples(lab: Any, tmp_path: Path) -> None:
    crew = lab.engine(room=9)
    run_units(lab.sweep(chunk=2), tmp_path / "crew", engine=crew)
    order = [event.unit.key for event in crew.events if event.kind == "done"]
    scored = [unit for worker in crew.workers for _, unit in worker.performed if isinstance(unit, ScoreUnit)]
    assert scored
    assert all(order.index(key) < order.index(unit.key) for unit in scored for key in unit.needs)


def test_a_pool_that_is_known_gets_no_further_chunk_whoever_was_quicker(
    lab: Any, fakes: Loaders, tmp_path: Path
) -> None:
    share = Share(enough=Enough(precision=0.5))
    asked = lab.sweep(chunk=1)
    one = run_units(asked, tmp_path / "one", share=share, loaders=fakes)
    assert one.n_done < one.n_units
    for room in (1, 4):
        many = run_units(asked, tmp_path / str(room), share=share, engine=lab.engine(room=room))
        assert (many.n_done, sorted(many.ended)) == (one.n_done, sorted(one.ended))


def test_a_purse_ends_a_sweep_that_goes_on_with_a_larger_one(lab: Any, tmp_path: Path) -> None:
    share = Share(enough=Enough(tokens=20))
    found = run_units(lab.sweep(), tmp_path / "crew", share=share, engine=lab.engine(concurrency=1))
    assert 0 < found.n_done < found.n_units
    assert "the purse is spent" in found.ended[0]
    found = run_units(lab.sweep(), tmp_path / "crew", engine=lab.engine())
    assert lab.content(found) == lab.whole(tmp_path)


def test_models_are_loaded_once_for_all_budgets(lab: Any, tmp_path: Path) -> None:
    crew = lab.engine(room=lambda hired, need: need not in hired)
    run_units(lab.sweep(chunk=1), tmp_path / "crew", engine=crew)
    assert set(Counter(worker.need for worker in crew.workers).values()) == {1}


def test_no_worker_takes_all_that_is_left(lab: Any, tmp_path: Path) -> None:
    crew = lab.engine(room=4, concurrency=64)
    arms = [{"policy": "fake:a", "method": "majority", "budget": 1}]
    asked = lab.sweep(portfolio=parse_portfolio({"arms": arms}, "p"), problems=MANY, n_samples=1)
    run_units(asked, tmp_path / "crew", engine=crew)
    assert sum(bool(worker.performed) for worker in crew.workers) == 4
