"""Kills workers, nodes, drivers and heads of a real Ray, at random moments; a script for test_on_ray.py.

`killing_ray.py FOLDER N [SEED]` starts a head and two nodes on this machine, sweeps models that read from a
script, and kills N times: a worker, a node, the driver and the head, in turn. What is gone is started again,
until the sweep is done; then another one begins, if there are kills left. It prints a line for each kill and
each sweep, and ends with an error if a log is not that of one process. `killing_ray.py drive FOLDER ADDRESS`
is the driver.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import random
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from tts_select.core.errors import TtsSelectError
from tts_select.executors.registry import Loaders
from tts_select.selector.portfolio import parse_portfolio
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.log.reading import each_record, read_log, read_manifest
from tts_select.training.log.records import LoggedProblem
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import run_sweep, run_units

SHARED = runpy.run_path(str(Path(__file__).parents[1] / "conftest.py"))
UNTIMED = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["untimed"]
PORTFOLIO = parse_portfolio({"name": "fakes", "arms": SHARED["ARMS"]}, "fakes")
MANY = [LoggedProblem(f"p{k}", f"{k} + 1?", str(k + 1)) for k in range(60)]
SWEEP = Sweep(PORTFOLIO, MANY, n_samples=4, concurrency=3)
TARGETS = ("worker", "node", "driver", "head")
QUICK = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 3,
}
"""A node that is gone is found out in two seconds, not fifteen."""
STORE = 100 * 2**20
MOST_SECONDS = 120.0
"""A sweep that is left alone takes less."""


def loaders(writes: Any, scores: Any, delay: float, _need: Any = None) -> Loaders:
    return Loaders(
        lambda spec: FakePolicy(writes, name=spec, delay=delay),
        lambda spec: FakeRewardModel(scores, name=spec, delay=delay),
    )


FAKES = partial(loaders, SHARED["writes"], SHARED["scores"])


def drive(folder: Path, address: str) -> None:
    from tts_select.solving.remote.cluster import Cluster
    from tts_select.training.sweep.engines.journal import Journal
    from tts_select.training.sweep.engines.on_ray import OnRay, Terms

    faulthandler.register(signal.SIGUSR1, all_threads=True)
    engine = OnRay(
        Cluster(address),
        partial(FAKES, 0.1),
        Terms(SWEEP.concurrency, n_workers=4, lease_s=60),
        gpus_of={},
        folder=folder.resolve() / "workers",
        known={},
        watch=Journal(folder),
    )
    try:
        assert run_units(SWEEP, folder, engine=engine).log is not None
    except TtsSelectError as error:
        sys.exit(str(error))


class Machines:
    """A cluster of one head and two nodes, on this machine."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=head | {"_system_config": QUICK})
        self._nodes = [self._node(), self._node()]

    def _node(self) -> Any:
        return self._cluster.add_node(num_cpus=2, object_store_memory=STORE)

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def kill_worker(self, chance: random.Random) -> bool:
        """Whether there was one."""
        pids = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if _is_worker(path)]
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)
        return bool(pids)

    def kill_node(self, chance: random.Random) -> None:
        """Kill one, and start another."""
        lost = self._nodes.pop(chance.randrange(len(self._nodes)))
        _kill(lost)
        self._cluster.worker_nodes.discard(lost)
        self._nodes.append(self._node())

    def kill_head(self) -> None:
        """Kill the head. Its nodes end themselves when they find out, so they are killed too."""
        for node in (self._cluster.head_node, *self._nodes):
            _kill(node)

    def start_again(self) -> None:
        self.end()
        self._start()

    def end(self) -> None:
        with contextlib.suppress(Exception):
            self._cluster.shutdown()


def _is_worker(cmdline: Path) -> bool:
    try:
        return cmdline.read_bytes().startswith(b"ray::RemoteWorker")
    except OSError:
        return False


def _kill(node: Any) -> None:
    for kind in ("gcs_server", "raylet"):
        for found in node.all_processes.get(kind, ()):
            found.process.kill()


class Killing:
    """Kills until there have been `n`."""

    def __init__(self, folder: Path, n: int, chance: random.Random) -> None:
        self._folder, self._n, self._chance = folder, n, chance
        self._n_kills = 0
        self._machines = Machines()
        self._driver: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        whole = UNTIMED(run_sweep(SWEEP, self._folder / "one", loaders=FAKES(0.0)))
        with (self._folder / "drivers.txt").open("wb") as said:
            try:
                for into in self._folders():
                    self._until_done(into, said)
                    check(into, whole)
                    say(f"{into.name} is whole, and the same")
            finally:
                self._kill_driver()
                self._machines.end()

    def _folders(self) -> Iterator[Path]:
        k = 0
        while not k or self._n_kills < self._n:
            k += 1
            yield self._folder / f"sweep-{k}"

    def _until_done(self, into: Path, said: IO[bytes]) -> None:
        while True:
            if self._driver is None:
                command = [sys.executable, __file__, "drive", str(into), self._machines.address]
                self._driver = subprocess.Popen(command, stdout=said, stderr=said)
            is_left_alone = self._n_kills >= self._n
            try:
                ended = self._driver.wait(MOST_SECONDS if is_left_alone else self._chance.uniform(1, 7))
            except subprocess.TimeoutExpired:
                assert not is_left_alone, "the sweep does not end"
                self._kill_one()
            else:
                self._driver = None
                if ended == 0:
                    return
                say(f"the driver ended by itself, with {ended}")

    def _kill_one(self) -> None:
        target = TARGETS[self._n_kills % len(TARGETS)]
        if target == "worker" and not self._machines.kill_worker(self._chance):
            return
        if target == "node":
            self._machines.kill_node(self._chance)
        elif target == "driver":
            self._kill_driver()
        elif target == "head":
            self._machines.kill_head()
            assert self._driver is not None
            ended = self._end_of(self._driver)
            say(f"without a head, the driver ends with {ended}")
            self._driver = None
            self._machines.start_again()
            if ended == 0:  # its last result was in before the head went, so it had nothing to miss it for
                return
        self._n_kills += 1
        say(f"kill {self._n_kills}: {target}")

    def _end_of(self, driver: subprocess.Popen[bytes]) -> int:
        try:
            return driver.wait(60)
        except subprocess.TimeoutExpired:
            driver.send_signal(signal.SIGUSR1)  # it says where it is
            driver.wait(5)
            raise

    def _kill_driver(self) -> None:
        if self._driver is not None:
            self._driver.kill()
            self._driver.wait()
            self._driver = None


def check(folder: Path, whole: Any) -> None:
    assert UNTIMED(read_log(folder)) == whole
    records = [repr(record) for _, record in each_record(folder, read_manifest(folder)[0])]
    assert len(records) == len(set(records))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "drive":
        drive(Path(sys.argv[2]), sys.argv[3])
    else:
        target_folder = Path(sys.argv[1])
        target_folder.mkdir(parents=True, exist_ok=True)
        Killing(target_folder, int(sys.argv[2]), random.Random(*map(int, sys.argv[3:]))).run()
