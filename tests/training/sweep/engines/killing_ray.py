"""Kills workers, nodes, drivers and heads of a real Ray, at random moments; a script for test_on_ray.py.

`killing_ray.py FOLDER N [SEED]` starts a head and two nodes on this machine, sweeps models that read from a script, and kills
N times: a worker, a node, the driver or the head, in turn. Whatever is gone is started again, until the sweep is done; then
another one begins. It prints a line for each kill and each sweep, and ends with an error if a log is not that of one process.
`killing_ray.py drive FOLDER ADDRESS` is the driver.
"""

from __future__ import annotations

import contextlib
import os
import random
import runpy
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tts_select.core.errors import TtsSelectError
from tts_select.executors.registry import Loaders
from tts_select.selector.portfolio import parse_portfolio
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.log.reading import each_record, read_log, read_manifest
from tts_select.training.log.records import LoggedProblem, SweepLog
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import run_sweep, run_units

SHARED = runpy.run_path(str(Path(__file__).parents[1] / "conftest.py"))
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


def loaders(writes: Any, scores: Any, delay: float, _need: Any = None) -> Loaders:
    return Loaders(
        lambda spec: FakePolicy(writes, name=spec, delay=delay),
        lambda spec: FakeRewardModel(scores, name=spec, delay=delay),
    )


FAKES = partial(loaders, SHARED["writes"], SHARED["scores"])


def drive(folder: Path, address: str) -> None:
    from tts_select.training.sweep.engines.cluster import Cluster
    from tts_select.training.sweep.engines.journal import Journal
    from tts_select.training.sweep.engines.on_ray import OnRay, Terms

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
        found = run_units(SWEEP, folder, engine=engine)
    except TtsSelectError as error:
        sys.exit(str(error))
    assert found.log is not None


class Machines:
    """A cluster of one head and two nodes, on this machine."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        head = {
            "num_cpus": 0,
            "object_store_memory": STORE,
            "include_dashboard": False,
            "_system_config": QUICK,
        }
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.nodes = [self._node(), self._node()]

    def _node(self) -> Any:
        return self.cluster.add_node(num_cpus=2, object_store_memory=STORE)

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def workers(self) -> list[int]:
        found = subprocess.run(
            ["pgrep", "-f", "^ray::RemoteWorker"], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in found.stdout.split()]

    def kill_worker(self, chance: random.Random) -> bool:
        pids = self.workers()
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(pids), signal.SIGKILL)
        return bool(pids)

    def kill_node(self, chance: random.Random) -> None:
        lost = self.nodes.pop(chance.randrange(len(self.nodes)))
        _kill(lost)
        self.cluster.worker_nodes.discard(lost)
        self.nodes.append(self._node())

    def kill_head(self) -> None:
        """Kill the head; the nodes go with it, sooner or later, so they are ended here."""
        for node in (self.cluster.head_node, *self.nodes):
            _kill(node)

    def end(self) -> None:
        with contextlib.suppress(Exception):
            self.cluster.shutdown()


def _kill(node: Any) -> None:
    for kind in ("gcs_server", "raylet"):
        for of_kind in node.all_processes.get(kind, ()):
            of_kind.process.kill()


def kill_again_and_again(folder: Path, n: int, chance: random.Random) -> None:
    whole = content(run_sweep(SWEEP, folder / "one", loaders=FAKES(0.0)))
    machines, n_sweeps, k = Machines(), 0, 0
    log = open(folder / "drivers.txt", "w")  # noqa: SIM115
    try:
        while k < n:
            n_sweeps += 1
            into, driver = folder / f"many-{n_sweeps}", None
            while True:
                driver = driver or _driver(into, machines.address, log)
                target = TARGETS[k % len(TARGETS)]
                patience = 60.0 if k >= n else chance.uniform(1.0, 7.0)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    driver.wait(patience)
                if driver.poll() == 0:
                    break
                if driver.poll() is not None:
                    say(f"the driver ended by itself, with {driver.returncode}")
                    driver = None
                    continue
                if k >= n:
                    continue
                if target == "worker" and not machines.kill_worker(chance):
                    continue
                k += 1
                if target == "node":
                    machines.kill_node(chance)
                elif target == "driver":
                    driver.kill()
                    driver.wait()
                    driver = None
                elif target == "head":
                    machines.kill_head()
                    ended = driver.wait(60)
                    say(f"  the driver ended with {ended}")
                    driver = None
                    machines.end()
                    machines = Machines()
                say(f"kill {k}: {target}")
            check(into, whole)
            say(f"sweep {n_sweeps} is whole, and the same")
    finally:
        if driver is not None:
            driver.kill()
        machines.end()


def check(folder: Path, whole: Any) -> None:
    assert content(read_log(folder)) == whole
    keys = [record for _, record in each_record(folder, read_manifest(folder)[0])]
    assert len(keys) == len(set(map(repr, keys)))


def content(log: SweepLog) -> Any:
    found: Any = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["untimed"](log)
    return found


def _driver(folder: Path, address: str, log: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, "drive", str(folder), address]
    return subprocess.Popen(command, stdout=log, stderr=log)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "drive":
        drive(Path(sys.argv[2]), sys.argv[3])
    else:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        kill_again_and_again(Path(sys.argv[1]), int(sys.argv[2]), random.Random(*map(int, sys.argv[3:])))
