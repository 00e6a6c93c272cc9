"""A real Ray on this machine, with a head and two nodes: whatever happens to them, the log is that of one
process."""

from __future__ import annotations

import json
import os
import resource
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tts_select import InputError
from tts_select.data.world.suite import generate
from tts_select.solving.remote.cluster import Cluster
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import LoggedProblem
from tts_select.training.sweep.engines import on_ray
from tts_select.training.sweep.engines.events import Event
from tts_select.training.sweep.engines.needs import Need
from tts_select.training.sweep.run import Swept, run_units

ray = pytest.importorskip("ray")
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers have no tests
pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore")]

HERE = Path(__file__).parent
SHARDS = runpy.run_path(str(HERE.parent / "test_world_shards.py"))
KILLING = runpy.run_path(str(HERE / "killing_ray.py"))
MANY = [LoggedProblem(f"p{k}", f"{k} + 1?", str(k + 1)) for k in range(12)]
ARMS = """
name: world
arms:
  - {policy: "world:small", method: cot}
  - {policy: "world:small", prm: "world:prm", method: best_of_n, budget: 4}
  - {policy: "world:small", prm: "world:prm", method: beam, budget: 4}
"""


@pytest.fixture(scope="module")
def machines() -> Iterator[Any]:
    made = KILLING["Machines"]()
    yield made
    made.end()


@pytest.fixture
def run(lab: Any, machines: Any, tmp_path: Path) -> Iterator[Callable[..., tuple[Swept, list[Event]]]]:
    """Runs the sweep of fakes on the cluster: what came of it, and what happened."""

    def on(loaders_of: Any, *, lease_s: float = 60.0, watch: Any = None) -> tuple[Swept, list[Event]]:
        events: list[Event] = []
        engine = on_ray.OnRay(
            Cluster(machines.address),
            loaders_of,
            on_ray.Terms(concurrency=3, n_workers=2, lease_s=lease_s),
            gpus_of={},
            folder=tmp_path / "log" / "workers",
            known={},
            watch=lambda event: (events.append(event), watch(event) if watch else None),
        )
        return run_units(lab.sweep(problems=MANY), tmp_path / "log", engine=engine), events

    yield on
    ray.shutdown()


def fakes(tricks: Callable[[Need], None], delay: float, need: Need) -> Any:
    """The fakes, on a worker with which something is wrong."""
    tricks(need)
    return KILLING["FAKES"](delay)


def test_the_embedded_models_write_the_log_of_one_machine(machines: Any, tmp_path: Path) -> None:
    found = {p.problem.split()[0]: p for p in generate(40, seed=5, split="train", level=1)}
    lines = [{"id": p.id, "problem": p.problem, "answer": p.answer} for p in list(found.values())[:4]]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "arms.yaml").write_text(ARMS)
    sweep = ["--problems", "problems.jsonl", "--portfolio", "arms.yaml", "--samples", "4", "--runs", "1"]
    command(tmp_path, "sweep", *sweep, "--out", "one")
    more = ["--engine", "ray", "--address", machines.address, "--workers", "2"]
    command(tmp_path, "sweep", *sweep, "--out", "many", *more)
    one, many = (SHARDS["facts"](read_log(tmp_path / name)) for name in ("one", "many"))
    assert one.keys() == many.keys()
    for key, found_here in many.items():
        assert found_here == SHARDS["rounded"](one[key]), key
    events = [json.loads(line) for line in (tmp_path / "many" / "leases.jsonl").read_text().splitlines()]
    units = [event["unit"] for event in events if event["event"] == "done"]
    assert len(units) == len(set(units)) == 4 * 4


def test_a_worker_that_is_stopped_is_given_up(lab: Any, run: Any, tmp_path: Path) -> None:
    stopped: list[int] = []

    def stop_first(event: Event) -> None:
        if event.kind == "done" and not stopped:
            up = {e.worker: int(e.why.rpartition(" ")[2]) for e in seen if e.kind == "up"}
            stopped.append(up[event.worker])
            os.kill(stopped[0], signal.SIGSTOP)
        seen.append(event)

    seen: list[Event] = []
    found, events = run(partial(KILLING["FAKES"], 0.05), lease_s=3.0, watch=stop_first)
    assert lab.content(found) == lab.whole(tmp_path, problems=MANY)
    assert "no answer within 3 s" in {event.why for event in events if event.kind == "lost"}
    deadline = time.monotonic() + 30
    while Path(f"/proc/{stopped[0]}").exists():
        assert time.monotonic() < deadline, "Ray ends what hangs"
        time.sleep(0.2)


def test_a_full_disk_on_a_node_loses_nothing(lab: Any, run: Any, tmp_path: Path) -> None:
    def fill(need: Need) -> None:
        if need.policy == "fake:a" and need.prm is None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))

    found, events = run(partial(fakes, fill, 0.0))
    assert lab.content(found) == lab.whole(tmp_path, problems=MANY)
    warned = [event for event in events if event.kind == "warned"]
    assert warned
    assert "File too large; its records are in the log all the same" in warned[0].why


def test_clocks_that_differ_change_nothing(lab: Any, run: Any, tmp_path: Path) -> None:
    def shift(need: Need) -> None:
        now, days = time.time, 3 if need.prm else -3
        time.time = lambda: now() + 86400 * days

    found, events = run(partial(fakes, shift, 0.0))
    assert lab.content(found) == lab.whole(tmp_path, problems=MANY)
    assert not [event for event in events if event.kind == "lost"]
    assert all(run.cost.seconds < 60 for runs in found.log.runs.values() for run in runs)


def test_another_version_of_this_package_is_refused(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_ray, "__version__", "9.9")
    with pytest.raises(InputError, match=r"tts-select is .* on .*, and 9.9 here: all machines need the same"):
        run(partial(KILLING["FAKES"], 0.0))


def test_a_model_that_a_node_lacks_is_one_line(run: Any) -> None:
    def lack(need: Need) -> None:
        if need.prm is not None:
            raise InputError(f"there is no folder on {socket.gethostname()}")

    with pytest.raises(InputError, match=r"^there is no folder on"):
        run(partial(fakes, lack, 0.0))


def test_an_address_where_nobody_is_is_one_line_at_once(tmp_path: Path) -> None:
    (tmp_path / "problems.jsonl").write_text('{"id": "a", "problem": "1 + 1?", "answer": "2"}\n')
    asked = ["--problems", "problems.jsonl", "--out", "log", "--engine", "ray", "--address"]
    for address, said in (
        ("127.0.0.1:1", "no Ray cluster answers at"),
        ("ray://here:1", "on a machine of the cluster"),
    ):
        ended = run_command(tmp_path, "sweep", *asked, address)
        assert ended.returncode == 2
        assert said in ended.stderr
        assert ended.stderr.count("\n") == 1


def test_what_takes_calls_and_never_answers_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "problems.jsonl").write_text('{"id": "a", "problem": "1 + 1?", "answer": "2"}\n')
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        asked = ["--problems", "problems.jsonl", "--out", "log", "--engine", "ray", "--address", address]
        ended = run_command(tmp_path, "sweep", *asked)
    assert ended.returncode == 4
    assert ended.stderr.rstrip().endswith("does not answer: start Ray again, and run this once more")


def test_another_version_of_ray_is_one_line(machines: Any, tmp_path: Path) -> None:
    script = (
        "import ray, sys; ray.__version__ = '1.0.0'\n"
        "from tts_select.solving.remote.cluster import Cluster\n"
        "from tts_select import InputError\n"
        "try: Cluster(sys.argv[1])\n"
        "except InputError as error: print(error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, machines.address],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.startswith(f"cannot join the Ray cluster at '{machines.address}': Version mismatch")
    assert ended.stdout.count("\n") == 1


def test_kills_at_random_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """A worker, a node, the driver and the head, each at a random moment."""
    KILLING["Killing"](tmp_path, 4, Random(1)).run()
    assert "is gone: start Ray again, and run the same command" in (tmp_path / "drivers.txt").read_text()


def command(folder: Path, *args: str) -> None:
    ended = run_command(folder, *args)
    assert ended.returncode == 0, ended.stderr


def run_command(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tts_select", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
