"""`tts-select train`, `evaluate` and `plan`: a router learned from a sweep, measured, and asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from tts_select.config_option import config_option
from tts_select.core.errors import InputError
from tts_select.staged_cli import staged_report, train_staged

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
    from tts_select.config.entries import ProbeEntry
    from tts_select.core.plan import Settings
    from tts_select.display import fitted_view
    from tts_select.selector.artifact import check_replaceable, save_router
    from tts_select.selector.router import Probe
    from tts_select.training.routing.fit import fit_router
    from tts_select.training.sweep.log import read_log

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
            json.dumps(
                {**learned, "prices": dict(fitted.router.prices), "best_fixed": fitted.router.fallback}
            )
        )
    else:
        Console().print(fitted_view(fitted.router, fitted.facts))


@click.command(
    epilog="""\b
Examples:
  tts-select evaluate router/ sweep-test/ --out report/
  tts-select evaluate router/ sweep-test/ --out report/ --shift sweep/ --json
  tts-select evaluate imported-log/ --folds 5 --out report/"""
)
@click.argument("router", type=Path)
@click.argument("sweep", type=Path, required=False)
@click.option("--out", type=Path, required=True, help="A folder for report.json, report.html and the plots.")
@click.option(
    "--shift",
    type=Path,
    default=None,
    help="The sweep that ROUTER was trained on: train on its lower levels, measure on the higher ones.",
)
@click.option(
    "--folds",
    type=click.IntRange(2, 20),
    default=None,
    help="Without a router: name an imported log alone; routers are trained on all folds of its problems but "
    "one, and measured on that one.",
)
@click.option(
    "--policies", default=None, help="Of an imported log: these alone, with commas.", show_default="all"
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
def evaluate(
    router: Path,
    sweep: Path | None,
    *,
    out: Path,
    shift: Path | None,
    folds: int | None,
    policies: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Measure ROUTER on the sweep log in SWEEP, whose problems it was not trained on."""
    from tts_select.display import evaluation_view
    from tts_select.selector.artifact import describe_router, is_staged, load_router
    from tts_select.training.evaluation.evaluate import evaluate as evaluate_router
    from tts_select.training.evaluation.rendering import write_report
    from tts_select.training.sweep.log import read_log

    with Console(stderr=True).status("evaluating") as status:
        if sweep is None or is_staged(router):
            if shift is not None:
                raise InputError("--shift is for routers of sweeps: leave it out")
            report = staged_report(
                router, sweep, folds=folds, policies=policies, seed=seed, note=status.update
            )
        elif folds is not None or policies is not None:
            raise InputError(
                "--folds and --policies are for imported logs and staged routers: leave them out"
            )
        else:
            report = evaluate_router(
                load_router(router),
                read_log(sweep),
                describe_router(router),
                trained=read_log(shift) if shift else None,
                seed=seed,
                note=status.update,
            )
    report["router"]["folder"] = router.name
    write_report(report, out)
    if as_json:
        click.echo((out / "report.json").read_text())
    else:
        Console().print(evaluation_view(report))
        click.echo(f"more in {out / 'report.html'}", err=True)


@click.command(
    epilog="""\b
Examples:
  tts-select plan examples/problem.txt
  tts-select plan examples/problem.txt --no-probe --effort high
  echo "Start with 14. Multiply by 3. What is the result?" | tts-select plan - --router router/ --json"""
)
@click.argument("file")
@config_option
@click.option(
    "--router",
    type=Path,
    default=None,
    help="A router's folder.",
    show_default="the config's, else the shipped one",
)
@click.option(
    "--effort", default="medium", show_default=True, help="low, medium or high: what a FLOP may cost."
)
@click.option("--price", type=float, default=None, help="Instead of --effort, in probability per FLOP.")
@click.option("--max-tokens", type=int, default=None, help="Arms that generate more are out.")
@click.option("--max-flops", type=float, default=None, help="Arms that compute more are out.")
@click.option("--no-probe", is_flag=True, help="Plan from the text alone; no model is loaded.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def plan(
    file: str,
    *,
    config: Config | None,
    router: Path | None,
    no_probe: bool,
    seed: int,
    as_json: bool,
    **spending: Any,
) -> None:
    """Look at the problem in FILE and say what would be run, and why."""
    from tts_select.data.world.artifacts import ROUTER
    from tts_select.display import outlook_view
    from tts_select.problem_text import read_problem_text
    from tts_select.routed import Selector

    text = read_problem_text(file)
    with Console(stderr=True).status("looking"):
        selector = Selector.from_config(config, router) if config else Selector.load(router or ROUTER)
        outlook = selector.plan(text, probe=not no_probe, seed=seed, **spending)
    if as_json:
        click.echo(json.dumps(outlook.as_dict()))
    else:
        Console().print(outlook_view(outlook))
