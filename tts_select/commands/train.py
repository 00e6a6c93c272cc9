"""`tts-select train`: a router learned from a sweep log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from tts_select.commands._ladders import train_staged
from tts_select.commands._options import config_option
from tts_select.core.errors import InputError
from tts_select.core.strict_json import to_json

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
@click.option("--out", type=Path, required=True, help="The router's folder.")
@click.option(
    "--probe-policy",
    default=None,
    help="Writes the probes.",
    show_default="the config's, else the smallest policy",
)
@click.option("--probe-prm", default=None, help="Scores the probes.", show_default="the config's, else none")
@click.option(
    "--probes",
    type=click.IntRange(0, 64),
    default=None,
    help="How many; 0 is one greedy solution.",
    show_default="the config's, else 0",
)
@click.option(
    "--policies", default=None, help="Of an imported log: these alone, with commas.", show_default="all"
)
@click.option("--seed", type=int, default=0, show_default=True)
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
    """Train a router on the sweep log in SWEEP; on an imported one, a router that decides in stages."""
    from tts_select.commands._views import fitted_view
    from tts_select.config.entries import ProbeEntry
    from tts_select.core.plan import Settings
    from tts_select.selector.routers.artifact import check_replaceable, save_router
    from tts_select.selector.routers.lookahead import Probe
    from tts_select.training.log.reading import read_log
    from tts_select.training.routers.lookahead.fit import fit_router

    check_replaceable(out)  # before minutes of training
    log = read_log(sweep)
    if log.manifest.imported is not None:
        if probe_policy or probe_prm or probes:
            raise InputError(
                "a staged router takes no probes, its samples are its probes: leave --probe... out"
            )
        train_staged(log, out, policies=policies, seed=seed, as_json=as_json)
        return
    if policies:
        raise InputError("--policies is for imported logs: name the policies of a sweep in its portfolio")
    sizes = {
        name: card.n_parameters or 0 for name, card in log.manifest.models.items() if card.kind == "policy"
    }
    usual = config.probe if config else ProbeEntry()
    policy = probe_policy or usual.policy or min(sizes, key=sizes.__getitem__)
    n = usual.samples if probes is None else probes
    temperature = 0.0 if n == 0 else Settings().temperature
    probe = Probe(policy, probe_prm or usual.prm, max(1, n), temperature)
    with Console(stderr=True).status("training") as status:
        fitted = fit_router(log, probe, seed=seed, note=status.update)
    save_router(fitted.router, out, trained_on=fitted.facts)
    if as_json:
        learned = {k: v for k, v in fitted.facts.items() if k not in ("problem_ids", "bins")}
        click.echo(
            to_json({**learned, "prices": dict(fitted.router.prices), "best_fixed": fitted.router.fallback})
        )
    else:
        Console().print(fitted_view(fitted.router, fitted.facts))
