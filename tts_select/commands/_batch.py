"""`tts-select solve --problems`: many problems in flight, results on disk, from one purse or at one price."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import click

from tts_select.commands._batch_on_ray import solving_on_ray
from tts_select.commands._exit import INTERRUPTED, fail
from tts_select.commands._terminal import show, show_json, warn
from tts_select.core.errors import InputError, TtsSelectError

if TYPE_CHECKING:
    from tts_select.core.problem import Problem
    from tts_select.data.problems import Fields
    from tts_select.selector.deciding import Unit
    from tts_select.solving.api import Done
    from tts_select.solving.batch import Summary

    Bills = list[dict[str, float]]
    Begin = Callable[[list[Problem], IO[str], Callable[[Summary], None], Bills], Coroutine[Any, Any, Summary]]
    """A function from (problems, where results go, progress, the bills of those that were solved before)
    to the work."""


class Batch(NamedTuple):
    """A file of problems, and how it is to be solved."""

    out: Path
    concurrency: int
    resume: bool
    with_candidates: bool
    as_json: bool
    purse: tuple[Unit, float] | None
    fields: Fields
    trace: Path | None = None
    """A folder for traces."""
    on_ray: Mapping[str, Any] | None = None
    """The options of the Ray cluster that solves them; None: this process does."""


def purse_of(totals: Mapping[Unit, float | None]) -> tuple[Unit, float] | None:
    """Return what one purse for all problems holds, if there is to be one."""
    found = [(unit, total) for unit, total in totals.items() if total is not None]
    if len(found) > 1:
        names = " and ".join(f"--total-{unit}" for unit, _ in found)
        raise click.UsageError(f"{names} are {len(found)} budgets: name one")
    return found[0] if found else None


def solve_batch(source: Path, options: dict[str, Any], batch: Batch) -> None:
    """Solve the problems in `source` into the batch's file; with `resume`, those that it lacks."""
    from tts_select.commands._progress import batch_progress
    from tts_select.solving.batch import keep_finished, put_in_order, read_problems

    out = batch.out
    if batch.purse is not None:
        _check_purse(batch.purse[0], options)
    _check_out(out, source, resume=batch.resume)
    problems, complaints = read_problems(source, batch.fields)
    done = keep_finished(out) if batch.resume else {}
    todo = [p for p in problems if p.id not in done]
    for complaint in complaints:
        warn(complaint)
    try:
        with _results(out) as sink:
            begin = _solving(batch, options)
            with batch_progress(len(todo)) as advance:
                summary = asyncio.run(begin(todo, sink, advance, list(done.values())))
    except KeyboardInterrupt:
        fail(f"interrupted; what is solved is in '{out}': go on with --resume", INTERRUPTED)
    put_in_order(out, problems)
    _report(summary, as_json=batch.as_json)
    if complaints:
        fail(f"of '{source}' {len(complaints):,} were left out (see above)", InputError.exit_code)


def _check_purse(unit: Unit, options: dict[str, Any]) -> None:
    for name in options:
        if name not in ("config", "router", "seed"):
            raise InputError(
                f"--total-{unit} sets the price of every problem, and '{name}' interferes: drop one"
            )


def _check_out(out: Path, source: Path, *, resume: bool) -> None:
    if not out.exists():
        return
    if source.exists() and out.samefile(source):
        raise InputError(f"'{out}' holds the problems: specify another file for the results with --out")
    if out.stat().st_size and not resume:
        raise InputError(f"'{out}' holds results already: go on with --resume, or specify another file")


def _report(summary: Summary, *, as_json: bool) -> None:
    from tts_select.commands._views import summary_view

    if as_json:
        show_json(summary.as_dict())
    else:
        show(summary_view(summary))
    if summary.errors:
        failed = f"{len(summary.errors):,} problems failed, the first with: {summary.errors[0]}"
        fail(failed, max(e.exit_code for e in summary.errors))


def _solving(batch: Batch, options: dict[str, Any]) -> Begin:
    """Load what solves them: with a price of its own for each problem, or from one purse."""
    from tts_select.data.world.artifacts import ROUTER
    from tts_select.solving.api import solver_for
    from tts_select.solving.batch import solve_many
    from tts_select.solving.selector import Selector
    from tts_select.solving.shared_budget import Purse, solve_from_purse

    room = batch.concurrency
    if batch.on_ray is not None:
        return solving_on_ray(batch, options, batch.on_ray)
    if batch.purse is None:
        solver = solver_for(options, done=tracer(batch.trace))
        return lambda todo, sink, advance, _: solve_many(
            todo, solver, sink, concurrency=room, progress=advance, with_candidates=batch.with_candidates
        )
    unit, whole = batch.purse
    config, folder, seed = options.get("config"), options.get("router"), options.get("seed", 0)
    selector = Selector.from_config(config, folder) if config else Selector.load(folder or ROUTER)
    field = "policy_generated_tokens" if unit == "tokens" else unit
    return lambda todo, sink, advance, bills: solve_from_purse(
        todo,
        selector,
        Purse(whole - sum(bill.get(field) or 0 for bill in bills), unit),
        sink,
        concurrency=room,
        seed=seed,
        progress=advance,
        with_candidates=batch.with_candidates,
        done=tracer(batch.trace),
    )


def tracer(folder: Path | None) -> Done | None:
    """What keeps the traces of a search in a folder, if there is one."""
    if folder is None:
        return None
    from tts_select.tracing.folder import TraceFolder

    return TraceFolder(folder).keep


@contextmanager
def _results(out: Path) -> Iterator[IO[str]]:
    """The open results file; what could not begin leaves none behind."""
    is_new = not out.exists()
    try:
        with out.open("a", encoding="utf-8") as sink:
            yield sink
    except TtsSelectError:
        if is_new and not out.stat().st_size:
            out.unlink()
        raise
