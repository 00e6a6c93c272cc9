"""`tts-select models`: what is known, and what runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tts_select.commands._options import config_option
from tts_select.core.strict_json import to_json

if TYPE_CHECKING:
    from tts_select.config import Config


@click.command(
    epilog="""\b
Examples:
  tts-select models
  tts-select models --config examples/one-24gb-gpu.yaml --json"""
)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def models(*, config: Config | None, as_json: bool) -> None:
    """List embedded models, backends, PRM formats and the config's entries, and what runs on this machine."""
    from tts_select.doctor.listing import list_models

    found = list_models(config)
    if as_json:
        click.echo(to_json(found))
    else:
        Console().print(_models_view(found))


def _models_view(found: dict[str, Any]) -> RenderableType:
    embedded = _table("embedded models", "spec", "kind", "parameters", "size", "fingerprint")
    for m in found["embedded"]:
        size = f"{m['bytes'] / 1e6:.1f} MB"
        embedded.add_row(m["spec"], m["kind"], f"{m['n_parameters']:,}", size, m["fingerprint"])
    backends = _table("backends", "spec", "kind", "runs on", "here")
    for b in found["backends"]:
        backends.add_row(f"{b['scheme']}:NAME", b["kind"], b["runs_on"], b["why_not"] or "yes")
    formats = _table("PRM formats", "format", "checkpoints named like", "runs in")
    for f in found["prm_formats"]:
        formats.add_row(Text(f["format"]), Text(", ".join(f["known_by"])), ", ".join(f["runs_in"]))
    parts = [embedded, backends, formats]
    if found["config"]:
        entries = _table("config", "name", "kind", "spec", "here")
        for e in found["config"]:
            entries.add_row(Text(e["name"]), e["kind"], Text(e["spec"]), e["why_not"] or "yes")
        parts.append(entries)
    return Group(*parts)


def _table(title: str, *columns: str) -> Table:
    return Table(*columns, title=title, title_justify="left", box=None)
