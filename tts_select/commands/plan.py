"""`tts-select plan`: what would be run on a problem, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from tts_select.commands._options import config_option
from tts_select.core.strict_json import to_json

if TYPE_CHECKING:
    from tts_select.config import Config


@click.command(
    epilog="""\b
Examples:
  tts-select plan examples/problem.txt
  tts-select plan examples/problem.txt --no-probe --effort high
  echo "Start with 14. Multiply by 3. What is the result?" | tts-select plan - --router router/ --json"""
)
@click.argument("file")
@config_option
@click.option(
    "--router",
    type=Path,
    default=None,
    help="A router's folder.",
    show_default="the config's, else the shipped one",
)
@click.option(
    "--effort", default="medium", show_default=True, help="low, medium or high: what a FLOP may cost."
)
@click.option("--price", type=float, default=None, help="Instead of --effort, in probability per FLOP.")
@click.option("--max-tokens", type=int, default=None, help="Arms that generate more are out.")
@click.option("--max-flops", type=float, default=None, help="Arms that compute more are out.")
@click.option("--no-probe", is_flag=True, help="Plan from the text alone; no model is loaded.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def plan(
    file: str,
    *,
    config: Config | None,
    router: Path | None,
    no_probe: bool,
    seed: int,
    as_json: bool,
    **spending: Any,
) -> None:
    """Look at the problem in FILE and say what would be run, and why."""
    from tts_select.commands._problem_text import read_problem_text
    from tts_select.commands._views import outlook_view
    from tts_select.data.world.artifacts import ROUTER
    from tts_select.solving.api import Selector

    text = read_problem_text(file)
    with Console(stderr=True).status("looking"):
        selector = Selector.from_config(config, router) if config else Selector.load(router or ROUTER)
        outlook = selector.plan(text, probe=not no_probe, seed=seed, **spending)
    if as_json:
        click.echo(to_json(outlook.as_dict()))
    else:
        Console().print(outlook_view(outlook))
