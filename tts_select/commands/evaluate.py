"""`tts-select evaluate`: a router measured on problems that it was not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

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
    from tts_select.commands._views import evaluation_view
    from tts_select.selector.routers.artifact import describe_router, load_router
    from tts_select.selector.routers.lookahead import LookaheadRouter
    from tts_select.training.evaluation.evaluate import evaluate as evaluate_router
    from tts_select.training.log.reading import read_log
    from tts_select.training.report.rendering import write_report

    with Console(stderr=True).status("evaluating") as status:
        loaded = None if sweep is None else load_router(router)
        if sweep is None or not isinstance(loaded, LookaheadRouter):
            if shift is not None:
                raise InputError("--shift is for look-ahead routers: leave it out")
            report = _of_ladders(router, sweep, folds=folds, policies=policies, seed=seed, note=status.update)
        elif folds is not None or policies is not None:
            raise InputError("--folds and --policies are for logs and ladders: leave them out")
        else:
            report = evaluate_router(
                loaded,
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
    if missing := missing_from("plot"):
        click.echo(f"without plots, {missing[0]} is not installed: {how_to_install('plot')}", err=True)


def _of_ladders(
    router: Path,
    sweep: Path | None,
    *,
    folds: int | None,
    policies: str | None,
    seed: int,
    note: Any,
) -> dict[str, Any]:
    """Of a router on a log; or, without one, of routers of the folds of a log, which then comes first."""
    from tts_select.selector.routers.artifact import describe_router, load_router
    from tts_select.training.evaluation.ladders import cross_evaluate, evaluate_ladders
    from tts_select.training.log.reading import read_log
    from tts_select.training.replay.orders import with_policies

    if sweep is None and folds is None:
        raise InputError("name a router and a log, or an imported log alone with --folds 5")
    if sweep is not None and folds is not None:
        raise InputError("--folds trains routers of its own: name an imported log and no router")
    log = read_log(router if sweep is None else sweep)
    if policies:
        log = with_policies(log, [name.strip() for name in policies.split(",")])
    if sweep is None:
        return cross_evaluate(log, folds=folds or 2, seed=seed, note=note)
    loaded: Any = load_router(router)
    return evaluate_ladders(loaded, log, describe_router(router), seed=seed, note=note)
