"""`tts-select outcomes`: keep what turned out to be right, and see whether it was as likely as was said."""

from __future__ import annotations

from pathlib import Path

import click

from tts_select.commands._options import router_folder, writable_file
from tts_select.commands._terminal import say, show, show_json
from tts_select.core.errors import InputError


@click.command(
    epilog="""\b
Examples:
  tts-select outcomes correct.csv --results results.jsonl --router router/
  tts-select outcomes --results graded.jsonl --router prior --outcomes outcomes.jsonl
  tts-select outcomes --router router/ --json"""
)
@click.argument("file", type=Path, required=False)
@click.option(
    "--results",
    type=Path,
    default=None,
    help="The file of `solve --problems --out` that FILE is about; where it knows the gold answers, it needs "
    "no FILE.",
)
@click.option(
    "--router",
    type=Path,
    default=None,
    help="The router that answered: a folder, or `prior` or `world` for what ships.",
)
@click.option(
    "--outcomes",
    "kept",
    type=Path,
    default=None,
    callback=writable_file,
    help="Where outcomes are kept.",
    show_default="outcomes.jsonl in the router's folder",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def outcomes(
    file: Path | None, *, results: Path | None, router: Path | None, kept: Path | None, as_json: bool
) -> None:
    """Keep which answers were right, by FILE, and sum up all that is kept.

    FILE is JSONL or CSV with `id` and `correct`, and perhaps `confidence`. Without FILE and --results nothing
    is added.
    """
    from tts_select.commands._outcome_views import summary_view
    from tts_select.selector.routers.artifact import identity_of
    from tts_select.solving.joining import joined
    from tts_select.solving.outcomes import append, read
    from tts_select.training.evaluation.outcomes import summary_of

    folder = router_folder(router) if router is not None else None
    identity = identity_of(folder) if folder is not None else None
    place = _place(folder, kept)
    if file is not None or results is not None:
        known = {o.id: (o.correct, o.confidence) for o in read(place)} if place.is_file() else {}
        found = joined(file, results, identity)
        new = [o for o in found if known.get(o.id) != (o.correct, o.confidence)]
        append(place, new)
        say(f"{len(new):,} outcomes kept in '{place}', {len(found) - len(new):,} were there already")
    there = read(place)
    if not there:
        raise InputError(f"no outcomes in '{place}': record some first (docs/outcomes.md)")
    summary = summary_of(there)
    if as_json:
        show_json(summary)
    else:
        show(summary_view(summary))


def _place(folder: Path | None, kept: Path | None) -> Path:
    from tts_select.solving.outcomes import file_beside

    if kept is not None:
        return kept
    if folder is None:
        raise InputError("outcomes of which router? Name its folder with --router, or a file with --outcomes")
    beside = file_beside(folder)
    if beside is None:
        raise InputError("what is shipped keeps no outcomes: name a file for them with --outcomes")
    return beside
