"""`tts-select sweep merge`: the shards of a sweep become one log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tts_select.commands._options import writable_folder
from tts_select.commands._terminal import say, show_json

if TYPE_CHECKING:
    from tts_select.training.sweep.merging import Merged

_SHOWN = 5
"""The most conflicts that are named."""


@click.command(
    epilog="""\b
Examples:
  tts-select sweep merge sweep/ --out whole/          # all shards in sweep/
  tts-select sweep merge sweep/ --out part/ --whole-part    # of a sweep that has not ended
  tts-select sweep --out whole/                       # runs what is missing"""
)
@click.argument("folders", metavar="DIR...", type=Path, nargs=-1, required=True)
@click.option(
    "--out",
    type=Path,
    required=True,
    callback=writable_folder,
    help="The folder of the log; specify it again to add shards.",
)
@click.option(
    "--whole-part",
    is_flag=True,
    help="Of an unfinished sweep take the problems, arms and samples that are whole, as a smaller one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what became of the records as JSON.")
def merge(folders: tuple[Path, ...], out: Path, whole_part: bool, as_json: bool) -> None:
    """Unite the shards of a sweep, each unit once.

    DIR is a shard, or a folder with shards in it. Where two shards have a unit, the first one counts.
    """
    from tts_select.training.sweep import merging

    merged_of = merging.merge_whole_part if whole_part else merging.merge
    found = merged_of(merging.shard_folders(folders), out)
    if as_json:
        show_json(_as_dict(found))
    else:
        _tell(found, out)


def _as_dict(merged: Merged) -> dict[str, Any]:
    from tts_select.training.sweep.merging import missing_by_name

    return {
        "units": merged.n_units,
        "new": merged.n_new,
        "duplicates": merged.n_duplicates,
        "conflicts": merged.conflicts,
        "missing": dict(missing_by_name(merged)),
        "missing_units": [unit.id for unit in merged.missing],
    }


def _tell(merged: Merged, out: Path) -> None:
    from tts_select.training.sweep.merging import missing_by_name

    say(f"{merged.n_new:,} records are new, {merged.n_duplicates:,} were there before or twice")
    if merged.conflicts:
        say(
            f"{len(merged.conflicts):,} records have another content than the one that was there before, "
            "which counts:"
        )
        for conflict in merged.conflicts[:_SHOWN]:
            say(f"  {conflict}")
    if not merged.missing:
        say(f"all {merged.n_units:,} units are in {out}")
        return
    say(f"{len(merged.missing):,} of {merged.n_units:,} units are missing:")
    for name, n in missing_by_name(merged):
        say(f"  {name}: of {n:,} problems")
    say(f"this runs them, with the --config of the sweep if it had one: tts-select sweep --out {out}")
