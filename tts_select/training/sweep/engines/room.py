"""How many workers of a sweep a Ray cluster has room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tts_select.core.errors import InputError
from tts_select.solving.remote.cluster import Cluster
from tts_select.training.sweep.engines.needs import Need


@dataclass(frozen=True, slots=True)
class Room:
    """How many workers there is room for: each takes a CPU, and its GPUs."""

    gpus_of: Mapping[Need, int]
    n_workers: int | None
    n_cpus: float
    n_gpus: float

    def has(self, hired: Sequence[Need], need: Need) -> bool:
        """See `crew.Room`."""
        n_workers = len(hired) + 1
        n_gpus = sum(self.gpus_of.get(one, 0) for one in (*hired, need))
        most = self.n_cpus if self.n_workers is None else self.n_workers
        return n_workers <= most and n_gpus <= self.n_gpus


def room_of(cluster: Cluster, gpus_of: Mapping[Need, int], n_workers: int | None) -> Room:
    """The room as it is now.

    Raises:
        InputError: a worker needs more GPUs than there are.
    """
    n_gpus = cluster.n_gpus
    for need, n in gpus_of.items():
        if n > n_gpus:
            raise InputError(
                f"a worker with {need} takes {n} GPUs, and the Ray cluster at {cluster.address} has "
                f"{n_gpus:g}"
            )
    return Room(gpus_of, n_workers, max(1.0, cluster.n_cpus), n_gpus)
