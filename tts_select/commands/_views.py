"""Views of a solution and of a batch, as `rich` renderables for `_terminal.show`."""

from __future__ import annotations

import math
from typing import TypeGuard

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tts_select.commands._terminal import dollars, figure, text
from tts_select.core.cost import Cost
from tts_select.core.solution import RankedCandidate, Solution
from tts_select.solving.batch import Summary

SURE = 0.995

_CONFIDENCE = {
    "calibrated": "probability of being right",
    "prior": "probability of being right, by what was learned from other models",
    "prior+prm": "probability of being right, by what was learned from other models and PRMs",
    "vote share": "share of the vote",
}

_FINISHED = {
    "complete": "",
    "deadline": "the deadline was met: this is the best answer so far",
    "cap": "a cap was met: this is the best answer so far",
}


def solution_view(solution: Solution, *, candidates: bool) -> RenderableType:
    """Render the answer first, then what ran and what it cost."""
    parts: list[RenderableType] = [_headline(solution)]
    if note := _FINISHED[solution.finished]:
        parts.append(Text(note, style="yellow"))
    if solution.errors:
        failed = f"{len(solution.errors)} requests failed, the first with: {solution.errors[0]}"
        parts.append(text(failed, "yellow"))
    if solution.text:
        parts.append(Panel(solution.text, title="solution", title_align="left", style="dim"))
    parts.append(_what_ran(solution))
    if candidates:
        parts += [_candidate_view(k, c) for k, c in enumerate(solution.candidates, start=1)]
    return Group(*parts)


def _headline(solution: Solution) -> Text:
    meaning = _CONFIDENCE.get(solution.confidence_kind, solution.confidence_kind)
    if solution.best_guess is not None:
        sure = f"   (its {meaning} is {_percent(solution.confidence or 0.0)})"
        return Text.assemble(
            "No confident answer; best guess: ", text(solution.best_guess, "bold yellow"), sure
        )
    if solution.answer is None:
        return Text("No answer: no candidate ended in one", style="bold red")
    line = Text.assemble("Answer: ", text(solution.answer, "bold green"))
    if solution.confidence is not None:
        line.append(f"   ({meaning} {_percent(solution.confidence)})", style="dim")
    return line


def _percent(share: float | None) -> str:
    """Format a share. No estimate is surer than its data: what rounds to 100 % is shown as more than 99."""
    return ">99%" if SURE < (share or 0.0) < 1 else figure(share, ".0%")


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
    if solution.max_samples:
        n = len(solution.candidates)
        saved = figure(1 - n / solution.max_samples, ".0%")
        rows["saved"] = f"{n} samples of {solution.max_samples}: {saved} less than a vote of all of them"
    if not math.isnan(cost.dollars):
        rows["price"] = dollars(cost.dollars)
    if solution.n_cut:
        rows["cut"] = f"{solution.n_cut:,} solutions ran out of tokens: unknown, so they have no vote"
    for name, value in rows.items():
        table.add_row(Text(name, style="dim"), value)
    return table


def _flops(cost: Cost) -> str:
    if math.isnan(cost.flops):
        return "FLOPs unknown (specify the policy's size: --policy-option params=7e9)"
    return f"{cost.flops:.3g} FLOPs"


def _candidate_view(number: int, ranked: RankedCandidate) -> RenderableType:
    candidate = ranked.candidate
    score = f"score {ranked.score:.3f}" if _is_known(ranked.score) else "not scored"
    steps = Text()
    scores = candidate.step_scores or (None,) * len(candidate.steps)
    for step, step_score in zip(candidate.steps, scores, strict=True):
        mark = f"{step_score:.2f} " if _is_known(step_score) else "     "
        steps.append(text(f"{mark} {step}\n", _colour(step_score)))
    title = f"candidate {number}: {score}, answer {ranked.answer}, {candidate.finish}"
    return Panel(steps, title=text(title), title_align="left")


def _is_known(score: float | None) -> TypeGuard[float]:
    return score is not None and math.isfinite(score)


def _colour(score: float | None) -> str:
    if not _is_known(score):
        return "default"
    return "green" if score >= 0.7 else "yellow" if score >= 0.3 else "red"


def summary_view(summary: Summary) -> Table:
    """Render a batch in a few lines."""
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
    if not math.isnan(cost.dollars):
        table.add_row("price", dollars(cost.dollars))
    return table
