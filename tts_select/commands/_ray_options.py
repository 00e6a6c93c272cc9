"""The options that say which engine runs a command, and how it uses a Ray cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from tts_select.commands._options import Number, together

DEFAULT_LEASE_SECONDS = 3600.0
_OF_RAY = ("address", "workers", "worker_gpus", "lease_seconds")

OF_ENGINES = ("engine", *_OF_RAY)
"""The names of all options here."""

engine_options = together(
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Run in this process, or on workers of a Ray cluster (docs/many-machines.md).",
    ),
    click.option(
        "--address",
        default=None,
        metavar="HOST:PORT|auto",
        help="With --engine ray: the head of the cluster.",
        show_default="RAY_ADDRESS, else a new one here",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1),
        default=None,
        help="With --engine ray: most workers at a time.",
        show_default="one for each CPU of the cluster, as far as its GPUs go",
    ),
)
"""Which engine, and how many workers it has."""

lease_option = click.option(
    "--lease-seconds",
    type=Number(min=0, min_open=True),
    default=None,
    help="With --engine ray: a worker that takes longer for a unit, or to load its models, is given up.",
    show_default=f"{DEFAULT_LEASE_SECONDS:g}",
)

worker_gpus_option = click.option(
    "--worker-gpus",
    type=click.IntRange(0),
    default=None,
    help="With --engine ray: the GPUs of each worker, which has all models of a search.",
    show_default="1 if the cluster has GPUs",
)


def refuse_options_of_ray(given: Mapping[str, Any]) -> None:
    """Raises:
    click.UsageError: an option of Ray is given, and another engine.
    """
    for name in _OF_RAY:
        if given.get(name) is not None:
            raise click.UsageError(f"--{name.replace('_', '-')} goes with --engine ray")
