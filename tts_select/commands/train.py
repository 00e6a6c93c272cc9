"""`tts-select train`: a router learned from a sweep log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tts_select.commands._ladders import train_staged
from tts_select.commands._options import config_option, writable_folder
from tts_select.commands._terminal import show, show_json, warn
from tts_select.core.errors import InputError

if TYPE_CHECKING:
    from tts_select.config import Config


@click.command(
    epilog="""\b
Examples:
  tts-select train sweep/ --out router/
  tts-select train sweep/ --out router/ --probe-policy world:small --probe-prm world:prm --probes 4
  tts-select train imported-log/ --out router/"""
)
@click.argument("sweep", type=Path)
@config_option
@click.option(
    "--out", type=Path, required=True, callback=writable_folder, help="The folder of the new router."
)
@click.option(
    "--probe-policy",
    default=None,
    help="The policy that writes the probes.",
    show_default="the config's, else the smallest policy",
)
@click.option(
    "--probe-prm",
    default=None,
    help="The PRM that scores the probes.",
    show_default="the config's, else none",
)
@click.option(
    "--probes",
    type=click.IntRange(0, 64),
    default=None,
    help="How many probes; 0 is one greedy solution.",
    show_default="the config's, else 0",
)
@click.option(
    "--policies",
    default=None,
    help="With an imported log: use only these policies, separated by commas.",
    show_default="all",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the folds and the fits.")
@click.option("--json", "as_json", is_flag=True, help="Print what was learned as JSON.")
def train(
    sweep: Path,
    *,
    config: Config | None,
    out: Path,
    probe_policy: str | None,
    probe_prm: str | None,
    probes: int | None,
    policies: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Train a router on the sweep log in SWEEP.

    An imported log makes a router that decides in stages.
    """
    from tts_select.commands._progress import status
    from tts_select.commands._router_views import fitted_view
    from tts_select.config.entries import ProbeEntry
    from tts_select.selector.routers.artifact import check_replaceable, save_router
    from tts_select.training.log.reading import read_log
    from tts_select.training.routers.lookahead.fit import fit_router
    from tts_select.training.routers.lookahead.probes import probe_for

    check_replaceable(out)  # before minutes of training
    log = read_log(sweep)
    if log.manifest.imported is not None:
        if probe_policy or probe_prm or probes:
            raise InputError(
                "a staged router takes no probes, since its samples are its probes: leave --probe... out"
            )
        train_staged(log, out, policies=policies, seed=seed, as_json=as_json)
        return
    if policies:
        raise InputError(
            "--policies is for imported logs: the policies of a sweep are those of its portfolio"
        )
    usual = config.probe if config else ProbeEntry()
    probe = probe_for(
        log.manifest,
        policy=probe_policy or usual.policy,
        prm=probe_prm or usual.prm,
        n=usual.samples or None if probes is None else probes,
    )
    with status("training") as note:
        fitted = fit_router(log, probe, seed=seed, note=note)
    save_router(fitted.router, out, trained_on=fitted.facts)
    if warning := fitted.facts["warning"]:
        warn(warning)
    if as_json:
        learned = {k: v for k, v in fitted.facts.items() if k not in ("problem_ids", "bins")}
        show_json({**learned, "prices": dict(fitted.router.prices), "best_fixed": fitted.router.fallback})
    else:
        show(fitted_view(fitted.router, fitted.facts))
