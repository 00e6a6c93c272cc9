"""`tts-select evaluate`: a router measured on problems that it was not trained on."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tts_select.commands._ladders import staged_report
from tts_select.commands._options import writable_folder
from tts_select.commands._terminal import say, show, show_json
from tts_select.core.errors import InputError
from tts_select.core.extras import how_to_install, missing_from


@click.command(
    epilog="""\b
Examples:
  tts-select evaluate router/ sweep-test/ --out report/
  tts-select evaluate router/ sweep-test/ --out report/ --shift sweep/ --json
  tts-select evaluate imported-log/ --folds 5 --out report/"""
)
@click.argument("router", type=Path)
@click.argument("sweep", type=Path, required=False)
@click.option(
    "--out",
    type=Path,
    required=True,
    callback=writable_folder,
    help="A folder for report.json, report.html and the plots.",
)
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
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the draws and the folds.")
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
    from tts_select.commands._progress import status
    from tts_select.commands._router_views import evaluation_view
    from tts_select.selector.routers.artifact import describe_router, is_staged, load_router
    from tts_select.training.evaluation.evaluate import evaluate as evaluate_router
    from tts_select.training.log.reading import read_log
    from tts_select.training.report.rendering import write_report

    with status("evaluating") as note:
        if sweep is None or is_staged(router):
            if shift is not None:
                raise InputError("--shift is for routers of sweeps: leave it out")
            report = staged_report(router, sweep, folds=folds, policies=policies, seed=seed, note=note)
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
                note=note,
            )
    report["router"]["folder"] = router.name
    write_report(report, out)
    if as_json:
        show_json(json.loads((out / "report.json").read_text(encoding="utf-8")))
    else:
        show(evaluation_view(report))
        say(f"more in {out / 'report.html'}")
    if missing := missing_from("plot"):
        say(f"without plots, {missing[0]} is not installed: {how_to_install('plot')}")
