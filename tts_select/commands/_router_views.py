"""What people see of a router: its plan for a problem, what it learned, and how it was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tts_select.commands._terminal import figure, text

if TYPE_CHECKING:
    from tts_select.selector.deciding import Option
    from tts_select.selector.outlook import Outlook
    from tts_select.selector.routers.lookahead import LookaheadRouter, Probe


def outlook_view(outlook: Outlook) -> RenderableType:
    """The difficulty, what would be run, and the runners-up with why they lost."""
    chosen = outlook.chosen
    lines = [Text.assemble("Plan: ", text(chosen.name, "bold green"), text(f"   ({outlook.reason})"))]
    difficulty = Table(
        "policy", "pass@1", "90 % interval", "bin", title="difficulty", title_justify="left", box=None
    )
    for policy, found in outlook.difficulty.items():
        interval = f"{figure(found.low, '.2f')} to {figure(found.high, '.2f')}"
        difficulty.add_row(policy, figure(found.pass_at_1, ".2f"), interval, found.bin)
    options = Table(
        "option", "P(correct)", "FLOPs", "value", "why not", title="options", title_justify="left", box=None
    )
    for option in outlook.options[:8]:
        why = "" if option is chosen else why_not(option, outlook)
        value = figure(option.value(outlook.price), ".3f")
        figures = figure(option.p_correct, ".3f"), figure(option.flops, ".2g"), value
        options.add_row(option.name, *figures, why)
    probes = (
        f"probes: {outlook.n_probes}, {figure(outlook.probe_flops, '.2g')} FLOPs"
        if outlook.n_probes
        else "no probes"
    )
    return Group(*lines, Text(probes, style="dim"), difficulty, options)


def why_not(option: Option, outlook: Outlook) -> str:
    """Why an option lost against the chosen one, in words."""
    if outlook.unfamiliar is not None:
        return "not the best fixed arm"
    chosen, price = outlook.chosen, outlook.price
    gain = option.p_correct - chosen.p_correct
    if option.value(price) > chosen.value(price):
        return "waits for what the cheaper step shows"
    if gain <= 0:
        return "no likelier to be right" if option.flops >= chosen.flops else "less likely to be right"
    more = figure(option.flops - chosen.flops, ".2g")
    return f"{figure(gain, '+.3f')} is not worth {more} FLOPs more"


_LEARNED = {
    "confidence": "answers being right",
    "mend": "wrong ones put right",
    "spoil": "right ones lost",
}


def fitted_view(router: LookaheadRouter, facts: Mapping[str, Any]) -> RenderableType:
    """What training learned."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("trained on", f"{facts['n_problems']:,} problems, {facts['n_states']:,} states")
    table.add_row("probes", _probes_of(router.probe))
    table.add_row("best fixed arm", router.fallback)
    if areas := facts["ablation"]["auc"]:
        table.add_row("difficulty, AUC", _listed(areas))
    for name, of_what in _LEARNED.items():
        if skill := facts["skill"].get(name):
            table.add_row(f"explained of {of_what}", f"{figure(skill['value'], '.2f')} ({_interval(skill)})")
    table.add_row("refused of problems like these", figure(facts["unfamiliar"]["refused"], ".1%"))
    for effort, price in router.prices.items():
        point = next(p for p in facts["frontier"] if p["price"] == price)
        accuracy, flops = figure(point["accuracy"], ".3f"), figure(point["flops"], ".3g")
        table.add_row(f"effort {effort}", f"accuracy {accuracy} for {flops} FLOPs a problem")
    return table


def staged_view(learned: Mapping[str, Any]) -> RenderableType:
    """What a staged router learned: the ladders of its efforts."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("trained on", f"{learned['n_problems']:,} problems, {learned['n_orders']} orders of each")
    table.add_row("best fixed arm", learned["best_fixed"])
    for effort, price in learned["prices"].items():
        ladder = next(x for x in learned["ladders"] if x["price"] == price)
        accuracy, cost = figure(ladder["accuracy"], ".3f"), figure(ladder["cost"], ".3g")
        expected = f"accuracy {accuracy} for {cost} {learned['unit']} a problem"
        table.add_row(f"effort {effort}", f"{expected}: up to {', then '.join(ladder['stages'])}")
    return table


def _probes_of(probe: Probe) -> str:
    if not probe.n:
        return "none"
    what = f"{probe.n} samples of {probe.policy}"
    if probe.temperature == 0:
        what = f"the greedy solution of {probe.policy}"
    return f"{what}, scored by {probe.prm}" if probe.prm else what


def evaluation_view(report: Mapping[str, Any]) -> RenderableType:
    """The headline of an evaluation."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    best, ratio = report["best_fixed"], report["cost_ratio_at_equal_accuracy"]
    unit = report.get("unit", "FLOPs")
    table.add_row("problems", f"{report['n_problems']:,}, {report['n_draws']} draws")
    table.add_row("best fixed arm", f"{best['name']}: {_point(best)} {unit}")
    table.add_row("router's cost at its accuracy", _of_it(ratio))
    closed = report["gap_closed"]
    table.add_row("gap to the oracle closed", f"{figure(closed['value'], '.2f')} ({_interval(closed)})")
    errors = {kind: found["ece"] for kind, found in report["calibration"].items()}
    table.add_row("calibration error (ECE)", _listed(errors))
    if near := report.get("near_best"):
        table.add_row(f"and at that of {near['name']}", _of_it(near["cost_ratio"]))
    for effort, point in report["router"].get("efforts", {}).items():
        table.add_row(f"effort {effort}", f"{_point(point)} FLOPs")
    return table


def _of_it(ratio: Mapping[str, float]) -> str:
    """Of an arm's cost; a router that never is as accurate costs infinitely more."""
    if math.isinf(ratio["value"]):
        return "never as accurate"
    return f"{figure(ratio['value'], '.2f')} of it ({_interval(ratio)})"


def _interval(found: Mapping[str, float]) -> str:
    low, high = ("never" if math.isinf(found[end]) else figure(found[end], ".2f") for end in ("low", "high"))
    return f"{low} to {high}"


def _point(found: Mapping[str, float]) -> str:
    return f"{figure(found['accuracy'], '.3f')} for {figure(found['cost'], '.3g')}"


def _listed(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {figure(value, '.3f')}" for name, value in figures.items())
