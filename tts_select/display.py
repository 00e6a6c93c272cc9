"""What people see of a solution, a batch and the models, as `rich` renderables."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tts_select.batch import Summary
from tts_select.core.solution import RankedCandidate, Solution

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
    if solution.text:
        parts.append(Panel(solution.text, title="solution", title_align="left", style="dim"))
    parts.append(_what_ran(solution))
    if candidates:
        parts += [_candidate_view(k, c) for k, c in enumerate(solution.candidates, start=1)]
    return Group(*parts)


def _headline(solution: Solution) -> Text:
    if solution.answer is None:
        return Text("No answer: no candidate ended in one", style="bold red")
    line = Text.assemble("Answer: ", (solution.answer, "bold green"))
    if solution.confidence is not None:
        line.append(f"   (share of the vote {solution.confidence:.0%})", style="dim")
    return line


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
        "compute": f"{cost.flops:.3g} FLOPs in {cost.policy_calls + cost.prm_calls:,} calls, "
        f"{cost.seconds:.2f} s",
    }
    for name, value in rows.items():
        table.add_row(Text(name, style="dim"), value)
    return table


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
    table.add_row("compute", f"{cost.flops:.3g} FLOPs")
    return table


def models_view(models: list[dict[str, Any]]) -> Table:
    """The models that are here."""
    table = Table("model", "kind", "parameters", "size", "fingerprint", "trained on", box=None)
    for m in models:
        size = f"{m['bytes'] / 1e6:.1f} MB"
        table.add_row(m["spec"], m["kind"], f"{m['n_parameters']:,}", size, m["fingerprint"], m["trained_on"])
    return table
