"""The engine that `sweep` runs on: this process, or a Ray cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_select.commands._options import read_sizes
from tts_select.commands._ray_options import DEFAULT_LEASE_SECONDS, refuse_options_of_ray
from tts_select.core.errors import UnknownName

if TYPE_CHECKING:
    from tts_select.config import Config
    from tts_select.training.sweep.engines.events import Event, Watch
    from tts_select.training.sweep.engines.protocol import Engine
    from tts_select.training.sweep.plan import Sweep
    from tts_select.training.sweep.run import Share


def engine_for(
    config: Config | None,
    asked: Sweep,
    out: Path,
    given: Mapping[str, Any],
    *,
    share: Share,
    watch: Watch,
) -> Engine:
    """Return the engine that the options name; `watch` hears of its workers.

    Raises:
        InputError: a model is not known, Ray is not installed, or there is no such cluster.
        click.UsageError: options do not go together.
    """
    sizes = read_sizes(given["params"])
    known = [*asked.portfolio.policies, *asked.portfolio.prms]
    if unknown := sorted(set(sizes) - set(known)):
        raise UnknownName("model of the portfolio", unknown[0], known)
    if given["engine"] == "ray":
        return _on_ray(config, asked, out, given, unasked=share.cards, sizes=sizes, watch=watch)
    refuse_options_of_ray(given)
    return _local(config, asked, share.cards, sizes)


def _local(config: Config | None, asked: Sweep, unasked: Collection[str], sizes: dict[str, float]) -> Engine:
    """This process, with models some of which are told their sizes; there need be no room for those that are
    not asked."""
    from tts_select.config.using import ModelGroup, loaders_for, swept_together
    from tts_select.solving.models import fresh_loaders
    from tts_select.training.sweep.engines.local import Local

    if config is None:
        return Local(fresh_loaders(sizes), concurrency=asked.concurrency)
    groups = [
        ModelGroup(*([name for name in names if name not in unasked] for names in (of.policies, of.prms)))
        for of in swept_together(asked.portfolio)
    ]
    loaders = loaders_for(config, groups, fresh=True, sizes=sizes)
    return Local(loaders, concurrency=asked.concurrency)


def _on_ray(
    config: Config | None,
    asked: Sweep,
    out: Path,
    given: Mapping[str, Any],
    *,
    unasked: Collection[str],
    sizes: dict[str, float],
    watch: Watch,
) -> Engine:
    from tts_select.solving.remote.cluster import Cluster
    from tts_select.training.log.reading import MANIFEST, read_manifest
    from tts_select.training.sweep.engines.journal import Journal
    from tts_select.training.sweep.engines.loading import gpus_of, loaders_of
    from tts_select.training.sweep.engines.needs import needs_of
    from tts_select.training.sweep.engines.on_ray import OnRay, Terms
    from tts_select.training.sweep.run import WORKERS

    journal = Journal(out)

    def both(event: Event) -> None:
        journal(event)
        watch(event)

    known = read_manifest(out)[0].models if (out / MANIFEST).exists() else {}
    cluster = Cluster(given["address"])
    needs = [need for need in needs_of(asked) if not set(need.names) <= set(unasked)]
    gpus = {need: gpus_of(config, need) for need in needs} if cluster.n_gpus else {}
    return OnRay(
        cluster,
        partial(loaders_of, config, sizes),
        Terms(asked.concurrency, given["workers"], given["lease_seconds"] or DEFAULT_LEASE_SECONDS),
        gpus_of=gpus,
        folder=out.resolve() / WORKERS,
        known=known,
        watch=both,
    )
