"""`tts-select paper`: the paper's tables, measured on a sweep, with the paper's own numbers beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from tts_select.commands._terminal import figure, show, show_json
from tts_select.core.methods import METHODS
from tts_select.data.world.artifacts import SWEEP

_PAPER = Text("in the paper:", style="dim")


@click.command(
    epilog="""\b
Examples:
  tts-select paper                 # the embedded world, from the sweep that ships with the package
  tts-select paper sweep/ --json"""
)
@click.argument("sweep", type=Path, required=False)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the draws and the folds.")
@click.option("--json", "as_json", is_flag=True, help="Print every table, with its intervals, as JSON.")
def paper(sweep: Path | None, *, seed: int, as_json: bool) -> None:
    """Print the paper's tables (arXiv 2502.06703) for the sweep log in SWEEP."""
    from tts_select.commands._progress import status
    from tts_select.training.log.reading import read_log
    from tts_select.training.report.paper import paper_tables

    with status("reading") as note:
        tables = paper_tables(read_log(sweep or SWEEP), seed=seed, note=note)
    if as_json:
        show_json(tables)
        return
    for view in _views(tables):
        show(view, "")


def _views(tables: Mapping[str, Any]) -> Iterator[Table]:
    yield _strategies(tables["strategies"])
    yield _with_each_prm(tables["strategies"]["measured"])
    yield _small_against_large(tables["small_against_large"])
    yield _difficulty(tables["difficulty"])
    yield _votes(tables["votes"])
    yield _flops(tables["flops"])


def _strategies(found: Mapping[str, Any]) -> Table:
    table = _table(
        "Compute-optimal TTS (Table 5)",
        "policy",
        "CoT",
        "majority",
        "optimal",
        "gain",
        "efficiency",
        "in FLOPs",
    )
    for row in found["measured"]:
        half = 50 * (row["gain"]["high"] - row["gain"]["low"])
        gain = f"{_percent(row['gain']['value'])} ±{figure(half, '.1f')} %"
        ratios = (_ratio(row["efficiency"]), _ratio(row["efficiency_in_flops"]))
        shares = (_share(row[name]) for name in ("cot", "majority", "optimal"))
        table.add_row(row["policy"], *shares, gain, *ratios)
    table.add_row(_PAPER)
    for row in found["paper"]:
        shares = (f"{row[name]:.1f}" for name in ("cot", "majority", "optimal"))
        table.add_row(row["policy"], *shares, f"{row['gain']:.1f} %", f"{row['efficiency']}x", "")
    return table


def _with_each_prm(found: list[dict[str, Any]]) -> Table:
    bins = ("easy", "medium", "hard")
    table = _table("Compute-optimal TTS with one PRM, by difficulty", "policy", "PRM", "all", *bins)
    for row in found:
        for prm, score in row["optimal_by_prm"].items():
            shares = (_share(score["by_bin"][name]) if name in score["by_bin"] else "" for name in bins)
            table.add_row(row["policy"], prm, _share(score), *shares)
    return table


def _small_against_large(found: Mapping[str, Any]) -> Table:
    table = _table(
        "A small policy with TTS against a large one without (Table 3)",
        *("small", "its TTS", "large", "its CoT", "difference", "parameters"),
    )
    for row in found["measured"]:
        shares = (row["small"], _share(row["optimal"]), row["large"], _share(row["cot"]))
        gap = row["difference"]
        half = 50 * (gap["high"] - gap["low"])
        difference = f"{figure(100 * gap['value'], '+.1f')} ±{figure(half, '.1f')}"
        table.add_row(*shares, difference, f"{row['parameters']:.1f}x")
    table.add_row(_PAPER)
    for row in found["paper"]:
        tts, cot = row["optimal"], row["cot"]
        table.add_row(row["small"], f"{tts:.1f}", row["large"], f"{cot:.1f}", f"{tts - cot:+.1f}", "")
    return table


def _difficulty(found: Mapping[str, Any]) -> Table:
    methods = [name for name in METHODS if any(name in row["methods"] for row in found["measured"])]
    table = _table(
        "By difficulty, each method with its best arm there", "policy", "bin", "problems", *methods, "best"
    )
    for row in found["measured"]:
        shares = [
            _percent(row["methods"][name]["value"]) if name in row["methods"] else "" for name in methods
        ]
        table.add_row(row["policy"], row["bin"], str(row["problems"]), *shares, row["best"])
    table.add_row(_PAPER)
    for size, best in found["paper"].items():
        for bin_, method in best.items():
            table.add_row(f"policies {size}", bin_, *[""] * (1 + len(methods)), method)
    return table


def _votes(found: Mapping[str, Any]) -> Table:
    rules = list(found["paper"][0]["by_rule"])
    table = _table("Scoring and choosing (Table 2)", "policy", "PRM", "N", "majority", *rules)
    for row in found["measured"]:
        shares = (_percent(row["by_rule"][rule]["accuracy"]) for rule in rules)
        majority = _percent(row["majority"]["accuracy"])
        table.add_row(row["policy"], row["prm"], str(row["n"]), majority, *shares)
    table.add_row(_PAPER)
    for row in found["paper"]:
        shares = (f"{row['by_rule'][rule]:.1f}" for rule in rules)
        table.add_row("", row["prm"], "", f"{row['majority']:.1f}", *shares)
    return table


def _flops(found: list[dict[str, Any]]) -> Table:
    table = _table(
        "FLOPs (Table 4), by our arithmetic",
        *("model", "training, 6 N D", "in the paper", "inference in the paper", "tokens that it is at 2 N"),
    )
    for row in found:
        inference = (f"{row['inference_in_paper']:.3g}", f"{row['tokens_of_inference']:.3g}")
        table.add_row(row["model"], f"{row['training']:.3g}", f"{row['training_in_paper']:.3g}", *inference)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    for column in columns:
        words = column in ("policy", "bin", "best", "PRM", "small", "large", "model")
        table.add_column(column, justify="left" if words else "right")
    return table


def _share(found: Mapping[str, float]) -> str:
    """Format a share with half of its 95 % interval, in percent; both ends are in the JSON."""
    return f"{_percent(found['accuracy'])} ±{figure(50 * (found['high'] - found['low']), '.1f')}"


def _percent(share: float) -> str:
    return figure(100 * share, ".1f")


def _ratio(found: Mapping[str, Any]) -> str:
    value, low, high = (found[name] for name in ("value", "low", "high"))
    if value is None:
        return "not reached"
    interval = "" if low is None or high is None else f" ({low:.1f} to {high:.1f})"
    return f"{'>' if found['is_bound'] else ''}{value:.1f}x{interval}"
