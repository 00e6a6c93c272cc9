"""What `train` and `evaluate` do with an imported log: staged routers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from tts_select.core.errors import InputError
from tts_select.core.strict_json import to_json

if TYPE_CHECKING:
    from tts_select.training.log.records import SweepLog


def train_staged(log: SweepLog, out: Path, *, policies: str | None, seed: int, as_json: bool) -> None:
    """Train on an imported log, write the router and print what was learned."""
    from tts_select.commands._views import staged_view
    from tts_select.selector.routers.ladder_artifact import save_staged
    from tts_select.training.evaluation.ladders import shown
    from tts_select.training.routers.ladder.fit import fit_staged

    unused = "; PRM scores are not used" if any(c.kind == "prm" for c in log.manifest.models.values()) else ""
    click.echo(f"an imported log of samples: training a staged router{unused}", err=True)
    log = _with_policies(log, policies)
    with Console(stderr=True).status("training") as status:
        fitted = fit_staged(log, seed=seed, note=status.update)
    save_staged(fitted.router, out, trained_on=fitted.facts)
    learned = {k: v for k, v in fitted.facts.items() if k != "problem_ids"}
    learned |= {"best_fixed": fitted.router.best_fixed, "prices": dict(fitted.router.efforts)}
    learned["ladders"] = shown(fitted.router)
    if as_json:
        click.echo(to_json(learned))
    else:
        Console().print(staged_view(learned))


def staged_report(
    router: Path,
    sweep: Path | None,
    *,
    folds: int | None,
    policies: str | None,
    seed: int,
    note: Callable[[Any], None],
) -> dict[str, Any]:
    """Of a router on a log; or, without one, of routers of the folds of a log, which then comes first."""
    from tts_select.selector.routers.artifact import STAGED_SCHEMA, describe_router
    from tts_select.selector.routers.ladder_artifact import load_staged
    from tts_select.training.evaluation.ladders import cross_evaluate, evaluate_staged
    from tts_select.training.log.reading import read_log

    if sweep is not None:
        if folds is not None:
            raise InputError("--folds trains routers of its own: name an imported log and no router")
        known = describe_router(router, schema=STAGED_SCHEMA)
        log = _with_policies(read_log(sweep), policies)
        return evaluate_staged(load_staged(router), log, known, seed=seed, note=note)
    if folds is None:
        raise InputError("name a router and a log, or an imported log alone with --folds 5")
    log = read_log(router)
    if log.manifest.imported is None:
        raise InputError(f"'{router}' is a sweep: train a router on it, and evaluate it on another sweep")
    return cross_evaluate(_with_policies(log, policies), folds=folds, seed=seed, note=note)


def _with_policies(log: SweepLog, names: str | None) -> SweepLog:
    from tts_select.training.replay.orders import with_policies

    return with_policies(log, [name.strip() for name in names.split(",")]) if names else log
