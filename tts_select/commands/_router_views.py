"""Views of a router: its plan for a problem, what it learned, and how it was measured."""

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
    from tts_select.selector.routers.ladder import LadderRouter
    from tts_select.selector.routers.lookahead import LookaheadRouter, Probe
    from tts_select.selector.routers.prior import PriorRouter
    from tts_select.training.evaluation.records import Point, Report, Saving
    from tts_select.training.replay.calibration_error import ReliabilityRecord
    from tts_select.training.replay.metrics import IntervalRecord


def outlook_view(outlook: Outlook) -> RenderableType:
    """Render the difficulty, what would be run, and the runners-up with why they lost."""
    chosen = outlook.chosen
    lines = [Text.assemble("Plan: ", text(chosen.name, "bold green"), text(f"   ({outlook.reason})"))]
    difficulty = Table(
        "policy", "pass@1", "90 % interval", "bin", title="difficulty", title_justify="left", box=None
    )
    for policy, found in outlook.difficulty.items():
        interval = f"{figure(found.low, '.2f')} to {figure(found.high, '.2f')}"
        difficulty.add_row(policy, figure(found.pass_at_1, ".2f"), interval, found.bin)
    probes = (
        f"probes: {outlook.n_probes}, {figure(outlook.probe_flops, '.2g')} FLOPs"
        if outlook.n_probes
        else "no probes"
    )
    shown = [difficulty] if outlook.difficulty else []
    return Group(*lines, Text(probes, style="dim"), *shown, _options_view(outlook))


def _options_view(outlook: Outlook) -> Table:
    """Render the best options; seconds and dollars where any are known."""
    best = outlook.options[:8]
    columns: dict[str, list[float | None]] = {outlook.unit: [o.flops for o in best]}
    if outlook.unit != "dollars" and any(o.arm and not math.isnan(o.dollars) for o in best):
        columns["dollars"] = [o.dollars for o in best]
    if any(o.seconds is not None for o in best):
        columns["seconds"] = [o.seconds for o in best]
    names = "option", "P(correct)", *columns, "value", "why not"
    options = Table(*names, title="options", title_justify="left", box=None)
    for k, option in enumerate(best):
        why = "" if option is outlook.chosen else why_not(option, outlook)
        costs = (figure(column[k], ".2g") for column in columns.values())
        value = figure(option.value(outlook.price), ".3f")
        options.add_row(option.name, figure(option.p_correct, ".3f"), *costs, value, why)
    return options


def why_not(option: Option, outlook: Outlook) -> str:
    """Say in words why an option lost against the chosen one."""
    if outlook.unfamiliar is not None:
        return "not the best fixed arm"
    chosen, price = outlook.chosen, outlook.price
    gain = option.p_correct - chosen.p_correct
    if option.value(price) > chosen.value(price):
        return "waits for what the cheaper step shows"
    if gain <= 0:
        return "no likelier to be right" if option.flops >= chosen.flops else "less likely to be right"
    more = figure(option.flops - chosen.flops, ".2g")
    return f"{figure(gain, '+.3f')} is not worth {more} {outlook.unit} more"


_LEARNED = {
    "confidence": "answers being right",
    "mend": "wrong ones put right",
    "spoil": "right ones lost",
}


def fitted_view(router: LookaheadRouter, facts: Mapping[str, Any]) -> RenderableType:
    """Render what training learned."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("trained on", f"{facts['n_problems']:,} problems, {facts['n_states']:,} states")
    table.add_row("probes", _probes_of(router.probe))
    table.add_row("best fixed arm", router.fallback)
    if areas := facts["ablation"]["auc"]:
        table.add_row("difficulty, AUC", _listed(areas))
    for name, of_what in _LEARNED.items():
        if skill := facts["skill"].get(name):
            table.add_row(f"explained of {of_what}", _interval(skill))
    table.add_row("refused of problems like these", figure(facts["unfamiliar"]["refused"], ".1%"))
    for effort, point in facts["efforts"].items():
        accuracy, flops = figure(point["accuracy"], ".3f"), figure(point["flops"], ".3g")
        table.add_row(f"effort {effort}", f"accuracy {accuracy} for {flops} FLOPs a problem")
    return table


def ladders_view(router: LadderRouter, facts: Mapping[str, Any]) -> RenderableType:
    """Render what a ladder router learned: the ladders of its efforts, with what they came to on the very
    problems that they were fitted to."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("trained on", f"{facts['n_problems']:,} problems, {facts['n_orders']} orders of each")
    table.add_row("", "accuracies are of these problems: `tts-select evaluate` measures it on others")
    table.add_row("best fixed arm", router.fallback)
    for pool, share in facts["share_cut"].items():
        if share:
            table.add_row("samples cut", f"{figure(share, '.1%')} of {pool}: unknown, so they have no vote")
    for effort, price in router.prices.items():
        ladder = router.at(price)
        expected = f"accuracy {figure(ladder.accuracy, '.3f')} for {figure(ladder.cost, '.3g')}"
        table.add_row(f"effort {effort}", f"{expected} {router.unit} a problem: up to {ladder.in_words}")
    if router.by_text is not None:
        n = f"{len(router.by_text.at)} of {len(router.ladders)} prices"
        table.add_row("the text decides", f"whose samples come first, at {n}")
    return table


def prior_view(router: PriorRouter, facts: Mapping[str, Any]) -> RenderableType:
    """Render what a prior was fitted to, and the prices of its efforts."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for found in facts["policies"]:
        n = f"{found['problems']:,} problems, up to {found['most_samples']} samples"
        table.add_row(f"{found['log']}: {found['policy']}", n)
    for pair in facts.get("prm", {}).get("pairs", []):
        scored = f"{pair['problems']:,} problems, scored by {pair['prm']}"
        table.add_row(f"{pair['log']}: {pair['policy']}", scored)
    term = router.prior.term
    for name, efforts in (("effort", router.prior.efforts), ("with a PRM,", term.efforts if term else {})):
        for effort, price in sorted(efforts.items(), key=lambda item: -item[1]):
            points = figure(100 * price, ".2g")
            table.add_row(f"{name} {effort}", f"{points} points of accuracy for the whole budget")
    return table


def _probes_of(probe: Probe) -> str:
    if not probe.n:
        return "none"
    what = f"{probe.n} samples of {probe.policy}"
    if probe.temperature == 0:
        what = f"the greedy solution of {probe.policy}"
    return f"{what}, scored by {probe.prm}" if probe.prm else what


def evaluation_view(report: Report) -> RenderableType:
    """Render the headline of an evaluation: what the router gets, within budgets, and what it saves."""
    unit = report["unit"]
    facts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    facts.add_row("problems", f"{report['n_problems']:,}, {report['n_draws']} draws, {report['split']}")
    facts.add_row("at equal cost, on average", f"{_in_points(report['area'])} beside fixed arms")
    alone = report["text_only"]["router_minus"]
    facts.add_row("", f"{_in_points(alone)} beside the text alone")
    for effort, point in report["router"]["efforts"].items():
        facts.add_row(f"effort {effort}", f"{_point(point)} {unit}")
    worst = report["frontier_gaps"]["worst"]
    facts.add_row("at worst, at equal cost", f"{_in_points(worst)} beside {worst['name'] or 'no arm'}")
    if report["guards"]["gap_closed"]["holds"]:
        facts.add_row("gap to the oracle closed", _interval(report["gap_closed"]))
    else:
        facts.add_row("short of the oracle", _in_points(report["regret"]))
    for kind, found in report["calibration"].items():
        facts.add_row(f"calibration error of {kind}", _beside_null(found))
    facts.add_row("refused as unfamiliar", figure(report["unfamiliar_share"], ".1%"))
    saved = Table("against", "its accuracy", "the router's cost at that", "points more at its cost", box=None)
    for row in report["savings"]:
        gain = figure(100 * row["gain"]["value"], "+.1f")
        name = row["name"] if row["against"] in row["name"] else f"{row['against']}: {row['name']}"
        saved.add_row(name, f"{_point(row)} {unit}", _of_it(row), gain)
    return Group(facts, "", _budgets_view(report), "", saved)


def _budgets_view(report: Report) -> Table:
    """Render the router beside the best fixed arm within each budget."""
    head = f"at most, {report['unit']}", "router", "best fixed arm within it", "router minus that"
    table = Table(*head, box=None)
    for row in report["at_budgets"]:
        best = row["best_fixed"]
        table.add_row(
            figure(row["budget"], ".3g"),
            figure(row["router"]["accuracy"], ".3f"),
            f"{figure(best['accuracy'], '.3f')} {best['name']}",
            _in_points(best["difference"]),
        )
    return table


def _of_it(row: Saving) -> str:
    """Return the share of what the other costs; where the router never is as accurate, what it reaches."""
    ratio = row["cost_ratio"]
    if not math.isinf(ratio["value"]):
        return _interval(ratio, " of it")
    return f"never as accurate: at most {_point(row['reached'])}"


def _beside_null(found: ReliabilityRecord) -> str:
    """Return an ECE with what perfect calibration would show, as in `0.040 (perfect: up to 0.043)`."""
    perfect = figure(found["ece_null"]["high"], ".3f")
    return f"{figure(found['ece_equal_mass'], '.3f')} (perfect: up to {perfect})"


def _in_points(found: IntervalRecord) -> str:
    """Return a difference of two accuracies, as in `+1.2 points (-0.3 to +2.5)`."""
    value, low, high = (figure(100 * found[key], "+.1f") for key in ("value", "low", "high"))
    return f"{value} points ({low} to {high})"


def _interval(found: IntervalRecord, unit: str = "") -> str:
    value, low, high = (_end(found[key]) for key in ("value", "low", "high"))
    return f"{value}{unit} ({low} to {high})"


def _end(value: float) -> str:
    return "never" if math.isinf(value) else figure(value, ".2f")


def _point(found: Point) -> str:
    return f"{figure(found['accuracy'], '.3f')} for {figure(found['cost'], '.3g')}"


def _listed(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {figure(value, '.3f')}" for name, value in figures.items())
