"""Sections of `real-models.md`: the smaller policy beside the larger one, and what PRMs are worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from markdown import point, table
from results_sections import numbers, part, plain, points

Report = dict[str, Any]


def small_against_large(flops: Report, seconds: Report | None, paper: Report | None) -> Iterator[str]:
    """The smaller policy's most accurate arm within the cost of the larger one's greedy solution, and at any
    cost; and, from the paper's tables, its best by difficulty."""
    for report, unit in ((flops, "FLOPs"), (seconds, "seconds")):
        if report:
            yield from table(("", "accuracy", f"{unit} a problem"), _within(report, unit))
    if not paper:
        return
    row = paper["small_against_large"]["measured"][0]
    yield "The smaller one at its compute-optimal best (a method for each difficulty), by how often a sample"
    yield "of it is right:\n"
    parts = {"all": row, **row["by_bin"]}
    rows = []
    for name, found in parts.items():
        n = found.get("problems", paper["sweep"]["problems"])
        best, greedy = point(found["optimal"]), point(found["cot"])
        rows.append((f"{name}, {n}", best[0], greedy[0], points(found["difference"])))
    head = ("problems", "the smaller one at its best", "the larger one's greedy answer", "difference, points")
    yield from table(head, rows)


def _within(report: Report, unit: str) -> Iterator[tuple[str, ...]]:
    greedy = next(arm for arm in report["arms"] if arm["name"].startswith("cot@1 large"))
    own = [arm for arm in report["arms"] if arm["name"].split()[1] == "small"]
    yield "the larger one's greedy answer", *point(greedy)
    within = [arm for arm in own if arm["cost"] <= greedy["cost"]]
    for what, some in ((f"at no more {unit}", within), ("at any cost", own)):
        if some:
            best = max(some, key=lambda arm: arm["accuracy"])
            yield f"the smaller one's best {what}: {plain(best['name'])}", *point(best)


def prms(manifest: Report, found: Sequence[Report], report: Report | None) -> Iterator[str]:
    """How well PRMs tell right solutions from wrong ones, and what routers make of them."""
    trained, layer = manifest["trained"], manifest["reads"]["n_layers"]
    policies = " and ".join(trained["policies"])
    yield f"`own` is a linear head behind layer {layer} of its base, from {trained['solutions']:,} solutions"
    yield f"of the policy `{policies}`."
    if any(one["prm"] == "judge" for one in found):
        yield "`judge` is the larger policy, asked of each step."
    yield "On problems that taught them nothing, beside what costs nothing:\n"
    head = ("scores of", "solutions of", "AUC within problems", "of likelihood", "of shortness", "of votes",
            "best of 8", "votes of 8", "the difference, points", "ECE")  # fmt: skip
    measured = found or [{"prm": "own", **one} for one in trained["test"]]
    yield from table(head, map(_judged, measured))
    if report:
        share, best = part(report["cost_ratio_at_equal_accuracy"]), plain(report["best_fixed"]["name"])
        yield "A ladder of that policy alone, in five folds over the test problems, beside all of its arms:"
        gain = points(report["area"])
        yield f"{gain} points above the fixed arms, {share} of the cost of the best one ({best})."
        yield "The arms that a PRM picks for:\n"
        arms = [arm for arm in report["arms"] if arm["name"].startswith("best_of_n")]
        rows = ((plain(arm["name"]), *point(arm)) for arm in arms)
        yield from table(("arm", "accuracy", "FLOPs a problem"), rows)


def _judged(found: Report) -> tuple[str, ...]:
    auc, accuracy = found["auc"], found["accuracy"]
    return (
        found["prm"],
        f"{found['policy']}, {found['n_problems']} problems",
        *(numbers(auc[name], "{:.3f}".format) for name in ("head", "likelihood", "shorter", "votes")),
        *(numbers(accuracy[name], "{:.3f}".format) for name in ("best_of_n", "majority")),
        points(accuracy["best_of_n - majority"]),
        f"{found['ece']:.3f}",
    )
