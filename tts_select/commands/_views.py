"""What people see of a solution, a batch and a router, as `rich` renderables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tts_select.core.cost import Cost
from tts_select.core.solution import RankedCandidate, Solution
from tts_select.solving.batch import Summary

if TYPE_CHECKING:
    from tts_select.selector.deciding import Option
    from tts_select.selector.outlook import Outlook
    from tts_select.selector.routers.lookahead import LookaheadRouter, Probe

SURE = 0.995

_FINISHED = {
    "complete": "",
    "deadline": "the deadline was met: this is the best answer so far",
    "cap": "the cap on tokens was met: this is the best answer so far",
}


def solution_view(solution: Solution, *, candidates: bool) -> RenderableType:
    """The answer first, then what ran and what it cost."""
    parts: list[RenderableType] = [_headline(solution)]
    if note := _FINISHED[solution.finished]:
        parts.append(Text(note, style="yellow"))
    if solution.errors:
        failed = f"{len(solution.errors)} requests failed, the first with: {solution.errors[0]}"
        parts.append(Text(failed, style="yellow"))
    if solution.text:
        parts.append(Panel(solution.text, title="solution", title_align="left", style="dim"))
    parts.append(_what_ran(solution))
    if candidates:
        parts += [_candidate_view(k, c) for k, c in enumerate(solution.candidates, start=1)]
    return Group(*parts)


def _headline(solution: Solution) -> Text:
    if solution.best_guess is not None:
        sure = f"   (its probability of being right is {_percent(solution.confidence)})"
        return Text.assemble("No confident answer; best guess: ", (solution.best_guess, "bold yellow"), sure)
    if solution.answer is None:
        return Text("No answer: no candidate ended in one", style="bold red")
    line = Text.assemble("Answer: ", (solution.answer, "bold green"))
    if solution.confidence is not None:
        meaning = "share of the vote" if solution.plan.difficulty is None else "probability of being right"
        line.append(f"   ({meaning} {_percent(solution.confidence)})", style="dim")
    return line


def _percent(share: float | None) -> str:
    """No estimate is surer than its data: what rounds to 100 % is shown as more than 99."""
    return ">99%" if SURE < (share or 0.0) < 1 else f"{share or 0.0:.0%}"


def _what_ran(solution: Solution) -> Table:
    plan, cost = solution.plan, solution.bill.total
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    arm = f"{plan.method}, N = {plan.budget}" + (f", {plan.prm}" if plan.prm else "")
    rows = {
        "ran": f"{plan.policy}, {arm}",
        "because": plan.reason,
        "policy tokens": f"{cost.policy_generated_tokens:,} generated, "
        f"{cost.policy_prompt_tokens:,} read, {cost.policy_reused_tokens:,} reused",
        "PRM tokens": f"{cost.prm_tokens:,} read, {cost.prm_reused_tokens:,} reused",
        "compute": f"{_flops(cost)} in {cost.policy_calls + cost.prm_calls:,} calls, {cost.seconds:.2f} s",
    }
    for name, value in rows.items():
        table.add_row(Text(name, style="dim"), value)
    return table


def _flops(cost: Cost) -> str:
    if math.isnan(cost.flops):
        return "FLOPs not known (name the policy's size: --policy-option params=7e9)"
    return f"{cost.flops:.3g} FLOPs"


def _candidate_view(number: int, ranked: RankedCandidate) -> RenderableType:
    candidate = ranked.candidate
    score = "not scored" if ranked.score is None else f"score {ranked.score:.3f}"
    text = Text()
    scores = candidate.step_scores or (None,) * len(candidate.steps)
    for step, step_score in zip(candidate.steps, scores, strict=True):
        mark = "     " if step_score is None else f"{step_score:.2f} "
        text.append(f"{mark} {step}\n", style=_colour(step_score))
    title = f"candidate {number}: {score}, answer {ranked.answer}, {candidate.finish}"
    return Panel(text, title=title, title_align="left")


def _colour(score: float | None) -> str:
    if score is None:
        return "default"
    return "green" if score >= 0.7 else "yellow" if score >= 0.3 else "red"


def summary_view(summary: Summary) -> Table:
    """A batch in a few lines."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("solved", f"{summary.n_answered:,} of {summary.n_problems:,}")
    if accuracy := summary.accuracy():
        share, low, high = accuracy
        interval = f"95 % interval {low:.3f}-{high:.3f}, n = {summary.n_graded:,}"
        table.add_row("accuracy", f"{share:.3f} ({interval})")
    cost = summary.cost
    table.add_row("policy tokens", f"{cost.policy_generated_tokens:,} generated")
    table.add_row("PRM tokens", f"{cost.prm_tokens:,} read")
    table.add_row("compute", _flops(cost))
    return table


def outlook_view(outlook: Outlook) -> RenderableType:
    """The difficulty, what would be run, and the runners-up with why they lost."""
    chosen = outlook.chosen
    lines = [Text.assemble("Plan: ", (chosen.name, "bold green"), f"   ({outlook.reason})")]
    difficulty = Table(
        "policy", "pass@1", "90 % interval", "bin", title="difficulty", title_justify="left", box=None
    )
    for policy, found in outlook.difficulty.items():
        interval = f"{found.low:.2f} to {found.high:.2f}"
        difficulty.add_row(policy, f"{found.pass_at_1:.2f}", interval, found.bin)
    options = Table(
        "option", "P(correct)", "FLOPs", "value", "why not", title="options", title_justify="left", box=None
    )
    for option in outlook.options[:8]:
        why = "" if option is chosen else why_not(option, outlook)
        value = f"{option.value(outlook.price):.3f}"
        options.add_row(option.name, f"{option.p_correct:.3f}", f"{option.flops:.2g}", value, why)
    probes = (
        f"probes: {outlook.n_probes}, {outlook.probe_flops:.2g} FLOPs" if outlook.n_probes else "no probes"
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
    return f"{gain:+.3f} is not worth {option.flops - chosen.flops:.2g} FLOPs more"


def fitted_view(router: LookaheadRouter, facts: Mapping[str, Any]) -> RenderableType:
    """What training learned."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("trained on", f"{facts['n_problems']:,} problems, {facts['n_states']:,} states")
    table.add_row("probes", _probes_of(router.probe))
    table.add_row("best fixed arm", router.fallback)
    table.add_row("difficulty, AUC", ", ".join(f"{k} {v:.3f}" for k, v in facts["ablation"]["auc"].items()))
    for effort, price in router.prices.items():
        point = next(p for p in facts["frontier"] if p["price"] == price)
        table.add_row(
            f"effort {effort}", f"accuracy {point['accuracy']:.3f} for {point['flops']:.3g} FLOPs a problem"
        )
    return table


def staged_view(learned: Mapping[str, Any]) -> RenderableType:
    """What a staged router learned: the ladders of its efforts."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("trained on", f"{learned['n_problems']:,} problems, {learned['n_orders']} orders of each")
    table.add_row("best fixed arm", learned["best_fixed"])
    for effort, price in learned["prices"].items():
        ladder = next(x for x in learned["ladders"] if x["price"] == price)
        expected = f"accuracy {ladder['accuracy']:.3f} for {ladder['cost']:.3g} {learned['unit']} a problem"
        table.add_row(f"effort {effort}", f"{expected}: up to {', then '.join(ladder['stages'])}")
    return table


def _probes_of(probe: Probe) -> str:
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
    table.add_row("best fixed arm", f"{best['name']}: {best['accuracy']:.3f} for {best['cost']:.3g} {unit}")
    table.add_row("router's cost at its accuracy", _of_it(ratio))
    closed = report["gap_closed"]
    table.add_row("gap to the oracle closed", f"{closed['value']:.2f} ({_interval(closed)})")
    errors = ", ".join(f"{k} {v['ece']:.3f}" for k, v in report["calibration"].items())
    table.add_row("calibration error (ECE)", errors)
    if near := report.get("near_best"):
        table.add_row(f"and at that of {near['name']}", _of_it(near["cost_ratio"]))
    for effort, point in report["router"].get("efforts", {}).items():
        table.add_row(f"effort {effort}", f"{point['accuracy']:.3f} for {point['cost']:.3g} FLOPs")
    return table


def _of_it(ratio: Mapping[str, float]) -> str:
    """Of an arm's cost; a router that never is as accurate costs infinitely more."""
    if math.isinf(ratio["value"]):
        return "never as accurate"
    return f"{ratio['value']:.2f} of it ({_interval(ratio)})"


def _interval(found: Mapping[str, float]) -> str:
    low, high = ("never" if math.isinf(found[end]) else f"{found[end]:.2f}" for end in ("low", "high"))
    return f"{low} to {high}"
