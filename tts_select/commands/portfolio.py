"""`tts-select portfolio`: the arms that a router may pick."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from tts_select.commands._options import chosen_portfolio, config_option
from tts_select.core.strict_json import to_json

if TYPE_CHECKING:
    from tts_select.config import Config


@click.group()
def portfolio() -> None:
    """The arms that a router may pick."""


@portfolio.command(
    epilog="""\b
Examples:
  tts-select portfolio show
  tts-select portfolio show arms.yaml --json"""
)
@click.argument("file", type=Path, required=False)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(file: Path | None, *, config: Config | None, as_json: bool) -> None:
    """Print the arms of FILE, else of the config's portfolio, else of the embedded one."""
    found = chosen_portfolio(file, config)
    if as_json:
        arms = [{"arm": arm.name, **arm.as_dict()} for arm in found.arms]
        click.echo(to_json({"name": found.name, "arms": arms}))
    else:
        Console().print(_portfolio_view(found))


def _portfolio_view(found: Any) -> Table:
    table = Table(title=f"{found.name}: {len(found.arms)} arms", title_justify="left", box=None)
    for column in ("method", "N", "policy", "PRM", "settings that differ"):
        table.add_column(column, justify="right" if column == "N" else "left")
    for arm in found.arms:
        models = 3 if arm.prm else 2  # words of its name that come before the settings
        differs = " ".join(arm.name.split()[models:])
        table.add_row(arm.method, str(arm.budget), arm.policy, arm.prm or "", differs)
    return table
