"""Where an evaluation runs: in this process, or spread over the machines of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tts_select.commands._ray_options import refuse_options_of_ray

if TYPE_CHECKING:
    from tts_select.training.evaluation.spread import Spread


@contextmanager
def spread_over(engine: str, **given: Any) -> Iterator[Spread]:
    """The place that the options of `engine_options` name; a cluster is left again.

    Raises:
        InputError: Ray is not installed, or there is no such cluster.
        click.UsageError: an option of Ray is given, and another engine.
    """
    from tts_select.training.evaluation.spread import HERE

    if engine != "ray":
        refuse_options_of_ray(given)
        yield HERE
        return
    from tts_select.solving.remote.cluster import Cluster
    from tts_select.solving.remote.tasks import Tasks

    cluster = Cluster(given["address"])
    try:
        yield Tasks(cluster, given["workers"] or cluster.n_workers_with(0))
    finally:
        cluster.close()
