"""`tts-select sweep`: every arm of a portfolio on many problems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from tts_select.commands._exit import INTERRUPTED, fail
from tts_select.commands._options import (
    check_models,
    chosen_portfolio,
    config_option,
    field_options,
    fields_of,
    read_sizes,
    writable_folder,
)
from tts_select.commands._terminal import figure, say, show, show_json
from tts_select.core.errors import UnknownName
from tts_select.core.plan import MAX_BUDGET

if TYPE_CHECKING:
    from tts_select.config import Config
    from tts_select.executors.registry import Loaders
    from tts_select.selector.portfolio import Portfolio

DEFAULT_SAMPLES = 64


def _samples(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> tuple[int, dict[str, int]]:
    """Return the number for all policies, and those of single ones."""
    n_all, by_policy = DEFAULT_SAMPLES, {}
    for one in given:
        policy, equals, number = one.rpartition("=")
        if not number.isdecimal() or not 1 <= int(number) <= MAX_BUDGET or bool(equals) != bool(policy):
            raise click.BadParameter(f"'{one}' is not N or POLICY=N, with N from 1 to {MAX_BUDGET:,}")
        if policy:
            by_policy[policy] = int(number)
        else:
            n_all = int(number)
    return n_all, by_policy


@click.command(
    epilog="""\b
Examples:
  tts-select sweep --problems problems.jsonl --out sweep/
  tts-select sweep --problems problems.jsonl --portfolio arms.yaml --out sweep/ --samples 16 --runs 1
  tts-select sweep --problems problems.jsonl --out sweep/ --samples 64 --samples world:large=16
  tts-select sweep --problems problems.jsonl --out sweep/     # once more: goes on where it was
  tts-select sweep --problems problems.jsonl --out sweep-2/ --reuse sweep/    # one model has changed
  tts-select sweep --problems problems.jsonl --out all/ --reuse sweep-a/ --reuse sweep-b/    # joins them
  tts-select sweep --problems exam.csv --problem-field text --answer-field key --out sweep/"""
)
@config_option
@click.option(
    "--problems",
    type=Path,
    required=True,
    help="A file with problems and their answers, or a public data set (docs/problems.md).",
)
@field_options
@click.option(
    "--portfolio",
    type=Path,
    default=None,
    help="A YAML or JSON file with the arms.",
    show_default="the config's, else the embedded one",
)
@click.option(
    "--out",
    type=Path,
    required=True,
    callback=writable_folder,
    help="The folder of the log; specify it again to go on.",
)
@click.option(
    "--samples",
    metavar="N|POLICY=N",
    multiple=True,
    callback=_samples,
    help="Samples of each policy for each problem, or of one policy; may be repeated.",
    show_default="64",
)
@click.option(
    "--runs",
    type=click.IntRange(1, 1024),
    default=2,
    show_default=True,
    help="Runs of each search for each problem.",
)
@click.option(
    "--max-new-tokens",
    type=click.IntRange(1),
    default=None,
    help="Most tokens of one candidate, in every arm.",
    show_default="the portfolio's, else 2048",
)
@click.option(
    "--params",
    default="",
    metavar="MODEL=N,...",
    help="Sizes of models that do not tell theirs, as in small=7e9.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all sampling.")
@click.option(
    "--reuse",
    type=Path,
    multiple=True,
    help="An earlier log, whose records of unchanged problems, models and arms are taken over; may be "
    "repeated, to join several.",
)
@click.option(
    "--concurrency", type=click.IntRange(1, 4096), default=64, show_default=True, help="Problems in flight."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def sweep(
    *,
    config: Config | None,
    problems: Path,
    portfolio: Path | None,
    out: Path,
    samples: tuple[int, dict[str, int]],
    runs: int,
    max_new_tokens: int | None,
    params: str,
    seed: int,
    reuse: tuple[Path, ...],
    concurrency: int,
    as_json: bool,
    **fields: str | None,
) -> None:
    """Run every arm of a portfolio on many problems, and log what happens.

    Each policy samples once for all arms, and every PRM scores the same samples.
    """
    from tts_select.commands._progress import bar
    from tts_select.training.sweep.problems import read_swept_problems
    from tts_select.training.sweep.run import Sweep, run_sweep
    from tts_select.training.sweep.summary import as_dict, lines

    chosen = chosen_portfolio(portfolio, config)
    if max_new_tokens is not None:
        chosen = chosen.with_max_new_tokens(max_new_tokens)
    for kind, names in (("policy", chosen.policies), ("prm", chosen.prms)):
        for name in names:
            check_models({"config": config, kind: name})
    loaders = _loaders(config, chosen, read_sizes(params))
    found = read_swept_problems(problems, fields_of(**fields))
    asked = Sweep(
        chosen,
        found,
        n_samples=samples[0],
        n_samples_of=samples[1],
        n_runs=runs,
        seed=seed,
        concurrency=concurrency,
    )
    try:
        with bar("sweeping", asked.n_records) as advance:
            log = run_sweep(
                asked,
                out,
                reuse=reuse,
                loaders=loaders,
                progress=lambda n_done, _, note: advance(n_done, note),
            )
    except KeyboardInterrupt:
        fail(f"interrupted; '{out}' keeps what is done: the same command goes on", INTERRUPTED)
    if as_json:
        show_json(as_dict(log))
        return
    show(_summary_view(lines(log)))
    say(f"{len(log.problems):,} problems in {out}")


def _loaders(config: Config | None, portfolio: Portfolio, sizes: dict[str, float]) -> Loaders:
    """Return loaders for the models of the portfolio, some of which are told their sizes."""
    from tts_select.config.using import loaders_for, swept_together
    from tts_select.solving.models import fresh_loaders

    known = [*portfolio.policies, *portfolio.prms]
    if unknown := sorted(set(sizes) - set(known)):
        raise UnknownName("model of the portfolio", unknown[0], known)
    if config is None:
        return fresh_loaders(sizes)
    return loaders_for(config, swept_together(portfolio), fresh=True, sizes=sizes)


def _summary_view(found: Any) -> Table:
    table = Table(box=None)
    for column in ("samples or search", "samples or runs", "accuracy", "pass@n", "FLOPs a run"):
        table.add_column(column, justify="left" if column.endswith("search") else "right")
    for line in found:
        flops = "" if line.flops is None else figure(line.flops, ".3g")
        most = (
            f"{figure(max(line.pass_at.values()), '.3f')} (n = {max(line.pass_at)})" if line.pass_at else ""
        )
        table.add_row(line.name, f"{line.n:,}", figure(line.accuracy, ".3f"), most, flops)
    return table
