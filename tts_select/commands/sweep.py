"""`tts-select sweep`: every arm of a portfolio on many problems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from tts_select.commands._exit import INTERRUPTED, fail
from tts_select.commands._options import config_option, field_options
from tts_select.commands._ray_options import engine_options, lease_option
from tts_select.commands._sweep_asked import what_to_sweep
from tts_select.commands._sweep_engine import engine_for
from tts_select.commands._sweep_merge import merge
from tts_select.commands._sweep_options import share_options, sweep_options
from tts_select.commands._terminal import figure, say, show, show_json

if TYPE_CHECKING:
    from tts_select.config import Config
    from tts_select.training.sweep.run import Swept
    from tts_select.training.sweep.units import Shard


class _WithMerge(click.Command):
    """`sweep`, and `sweep merge`. A group would have no arguments that are required of the one alone."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Hand over to `merge` if it is named."""
        if args[:1] == [merge.name]:
            return merge.make_context(f"{info_name} {merge.name}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(
    cls=_WithMerge,
    epilog="""\b
Examples:
  tts-select sweep --problems problems.jsonl --out sweep/
  tts-select sweep --problems problems.jsonl --portfolio arms.yaml --out sweep/ --samples 16 --runs 1
  tts-select sweep --problems problems.jsonl --out sweep/ --samples 64 --samples world:large=16
  tts-select sweep --problems problems.jsonl --out sweep/     # once more: goes on where it was
  tts-select sweep --problems problems.jsonl --out sweep-2/ --reuse sweep/    # one model has changed
  tts-select sweep --problems problems.jsonl --out all/ --reuse sweep-a/ --reuse sweep-b/    # joins them
  tts-select sweep --problems exam.csv --problem-field text --answer-field key --out sweep/
  tts-select sweep --problems problems.jsonl --out sweep/ --shard 0/8    # one of 8 parts
  tts-select sweep merge sweep/ --out whole/
  tts-select sweep --problems problems.jsonl --out sweep/ --engine ray --address auto    # on a cluster
  tts-select sweep --score-only --prm world:prm-narrow --reuse whole/ --out scored/
  tts-select sweep --problems problems.jsonl --out sweep/ --chunk 16 --total-flops 1e15 --stop-when 0.02""",
)
@config_option
@field_options
@sweep_options
@share_options
@engine_options
@lease_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def sweep(
    *,
    config: Config | None,
    out: Path,
    shard: Shard | None,
    reuse: tuple[Path, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Run every arm of a portfolio on many problems, and log what happens.

    Each policy samples once for all arms, and every PRM scores the same samples. Without --problems the
    sweep that --out holds goes on. Shards become one log by `sweep merge`, which has a --help of its own.
    """
    from tts_select.commands._sweep_board import board
    from tts_select.training.sweep.run import run_units

    if shard is not None:
        out = out / f"shard-{shard.index}-of-{shard.n}"
    asked, share = what_to_sweep(config, out, shard, reuse, given)
    try:
        with board() as shown:
            engine = engine_for(config, asked, out, given, share=share, watch=shown.watch)
            swept = run_units(
                asked,
                out,
                share=share,
                reuse=reuse,
                engine=engine,
                progress=shown.progress,
                begun=shown.begin,
            )
    except KeyboardInterrupt:
        fail(f"interrupted; '{out}' keeps what is done: the same command goes on", INTERRUPTED)
    if as_json:
        show_json(_as_dict(swept))
    else:
        _tell(swept, out, shard)


def _as_dict(swept: Swept) -> dict[str, Any]:
    from tts_select.training.sweep.summary import as_dict

    if swept.log is not None:
        return as_dict(swept.log)
    return {"done": swept.n_done, "units": swept.n_units, "ended": list(swept.ended)}


def _tell(swept: Swept, out: Path, shard: Shard | None) -> None:
    from tts_select.training.sweep.summary import lines

    for reason in swept.ended:
        say(f"ended early: {reason}")
    if swept.log is not None:
        show(_summary_view(lines(swept.log)))
        say(f"{len(swept.log.problems):,} problems in {out}")
        return
    of = "" if shard is None else f" of shard {shard}"
    say(f"{swept.n_done:,} of {swept.n_units:,} units{of} are in {out}")
    if shard is not None:
        say(f"when all shards have run: tts-select sweep merge {out.parent} --out FOLDER")
    if swept.ended:
        say(f"what is whole becomes a log by: tts-select sweep merge {out} --whole-part --out FOLDER")


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
