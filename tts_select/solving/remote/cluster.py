"""A Ray cluster: joined or started, how much it has, and whether its head is still there."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tts_select.core.errors import BackendError, InputError
from tts_select.core.extras import require

T = TypeVar("T")
AUTO = "auto"
_NEW = "local"
_CONNECT_SECONDS = 5.0
_JOIN_SECONDS = 30.0
_WATCH_SECONDS = 2.0
"""The time between two looks at the head."""
_MOST_MISSED = 3
"""Looks in a row at which the head is not there."""


class Cluster:
    """A cluster that this process has joined."""

    def __init__(self, address: str | None) -> None:
        """Join the cluster at this address, or the one on this machine (`auto`); None: the one that the
        variable RAY_ADDRESS names, else a new one, which ends with this process.

        Raises:
            InputError: Ray is not installed, there is no such cluster, or it has other versions.
        """
        require("ray", "Ray clusters")
        import ray

        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        address = address or os.environ.get("RAY_ADDRESS") or _NEW
        _check_there(address)
        logging.getLogger("ray").setLevel(logging.ERROR)
        try:
            if address == _NEW:  # its processes end with the thread that starts them, so that is this one
                _init(address)
            else:
                _in_time(lambda: _init(address), address)
        except ConnectionError as error:
            raise InputError(f"no Ray cluster at '{address}': {_first_line(error)}") from error
        except (RuntimeError, ValueError) as error:  # another version of Ray or Python, a malformed address
            raise InputError(f"cannot join the Ray cluster at '{address}': {_in_one_line(error)}") from error
        self.address: str = ray.get_runtime_context().gcs_address
        self._classes: dict[type, Any] = {}
        resources = _in_time(ray.cluster_resources, address)
        self.n_cpus = float(resources.get("CPU", 0))
        """The CPUs of all machines, as it was joined."""
        self.n_gpus = float(resources.get("GPU", 0))
        """Their GPUs."""

    def n_workers_with(self, n_gpus: int) -> int:
        """How many workers there is room for, if each takes a CPU and so many GPUs; one at least."""
        by_gpu = self.n_gpus / n_gpus if n_gpus else self.n_cpus
        return max(1, int(min(self.n_cpus, by_gpu)))

    def start(self, kind: type, *given: object, n_gpus: int, concurrency: int) -> Any:
        """Start an actor of this class. It is never started again by Ray: another one is.

        Raises:
            BackendError: the head does not answer.
        """
        import ray

        is_first = kind not in self._classes
        made = self._classes.setdefault(kind, ray.remote(kind))
        options = {"num_cpus": 1, "num_gpus": n_gpus, "max_restarts": 0, "max_task_retries": 0}
        actor = made.options(**options, max_concurrency=concurrency + 2)
        # the first one brings its class to the head, and waits for that
        return _in_time(lambda: actor.remote(*given), self.address) if is_first else actor.remote(*given)

    def task(self, work: Callable[..., Any], *, max_retries: int) -> Callable[..., Any]:
        """Return what starts this function on a machine of the cluster, on a CPU of its own; if the machine
        is lost, Ray starts it again, so many times."""
        import ray

        made: Callable[..., Any] = ray.remote(work).options(num_cpus=1, max_retries=max_retries).remote
        return made

    def put(self, value: object) -> Any:
        """Return where the cluster has the value, for its tasks.

        Raises:
            BackendError: the head does not answer.
        """
        import ray

        return _in_time(lambda: ray.put(value), self.address)

    def kill(self, actor: Any) -> None:
        """End an actor at once. Ray asks the head for that, and waits: a thread does, so that nothing here
        stands still when the head is gone."""
        import ray

        threading.Thread(target=ray.kill, args=(actor,), daemon=True).start()

    async def guard(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work as long as the head is there: without it Ray waits for minutes, and then ends the
        process.

        Raises:
            BackendError: the head is gone.
        """
        watching = asyncio.ensure_future(self._until_gone())
        working = asyncio.ensure_future(work)
        try:
            await asyncio.wait({watching, working}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise BackendError(
                    f"the head of the Ray cluster at {self.address} is gone: start Ray again, and run "
                    "the same command; a sweep goes on where it was"
                )
            return working.result()
        finally:
            for task in (watching, working):
                task.cancel()
            await asyncio.gather(watching, working, return_exceptions=True)

    def close(self) -> None:
        """Leave the cluster, or end it if it was started here."""
        import ray

        ray.shutdown()

    async def _until_gone(self) -> None:
        n_missed = 0
        while n_missed < _MOST_MISSED:
            await asyncio.sleep(_WATCH_SECONDS)
            is_there = await asyncio.to_thread(_answers, self.address, _WATCH_SECONDS)
            n_missed = 0 if is_there else n_missed + 1


def _init(address: str) -> None:
    import ray

    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)


def _in_time(call: Callable[[], T], address: str) -> T:
    """Wait for a call of Ray's, which waits for minutes itself where the head has just died.

    Raises:
        BackendError: it takes too long.
    """
    found: list[T | Exception] = []

    def work() -> None:
        try:
            found.append(call())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised below
            found.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_JOIN_SECONDS)
    if not found:
        raise BackendError(
            f"the Ray cluster at '{address}' does not answer: start Ray again, and run this once more"
        )
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def _check_there(address: str) -> None:
    """Ask at the address before Ray does, which tries for minutes, and writes about it."""
    named = os.environ.get("RAY_ADDRESS", AUTO) if address == AUTO else address
    if named in (AUTO, _NEW):
        return
    if "://" in named:
        raise InputError(
            f"the address '{named}' is one for Ray's clients: run this on a machine of the cluster, with "
            "--address auto"
        )
    if not _answers(named, _CONNECT_SECONDS):
        raise InputError(
            f"no Ray cluster answers at '{named}': name its head as HOST:PORT, as `ray start` prints it"
        )


def _answers(address: str, seconds: float) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=seconds):
            return True
    except (OSError, ValueError):
        return False


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())
