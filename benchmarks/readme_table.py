"""The table of README.md and the sentences under it, from a report as `evaluate` writes it.

They stand between two markers; what is outside is written by hand. Which arms are shown is a rule, not a
choice: the best one, the cheapest within a point of it, and the best within the cost of each effort.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from markdown import point, table
from results_sections import part, plain, points

BEGIN = "<!-- results: written by benchmarks/results_page.py -->"
END = "<!-- end of results -->"
WIDTH = 118
EFFORTS = ("low", "medium", "high")
Report = dict[str, Any]


def between_markers(text: str, lines: Sequence[str]) -> str:
    """The text with these lines between the markers.

    Raises:
        ValueError: there is not one pair of markers.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"put the results between one '{BEGIN}' and one '{END}'")
    new = "\n".join([BEGIN, *lines, END])
    return re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: new, text, flags=re.DOTALL)


def readme_lines(report: Report) -> list[str]:
    """The lines between the markers."""
    n = report["n_trainings"]
    trained = f" and {n} trainings of the router" if n > 1 else ""
    intro = (
        f"On the embedded models, {report['n_problems']} test problems that trained neither the models nor "
        f"the router, replayed in {report['n_draws']} orders of their samples; 95 % bootstrap intervals over "
        f"problems{trained}; FLOPs with probes and PRM ([docs/lab/results.md](docs/lab/results.md) has "
        "everything, and the commands):"
    )
    shown = table(("strategy", "accuracy", "FLOPs a problem"), rows(report))
    return [*_wrapped(intro), "", *shown, *_wrapped(" ".join(said(report)))]


def rows(report: Report) -> Iterator[tuple[str, str, str]]:
    """The router, the fixed arms of the rule above, and what needs no router."""
    efforts = report["router"]["efforts"]
    for effort in EFFORTS:
        yield _row(f"router, effort {effort}", efforts[effort])
    for label, arm in _arms(report).items():
        yield _row(label, arm)
    rule = max((p for rule in report["rules"] for p in rule["points"]), key=lambda p: p["accuracy"])
    name = next(r["against"] for r in report["rules"] if rule in r["points"])
    threshold = f"{name} at {rule['threshold']:g}, up to {rule['most_samples']}, {plain(rule['policy'])}"
    yield f"best stop rule: {threshold}", f"{rule['accuracy']:.3f}", f"{rule['cost']:.2g}"
    if "rule" in report["baselines"]:
        found = report["baselines"]["rule"]
        yield _row(f"the paper's rule: {plain(found['name'])}", found)
    for known, found in report["paper_bins"].items():
        best = max(found, key=lambda p: p["accuracy"])
        yield _row(f"the paper's bins, {known} difficulty, at their best budget", best)
    yield _row("oracle: the best arm of each problem, known afterwards", report["oracle"])


def _arms(report: Report) -> dict[str, Any]:
    """By label; an arm is shown once."""
    best = report["best_fixed"]
    found = {best["name"]: f"best fixed arm: {plain(best['name'])}"}
    near = next(r for r in report["costs_against_cheapest"] if r["above_best"] == 0.0)
    arms = {arm["name"]: arm for arm in report["arms"]}
    found.setdefault(near["arm"]["name"], f"cheapest arm within a point of it: {plain(near['arm']['name'])}")
    for effort in EFFORTS:
        cost = report["router"]["efforts"][effort]["cost"]
        within = [arm for arm in report["arms"] if arm["cost"] <= cost]
        if within:
            arm = max(within, key=lambda a: (a["accuracy"], -a["cost"]))
            found.setdefault(
                arm["name"], f"best arm within the cost of effort {effort}: {plain(arm['name'])}"
            )
    return {label: arms[name] for name, label in found.items()}


def said(report: Report) -> Iterator[str]:
    """What the measures are, in sentences."""
    worst = report["frontier_gaps"]["worst"]
    yield f"At equal cost the router has {points(report['area'])} points of accuracy beside the frontier of"
    yield "the fixed arms, in the mean over the logarithm of cost, and"
    yield f"{points(worst)} beside the arm that is the worst for it ({plain(worst['name'])})."
    near = next(r for r in report["costs_against_cheapest"] if r["above_best"] == 0.0)
    if "router" in near.get("infinite", ()):
        yield f"It never is as accurate as the best fixed arm: at most {near['reached']['accuracy']:.3f}."
    else:
        yield "At the accuracy of the best fixed arm it computes"
        yield f"{part(near['cost_ratio'])} of what the cheapest arm within a point of it does."
    if report["guards"]["gap_closed"]["holds"]:
        closed = part(report["gap_closed"])
        yield f"Of the distance from the best fixed arm to the oracle it closes {closed} at equal cost."
    else:
        yield f"At equal cost it is {points(report['regret'])} points below the oracle."
    sure = report["calibration"]["confidence"]
    null = sure["ece_null"]
    yield f"Its confidence is off by {sure['ece_equal_mass']:.3f} on average (ECE; a perfect forecaster would"
    yield f"show {null['mean']:.3f}, and less than {null['high']:.3f} in 95 of 100 cases)."


def _row(label: str, found: dict[str, Any]) -> tuple[str, str, str]:
    return label, point(found)[0], f"{found['cost']:.2g}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
