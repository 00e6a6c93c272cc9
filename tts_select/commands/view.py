"""`tts-select view`: a trace, a batch, a sweep or a report as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from tts_select.commands._options import writable_file
from tts_select.commands._terminal import say


@click.command(
    epilog="""\b
Examples:
  tts-select solve problem.txt --trace traces/ && tts-select view traces/
  tts-select view results.jsonl --out results.html
  tts-select view sweep/ --router router/
  tts-select view report/"""
)
@click.argument("path", type=Path)
@click.option(
    "--out",
    type=Path,
    default=None,
    callback=writable_file,
    help="The file to write.",
    show_default="PATH's name with .html, in this folder",
)
@click.option(
    "--router",
    type=Path,
    default=None,
    help="With a sweep: the router to replay on it.",
    show_default="the shipped one, where it is of the sweep's models",
)
def view(path: Path, *, out: Path | None, router: Path | None) -> None:
    """Write a page about PATH that opens from disk: what was decided, why, and what else might have been.

    PATH is a trace or a folder of traces (`solve --trace`), results of `solve --problems`, a sweep, or a
    report of `evaluate`. The page needs no network, and loads nothing.
    """
    from tts_select.commands._progress import status
    from tts_select.tracing.sources import page_of

    target = out or Path(f"{path.resolve().name.split('.')[0]}.html")
    with status("reading") as note:
        page = page_of(path, router=router, note=note)
    with target.open("w", encoding="utf-8") as sink:
        for piece in page.pieces():
            sink.write(piece)
    say(f"wrote {target} ({target.stat().st_size / 1e6:.1f} MB): open it in a browser")
