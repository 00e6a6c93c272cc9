"""Work that a real Ray does on items: in their order, and again where a machine is lost."""

from __future__ import annotations

import os
import runpy
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tts_select import BackendError, InputError
from tts_select.solving.remote import tasks
from tts_select.solving.remote.cluster import Cluster
from tts_select.solving.remote.tasks import Tasks

ray = pytest.importorskip("ray")
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers have no tests
pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore")]

KILLING = runpy.run_path(str(Path(__file__).parents[2] / "training/sweep/engines/killing_ray.py"))
Note = Callable[[str], None]


def squared(shared: int, item: int, _: Note) -> int:
    time.sleep(0.3 if item == 0 else 0.0)  # the first one ends last
    if item < 0:
        raise InputError(f"no root of {item}")
    if item > 99:
        raise ZeroDivisionError("too large")
    return shared + item**2


def dies_once(folder: Path, item: int, _: Note) -> int:
    died = folder / f"{item}.died"
    if item % 3 == 0 and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def dies(_: None, __: int, ___: Note) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def spread() -> Iterator[Tasks]:
    machines = KILLING["Machines"]()
    cluster = Cluster(machines.address)
    yield Tasks(cluster, 2)
    cluster.close()
    machines.end()


def test_results_come_in_the_order_of_the_items(spread: Tasks) -> None:
    said: list[str] = []
    found = list(spread(squared, 5, iter(range(7)), note=said.append))
    assert found == [5 + k**2 for k in range(7)]
    assert said[-1] == "7 done on the cluster, 0 at work"


def test_items_are_taken_when_there_is_room_for_them(spread: Tasks) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for k in range(1, 20):
            taken.append(k)
            yield k

    found = spread(squared, 0, items(), note=lambda _: None)
    assert next(found) == 1
    assert len(taken) < 6
    assert len(list(found)) == 18


def test_a_task_whose_process_is_killed_is_run_again(spread: Tasks, tmp_path: Path) -> None:
    assert list(spread(dies_once, tmp_path, range(7), note=lambda _: None)) == list(range(7))
    assert len(list(tmp_path.glob("*.died"))) == 3


def test_what_is_wrong_with_the_input_is_said_as_it_was_there(spread: Tasks) -> None:
    with pytest.raises(InputError, match=r"^no root of -3$"):
        list(spread(squared, 0, [1, -3, 2], note=lambda _: None))


def test_what_fails_is_one_line(spread: Tasks) -> None:
    with pytest.raises(BackendError, match="a worker failed: ZeroDivisionError"):
        list(spread(squared, 0, [100], note=lambda _: None))


def test_a_task_that_kills_its_process_each_time_is_given_up(spread: Tasks) -> None:
    with pytest.raises(BackendError, match=f"a task was lost {tasks.MOST_RUNS} times"):
        list(spread(dies, None, [1], note=lambda _: None))


def test_another_version_there_is_one_line(spread: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "__version__", "0.0.1")
    with pytest.raises(InputError, match=r"and 0\.0\.1 here: all machines need the same version"):
        list(spread(squared, 0, [1], note=lambda _: None))
