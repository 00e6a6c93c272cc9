"""`tts-select recalibrate`: correct how sure a router is, by what turned out to be right."""

from __future__ import annotations

from pathlib import Path

import click

from tts_select.commands._options import router_folder, writable_folder
from tts_select.commands._terminal import say, show, show_json
from tts_select.core.errors import InputError


@click.command(
    epilog="""\b
Examples:
  tts-select recalibrate router/
  tts-select recalibrate router/ --out recalibrated/ --json
  tts-select recalibrate prior --outcomes outcomes.jsonl --out my-prior/"""
)
@click.argument("router", type=Path)
@click.option(
    "--outcomes",
    "kept",
    type=Path,
    default=None,
    help="The file of outcomes.",
    show_default="outcomes.jsonl in ROUTER",
)
@click.option(
    "--out",
    type=Path,
    default=None,
    callback=writable_folder,
    help="The folder of the corrected router.",
    show_default="ROUTER itself",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the folds.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def recalibrate(router: Path, *, kept: Path | None, out: Path | None, seed: int, as_json: bool) -> None:
    """Correct the confidence of ROUTER by outcomes; what it decides stays the same.

    ROUTER is a folder, or `prior` or `world` for what ships. Outcomes are kept by `tts-select outcomes` and
    `Selector.record` (docs/outcomes.md).
    """
    from tts_select.commands._outcome_views import recalibration_view
    from tts_select.solving.outcomes import file_beside, read
    from tts_select.training.routers.recalibrated import Corrected, corrected

    folder = router_folder(router)
    beside = file_beside(folder)
    if beside is None and out is None:
        raise InputError("what is shipped stays as it is: name a folder of your own with --out")
    if beside is None and kept is None:
        raise InputError("what is shipped keeps no outcomes: name their file with --outcomes")
    place = kept or beside
    assert place is not None
    found: Corrected = corrected(folder, read(place), seed=seed)
    found.save(out or folder, only_if_changed=out is None)
    for line in found.notes:
        say(line)
    if as_json:
        show_json(found.facts)
    else:
        show(recalibration_view(found.facts))
