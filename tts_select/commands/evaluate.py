"""`tts-select evaluate`: a router measured on problems that it was not trained on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

from tts_select.commands._options import COST_UNITS, writable_folder
from tts_select.commands._ray_options import engine_options
from tts_select.commands._spread import spread_over
from tts_select.commands._starting import prior_option, prior_to_start_from
from tts_select.commands._terminal import say, show, show_json
from tts_select.core.errors import InputError
from tts_select.core.extras import how_to_install, missing_from
from tts_select.core.plan import MAX_BUDGET
from tts_select.data.prior.artifacts import PRIOR

if TYPE_CHECKING:
    from tts_select.training.evaluation.records import Report
    from tts_select.training.evaluation.spread import Spread
    from tts_select.training.log.records import SweepLog

KINDS = ("look-ahead", "ladder", "prior")
"""The kinds in `training/routers/kinds.py`, which is slow to import."""


@click.command(
    epilog="""\b
Examples:
  tts-select evaluate router/ sweep-test/ --out report/
  tts-select evaluate router/ sweep-test/ --out report/ --shift sweep/ --json
  tts-select evaluate router/ router-2/ router-3/ sweep-test/ --out report/
  tts-select evaluate imported-log/ --folds 5 --trainings 3 --out report/
  tts-select evaluate prior imported-log/ --policy Qwen3-4B --max-samples 16 --out report/
  tts-select evaluate sweep/ --folds 5 --kind ladder --out report/
  tts-select evaluate sweep/ --folds 5 --trainings 3 --out report/ --engine ray --address auto"""
)
@click.argument("paths", type=Path, nargs=-1, required=True, metavar="[ROUTER...] LOG")
@click.option(
    "--out",
    type=Path,
    required=True,
    callback=writable_folder,
    help="A folder for report.json, report.html and the plots.",
)
@click.option(
    "--folds",
    type=click.IntRange(2, 20),
    default=None,
    help="Specify a log alone, without a router: for each fold of its problems a router is trained on the "
    "others, and measured on the fold.",
)
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default=None,
    help="With --folds: the kind of router to train.",
    show_default="look-ahead for a sweep, ladder for an imported log",
)
@click.option(
    "--trainings",
    type=click.IntRange(1, 20),
    default=None,
    help="With --folds: train so many times, each in folds of its own. What trainings differ in is then in "
    "the intervals.",
    show_default="1",
)
@click.option(
    "--orders",
    type=click.IntRange(2, 200),
    default=None,
    help="In how many orders of the samples each problem is replayed.",
    show_default="16; on an imported log 50 for ladders, 24 for a prior",
)
@click.option(
    "--policies", default=None, help="Use only these policies of the log, separated by commas.",
    show_default="all",
)  # fmt: skip
@click.option("--policy", default=None, help="Use only this policy of the log.")
@click.option(
    "--max-samples",
    type=click.IntRange(1, MAX_BUDGET),
    default=None,
    help="Most samples of a problem: of a prior, and of every vote and stop rule.",
    show_default="16 for a prior, else 64",
)
@click.option(
    "--shift",
    type=Path,
    default=None,
    help="With a look-ahead router: the sweep that it was trained on. Another one is trained on its lower "
    "levels and measured on the higher ones.",
)
@click.option(
    "--unit",
    type=click.Choice(COST_UNITS, case_sensitive=False),
    default=None,
    help="The unit of costs in the report; dollars by the prices of the log's models. With --folds a ladder "
    "is trained in it, too.",
    show_default="the log's own",
)
@prior_option
@engine_options
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the draws and the folds.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
def evaluate(
    paths: tuple[Path, ...],
    *,
    out: Path,
    folds: int | None,
    kind: str | None,
    trainings: int | None,
    orders: int | None,
    policies: str | None,
    policy: str | None,
    max_samples: int | None,
    shift: Path | None,
    unit: str | None,
    prior: str | None,
    seed: int,
    as_json: bool,
    **engine: Any,
) -> None:
    """Measure ROUTER on LOG, whose problems it was not trained on.

    ROUTER is a folder, or `prior`: the shipped prior, which is of no policy in particular. Several are
    trainings of one router, with other seeds (`train --seed`): figures are then the mean of them, and what
    they differ in is in the intervals. LOG is from `tts-select sweep` or `tts-select import`. The report
    compares the router with every fixed arm and with plain rules for when to stop sampling; report.html is
    for reading, report.json for programs.
    """
    from tts_select.commands._progress import status
    from tts_select.commands._router_views import evaluation_view
    from tts_select.training.report.rendering import write_report

    *routers, log = paths
    _check(routers, folds=folds, kind=kind, trainings=trainings, shift=shift)
    if policies and policy:
        raise InputError("--policy is one policy, --policies several: specify one of the two")
    if shift is not None and unit is not None:
        raise InputError("--shift compares costs in FLOPs: leave --unit or --shift out")
    if not routers and max_samples is not None:
        raise InputError("--max-samples is for a router and a log: leave it or --folds out")
    if routers and prior is not None:
        raise InputError("--prior is where the ladders of --folds start from: leave it or the router out")
    with spread_over(**engine) as spread, status("evaluating") as note:
        asked: _Asked = {"n_orders": orders, "unit": unit, "seed": seed, "note": note, "spread": spread}
        if routers:
            report = _of_routers(routers, log, policy or policies, shift, most=max_samples, **asked)
        else:
            own = _read(log, policy or policies)
            report = _in_folds(own, folds or 0, trainings or 1, kind, prior, **asked)
    write_report(report, out)
    if as_json:
        show_json(json.loads((out / "report.json").read_text(encoding="utf-8")))
    else:
        show(evaluation_view(report))
        say(f"more in {out / 'report.html'}")
    if missing := missing_from("plot"):
        say(f"without plots, {missing[0]} is not installed: {how_to_install('plot')}")


class _Asked(TypedDict):
    """What is asked of every evaluation."""

    n_orders: int | None
    unit: str | None
    seed: int
    note: Callable[[str], None]
    spread: Spread


def _check(
    routers: Sequence[Path],
    *,
    folds: int | None,
    kind: str | None,
    trainings: int | None,
    shift: Path | None,
) -> None:
    if routers and folds is not None:
        raise InputError("--folds trains routers of its own: specify a log alone, without a router")
    if not routers and folds is None:
        raise InputError("specify a router and a log, or a log alone with --folds 5")
    if routers and kind is not None:
        raise InputError("--kind is for --folds: a router in a folder has its kind already")
    if routers and trainings is not None:
        raise InputError(
            "--trainings is for --folds: specify the folders of several routers, each of train --seed N"
        )
    if not routers and shift is not None:
        raise InputError("--shift is for a router in a folder: leave --folds or --shift out")


def _read(folder: Path, policies: str | None) -> SweepLog:
    from tts_select.training.log.reading import read_log
    from tts_select.training.replay.orders import with_policies

    log = read_log(folder, words=False)
    return with_policies(log, [name.strip() for name in policies.split(",")]) if policies else log


def _in_folds(
    log: SweepLog, folds: int, trainings: int, kind: str | None, prior: str | None, **asked: Unpack[_Asked]
) -> Report:
    from tts_select.training.evaluation.evaluate import cross_evaluate
    from tts_select.training.routers.kinds import trainer_of, usual_kind

    is_ladder = (kind or usual_kind(log)) == "ladder"
    if prior is not None and not is_ladder:
        raise InputError("--prior is where ladders start from: leave it out, or add --kind ladder")
    start = prior_to_start_from(prior, log).prior if is_ladder else None
    train = trainer_of(log, kind, prior=start)
    return cross_evaluate(log, train, folds=folds, trainings=trainings, **asked)


def _of_routers(
    given: Sequence[Path],
    log_folder: Path,
    policies: str | None,
    shift: Path | None,
    *,
    most: int | None,
    **asked: Unpack[_Asked],
) -> Report:
    from tts_select.selector.routers.artifact import describe_router, load_router
    from tts_select.selector.routers.lookahead import LookaheadRouter
    from tts_select.selector.routers.prior import DEFAULT_BUDGET, PriorRouter
    from tts_select.training.evaluation.evaluate import evaluate as evaluate_router
    from tts_select.training.replay.orders import MOST_SAMPLES
    from tts_select.training.routers.kinds import TrainedRouter
    from tts_select.training.routers.prior.binding import on_log

    folders = [PRIOR if str(path) == "prior" and not path.exists() else path for path in given]
    routers = [load_router(folder) for folder in folders]
    if shift is not None and not isinstance(routers[0], LookaheadRouter):
        raise InputError("--shift is for look-ahead routers: leave it out")
    log = _read(log_folder, policies)
    if any(isinstance(router, PriorRouter) for router in routers):
        most = most or DEFAULT_BUDGET
        routers = [on_log(r, log, most) if isinstance(r, PriorRouter) else r for r in routers]
    first, *again = map(TrainedRouter, routers, map(describe_router, folders))
    report = evaluate_router(
        first.router,
        log,
        first.facts,
        again=again,
        trained=_read(shift, None) if shift else None,
        most_samples=most or MOST_SAMPLES,
        **asked,
    )
    named = [{"folder": folder.absolute().name, "sha256": _sha256(folder)} for folder in folders]
    report["router"].update(named[0])  # type: ignore[typeddict-item]
    for training, name in zip(report["trainings"], named, strict=False):
        training.update(name)  # type: ignore[typeddict-item]
    return report


def _sha256(folder: Path) -> str:
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
