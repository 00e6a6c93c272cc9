"""`tts-select sweep`: every arm of a portfolio on many problems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from tts_select.commands._exit import INTERRUPTED, fail
from tts_select.commands._options import chosen_portfolio, config_option, field_options, fields_of
from tts_select.core.strict_json import to_json

if TYPE_CHECKING:
    from tts_select.config import Config


@click.command(
    epilog="""\b
Examples:
  tts-select sweep --problems problems.jsonl --out sweep/
  tts-select sweep --problems problems.jsonl --portfolio arms.yaml --out sweep/ --samples 16 --runs 1
  tts-select sweep --problems problems.jsonl --out sweep/     # once more: goes on where it was
  tts-select sweep --problems problems.jsonl --out sweep-2/ --reuse sweep/    # one model has changed
  tts-select sweep --problems exam.csv --problem-field text --answer-field key --out sweep/"""
)
@config_option
@click.option("--problems", type=Path, required=True, help="A JSONL file: {problem, answer, id}.")
@field_options
@click.option(
    "--portfolio",
    type=Path,
    default=None,
    help="A YAML or JSON file.",
    show_default="the config's, else the embedded one",
)
@click.option("--out", type=Path, required=True, help="The folder of the log; give it again to go on.")
@click.option(
    "--samples",
    type=click.IntRange(1, 4096),
    default=64,
    show_default=True,
    help="Of each policy, a problem.",
)
@click.option(
    "--runs", type=click.IntRange(1, 1024), default=2, show_default=True, help="Of each search, a problem."
)
@click.option(
    "--max-new-tokens",
    type=click.IntRange(1),
    default=None,
    help="Of one candidate, in every arm.",
    show_default="as the portfolio says, else 2048",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--reuse",
    type=Path,
    default=None,
    help="An earlier log: its records of unchanged problems, models and arms are taken over.",
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
    samples: int,
    runs: int,
    max_new_tokens: int | None,
    seed: int,
    reuse: Path | None,
    concurrency: int,
    as_json: bool,
    **fields: str | None,
) -> None:
    """Sample once and score all: a log of what every arm does on every problem."""
    from tts_select.commands._progress import bar
    from tts_select.config.using import loaders_for, swept_together
    from tts_select.solving.models import FRESH
    from tts_select.training.sweep.problems import read_swept_problems
    from tts_select.training.sweep.run import Sweep, run_sweep
    from tts_select.training.sweep.summary import as_dict, lines

    chosen = chosen_portfolio(portfolio, config)
    if max_new_tokens is not None:
        chosen = chosen.with_max_new_tokens(max_new_tokens)
    loaders = loaders_for(config, swept_together(chosen), fresh=True) if config else FRESH
    found = read_swept_problems(problems, fields_of(**fields))
    asked = Sweep(chosen, found, samples, runs, seed, concurrency)
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
        click.echo(to_json(as_dict(log)))
        return
    Console().print(_summary_view(lines(log)))
    click.echo(f"{len(log.problems):,} problems in {out}", err=True)


def _summary_view(found: Any) -> Table:
    table = Table(box=None)
    for column in ("samples or search", "samples or runs", "accuracy", "pass@n", "FLOPs a run"):
        table.add_column(column, justify="left" if column.endswith("search") else "right")
    for line in found:
        flops = "" if line.flops is None else f"{line.flops:.3g}"
        most = "" if not line.pass_at else f"{max(line.pass_at.values()):.3f} (n = {max(line.pass_at)})"
        table.add_row(line.name, f"{line.n:,}", f"{line.accuracy:.3f}", most, flops)
    return table
