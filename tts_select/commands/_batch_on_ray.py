"""`tts-select solve --problems --engine ray`: the problems are solved by workers of a Ray cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

import click

from tts_select.commands._ray_options import DEFAULT_LEASE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tts_select.commands._batch import Batch, Begin
    from tts_select.core.problem import Problem
    from tts_select.solving.batch import Summary


def solving_on_ray(batch: Batch, options: Mapping[str, Any], given: Mapping[str, Any]) -> Begin:
    """Join the cluster that the options name.

    Raises:
        InputError: Ray is not installed, or there is no such cluster.
        click.UsageError: what is asked for needs one process.
    """
    from tts_select.solving.batch import solve_many
    from tts_select.solving.remote.cluster import Cluster
    from tts_select.solving.remote.solvers import Solvers, Terms

    if batch.purse is not None:
        raise click.UsageError(
            f"--total-{batch.purse[0]} is shared out by one process: drop it, or --engine ray"
        )
    if batch.trace is not None:
        raise click.UsageError("--trace is written by one process: drop it, or --engine ray")
    cluster = Cluster(given["address"])
    n_gpus = given["worker_gpus"] if given["worker_gpus"] is not None else min(1, int(cluster.n_gpus))
    n_workers = given["workers"] or cluster.n_workers_with(n_gpus)
    lease_s = given["lease_seconds"] or DEFAULT_LEASE_SECONDS
    terms = Terms(n_workers, n_gpus, batch.concurrency, lease_s)

    async def begin(
        todo: list[Problem], sink: IO[str], advance: Callable[[Summary], None], _: object
    ) -> Summary:
        solvers = Solvers(cluster, options, terms)

        async def work() -> Summary:
            await solvers.start()
            return await solve_many(
                todo,
                solvers.solve,
                sink,
                concurrency=batch.concurrency * n_workers,
                progress=advance,
                with_candidates=batch.with_candidates,
            )

        try:
            return await cluster.guard(work())
        finally:
            solvers.close()
            cluster.close()

    return begin
