"""`tts-select solve --problems`: many problems in flight, results on disk, from one purse or at one price."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import click
from rich.console import Console

from tts_select.commands._exit import INTERRUPTED, fail
from tts_select.core.errors import InputError
from tts_select.core.strict_json import to_json

if TYPE_CHECKING:
    from tts_select.core.problem import Problem
    from tts_select.data.problems import Fields
    from tts_select.selector.deciding import Unit
    from tts_select.solving.batch import Summary

    Bills = list[dict[str, float]]
    Begin = Callable[[list[Problem], IO[str], Callable[[Summary], None], Bills], Coroutine[Any, Any, Summary]]
    """(problems, where results go, progress, the bills of those that were solved before) to the work."""


class Batch(NamedTuple):
    """How a file of problems is to be solved."""

    out: Path
    concurrency: int
    resume: bool
    as_json: bool
    purse: tuple[Unit, float] | None
    fields: Fields


def purse_of(flops: float | None, tokens: int | None) -> tuple[Unit, float] | None:
    """What one purse for all problems holds, if there is to be one."""
    if flops is not None and tokens is not None:
        raise click.UsageError("--total-flops and --total-tokens are two purses: name one")
    if flops is not None:
        return "flops", flops
    return None if tokens is None else ("tokens", tokens)


def solve_batch(source: Path, options: dict[str, Any], batch: Batch) -> None:
    """Solve the problems in `source` into the batch's file; with `resume`, those that it lacks."""
    from tts_select.commands._progress import batch_progress
    from tts_select.commands._views import summary_view
    from tts_select.solving.batch import keep_finished, read_problems

    out = batch.out
    problems, complaints = read_problems(source, batch.fields)
    if out.exists() and out.stat().st_size and not batch.resume:
        raise InputError(f"'{out}' holds results already: go on with --resume, or name another file")
    done = keep_finished(out) if batch.resume else {}
    todo = [p for p in problems if p.id not in done]
    for complaint in complaints:
        click.echo(f"tts-select: {complaint}", err=True)
    begin = _solving(batch, options)  # what cannot be begun leaves no file
    try:
        with _results(out) as sink, batch_progress(len(todo)) as advance:
            summary = asyncio.run(begin(todo, sink, advance, list(done.values())))
    except KeyboardInterrupt:
        fail(f"interrupted; what is solved is in '{out}': go on with --resume", INTERRUPTED)
    if batch.as_json:
        click.echo(to_json(summary.as_dict()))
    else:
        Console().print(summary_view(summary))
    if summary.errors:
        failed = f"{len(summary.errors):,} problems failed, the first with: {summary.errors[0]}"
        fail(failed, max(e.exit_code for e in summary.errors))
    if complaints:
        fail(f"{len(complaints):,} lines of '{source}' were left out", InputError.exit_code)


def _solving(batch: Batch, options: dict[str, Any]) -> Begin:
    """With a price of its own for each problem, or from one purse."""
    from tts_select.data.world.artifacts import ROUTER
    from tts_select.solving.api import Selector, solver_for
    from tts_select.solving.batch import solve_many
    from tts_select.solving.shared_budget import Purse, solve_from_purse

    room = batch.concurrency
    if batch.purse is None:
        solver = solver_for(options)
        return lambda todo, sink, advance, _: solve_many(
            todo, solver, sink, concurrency=room, progress=advance
        )
    unit, whole = batch.purse
    for name in options:
        if name not in ("config", "router", "seed"):
            raise InputError(
                f"--total-{unit} sets the price of every problem, and '{name}' interferes: drop one"
            )
    config, folder, seed = options.get("config"), options.get("router"), options.get("seed", 0)
    selector = Selector.from_config(config, folder) if config else Selector.load(folder or ROUTER)
    field = "flops" if unit == "flops" else "policy_generated_tokens"
    return lambda todo, sink, advance, bills: solve_from_purse(
        todo,
        selector,
        Purse(whole - sum(bill.get(field) or 0 for bill in bills), unit),
        sink,
        concurrency=room,
        seed=seed,
        progress=advance,
    )


def _results(out: Path) -> IO[str]:
    try:
        return out.open("a", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write '{out}': {error.strerror}") from error
