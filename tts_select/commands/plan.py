"""`tts-select plan`: what would be run on a problem, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tts_select.commands._options import config_option, one_price, router_option
from tts_select.commands._terminal import show, show_json


@click.command(
    epilog="""\b
Examples:
  tts-select plan examples/problem.txt
  tts-select plan examples/problem.txt --no-probe --effort high
  tts-select plan problem.txt --policy openai:MODEL --effort low
  echo "Start with 14. Multiply by 3. What is the result?" | tts-select plan - --router router/ --json"""
)
@click.argument("file")
@config_option
@router_option
@click.option(
    "--policy", default=None, help="A policy: the prior plans for it; with a PRM, the paper's rule."
)
@click.option("--base-url", default=None, help="URL of the server of openai:MODEL.")
@click.option("--prm", default=None, help="A PRM for the policy; none for no PRM.", show_default="none")
@click.option(
    "--prior",
    type=Path,
    default=None,
    help="Folder of a prior of your own, for a policy without a PRM.",
    show_default="the config's, else the shipped one",
)
@click.option("--effort", default=None, help="Router effort: low, medium or high.", show_default="medium")
@click.option(
    "--price",
    metavar="PRICE",
    default=None,
    help="Instead of --effort: probability per FLOP, or per another unit, as in 0.1/dollar, 0.01/second or "
    "1e-6/token.",
)
@click.option("--max-tokens", type=int, default=None, help="Leave out arms that generate more tokens.")
@click.option("--max-flops", type=float, default=None, help="Leave out arms that compute more FLOPs.")
@click.option(
    "--max-dollars", type=float, default=None, help="Leave out arms that cost more; the models need prices."
)
@click.option("--no-probe", is_flag=True, help="Plan from the text alone; no model is loaded.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the probes.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan(
    file: str,
    *,
    no_probe: bool,
    seed: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Show what would be run on the problem in FILE (- for standard input), and why."""
    from tts_select.commands._problem_text import read_problem_text
    from tts_select.commands._progress import status
    from tts_select.commands._router_views import outlook_view
    from tts_select.solving.choosing import selector_for
    from tts_select.solving.options import SPENDING

    one_price(options["effort"], options["price"])
    chosen = {name: value for name, value in options.items() if value is not None}
    if chosen.get("prm") == "none":
        chosen["prm"] = None
    problem = read_problem_text(file)
    with status("looking"):
        selector, terms = selector_for(chosen)
        spending = {name: value for name, value in terms.items() if name in SPENDING}
        outlook = selector.plan(problem, probe=not no_probe, seed=seed, **spending)
    if as_json:
        show_json(outlook.as_dict())
    else:
        show(outlook_view(outlook))
