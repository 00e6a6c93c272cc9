"""Writes `real-models.md` in docs from the folder of `real_models.py`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from kept import as_text, keep
from markdown import point, table
from prior_live import interval, share_of
from real_live import FIXED, PRIOR, ROUTER, RULE
from real_sections import prms, small_against_large
from results_sections import budgets, calibration, cheapest, choices, part, points, rules

DOCS = Path(__file__).parent.parent / "docs"
KEPT = DOCS / "lab" / "real"
ROUTERS = {
    "ladder": "ladder, from the prior",
    "ladder-alone": "ladder, from nothing",
    "look-ahead": "look-ahead",
}
OPTIONS = (
    "small_params", "large_params", "prompt", "base", "n_train", "n_test", "n_live", "n_judge",
    "live_samples", "seed", "chunk",
)  # fmt: skip
PLOTS = {"flops": "frontier", "dollars": "seconds"}
HEAD = """# Real models on a public benchmark

Two policies behind servers (`{small}` and `{large}`), GSM8K: {trained}, {n_live} others of it to solve live,
drawn with seed {seed}; of each problem a greedy solution by each, and {samples[0]} and {samples[1]} samples
at temperature 0.7 {how}. Intervals are 95 % bootstrap intervals over problems. FLOPs are 2 x parameters x
tokens computed{rates}. What each measure is: [report.md](report.md). Everything on this page is written by

<!-- not run: it needs two servers and hours -->
```console
$ python benchmarks/real_models.py --small {small} --small-url URL --large {large} --large-url URL \\
    --train gsm8k_train.jsonl --test gsm8k_test.jsonl --out real/ \\
    {options}
```
"""
RATES = """; seconds are those
of a server at a full load ({small:.0f} and {large:.0f} for a million tokens of the two policies)"""
TRAINED = """{n_train} problems of its training split
to train on, {n_test} of its test split to measure on"""
IN_FOLDS = """{n_test} problems of its test split, in
five folds: routers are measured on each fold, trained on the others"""


def write_page(out: Path, asked: Mapping[str, Any]) -> None:
    """Write the page and copy its plots."""
    reports = {folder.name: _read(folder / "report.json") for folder in sorted((out / "reports").iterdir())}
    for unit, plot in PLOTS.items():
        if f"ladder-{unit}" in reports:
            drawn = out / "reports" / f"ladder-{unit}" / "plots" / "frontier.png"
            shutil.copy(drawn, DOCS / f"real-models-{plot}.png")
    live = _read_if_there(out / "live.json")
    if live is not None:
        keep(out / "live.json", KEPT / "models-live.json")
    keep(out / "reports" / "ladder-flops" / "report.json", KEPT / "models.json")
    lines = chain(_head(out, asked), _sections(out, reports, live))
    (DOCS / "real-models.md").write_text(as_text(lines), encoding="utf-8")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _read_if_there(path: Path) -> Any:
    return _read(path) if path.exists() else None


def _head(out: Path, asked: Mapping[str, Any]) -> Iterator[str]:
    rates, prompt = out / "rates.json", asked["prompt"]
    yield HEAD.format(
        **asked,
        trained=(TRAINED if asked["n_train"] else IN_FOLDS).format(**asked),
        how=f"each, asked as [{prompt.name}](../benchmarks/{prompt.name}) says" if prompt else "each",
        rates=RATES.format(**_read(rates)) if rates.exists() else "",
        options=" ".join(_options(asked)),
    )


def _options(asked: Mapping[str, Any]) -> Iterator[str]:
    """What else was asked for, as it is written in a shell."""
    for name in OPTIONS:
        if asked[name] is not None:
            value = "FOLDER" if name == "base" else asked[name]
            yield f"--{name.replace('_', '-')} {value}"
    yield f"--samples {asked['samples'][0]} {asked['samples'][1]}"
    if asked["in_turn"]:
        yield "--in-turn"


def _sections(out: Path, reports: dict[str, Any], live: Any) -> Iterator[str]:
    main = reports["ladder-flops"]
    yield "## Every router\n"
    yield "The best fixed arm is the most accurate one on these problems, known afterwards. Shares are costs"
    yield "at its accuracy, probes included; gains are at equal cost, as means over the logarithm of cost.\n"
    head = ("router", "share of the best arm's FLOPs", "of its seconds", "gain, points", "worst arm, points")
    yield from table(head, (_router_row(name, reports) for name in ROUTERS if f"{name}-flops" in reports))
    for unit, plot in PLOTS.items():
        if f"ladder-{unit}" in reports:
            yield f"![accuracy against {unit}](real-models-{plot}.png)\n"
    yield from table(("strategy", "accuracy", "FLOPs a problem"), _strategies(main))
    yield "## The smaller model with its best method against the larger one's greedy answer\n"
    yield from small_against_large(main, reports.get("ladder-dollars"), _read_if_there(out / "paper.json"))
    yield "## Ladders, from the prior\n"
    for section in (budgets, cheapest, rules, calibration):
        yield from section(main)
    yield "What ran last, by difficulty, at the middle price:\n"
    yield from table(("problems", "what", "share"), choices(main))
    yield "## The prior, before anything is swept\n"
    yield from _prior(reports)
    if any(name.startswith("curve-") for name in reports):
        yield "## How many problems to train on\n"
        yield from _curve(reports)
    if manifest := _read_if_there(out / "own" / "manifest.json"):
        yield "## A PRM of one's own\n"
        found = [one for name in ("own", "judge") for one in _read_if_there(out / f"{name}.json") or ()]
        yield from prms(manifest, found, reports.get("with-prm"))
    if live is not None:
        yield "## Live\n"
        yield from _live(live, reports)


def _router_row(name: str, reports: dict[str, Any]) -> tuple[str, ...]:
    flops, seconds = reports[f"{name}-flops"], reports.get(f"{name}-dollars")
    worst = flops["frontier_gaps"]["worst"]
    return (
        ROUTERS[name],
        part(flops["cost_ratio_at_equal_accuracy"]),
        part(seconds["cost_ratio_at_equal_accuracy"]) if seconds else "not measured",
        points(flops["area"]),
        f"{points(worst)}, {worst['name']}",
    )


def _strategies(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for effort, found in report["router"]["efforts"].items():
        yield f"router, effort {effort}", *point(found)
    yield f"best fixed arm: {report['best_fixed']['name']}", *point(report["best_fixed"])
    yield f"cheapest within half a point: {report['near_best']['name']}", *point(report["near_best"])
    for name, found in report["baselines"].items():
        if "same_as" not in found:
            yield name, *point(found)
    yield "oracle (picked on half of the draws, scored on the other)", *point(report["oracle"])
    for arm in sorted(report["arms"], key=lambda arm: arm["cost"]):
        yield arm["name"], *point(arm)


def _prior(reports: dict[str, Any]) -> Iterator[str]:
    rows = []
    measured = [name for name in ("small", "large") if f"prior-{name}" in reports]
    for policy in measured:
        for against in reports[f"prior-{policy}"]["savings"]:
            gets = point(against)
            share, gain = part(against["cost_ratio"]), points(against["gain"])
            rows.append((policy, f"{against['against']}, {against['name']}", *gets, share, gain))
    head = (
        "policy",
        "against",
        "its accuracy",
        "its FLOPs",
        "the prior's share of them",
        "points at its cost",
    )
    yield from table(head, rows)
    for policy in measured:
        report = reports[f"prior-{policy}"]
        efforts = report["router"]["efforts"].items()
        rows = [(f"{policy}, effort {effort}", *point(found)) for effort, found in efforts]
        yield from table(("policy", "accuracy", "FLOPs a problem"), rows)
        yield from calibration(report)


def _curve(reports: dict[str, Any]) -> Iterator[str]:
    sizes = sorted(int(name.split("-")[1]) for name in reports if name.startswith("curve-"))
    rows = []
    for n in sizes:
        report = reports[f"curve-{n}"]
        share = part(report["cost_ratio_at_equal_accuracy"])
        rows.append((str(n), points(report["area"]), share))
    head = ("problems", "points above fixed arms", "share of the best arm's FLOPs")
    yield from table(head, rows)


def _live(live: dict[str, Any], reports: dict[str, Any]) -> Iterator[str]:
    fixed, best = live["fixed"], reports[f"{live['router']}-flops"]["best_fixed"]["accuracy"]
    how = f"as accurate as {fixed}" if live["replayed"]["accuracy"] >= best else "most accurate"
    yield f"The router `{live['router']}`, trained on {live['swept']} samples of the larger policy for each"
    yield f"problem, at the price at which it was {how} on the test problems;"
    yield f"the best fixed arm there, {fixed}; and the margin rule and the prior, at"
    yield "medium effort, on the larger policy. These problems were never swept.\n"
    rows = []
    for name, run in live["runs"].items():
        some = run["problems"]
        right = np.array([float(one["is_right"]) for one in some])
        flops = np.array([one["flops"] for one in some])
        tokens = sum(sum(one["tokens"].values()) for one in some)
        counted = sum(run["server_tokens"].values())
        accuracy = interval(right, "{:.3f}")
        rows.append((name, accuracy, f"{flops.mean():.3g}", f"{tokens:,}", f"{counted / tokens:.4f}",
                     f"{run['seconds']:.0f}"))  # fmt: skip
    head = ("", "accuracy", "FLOPs a problem", "tokens", "server's tokens over the bill's", "seconds in all")
    yield from table(head, rows)
    for name, other in ((ROUTER, FIXED), (ROUTER, RULE), (PRIOR, RULE)):
        yield _beside(name, other, live["runs"])
    accuracy, cost = point(live["replayed"])
    yield f"The same router and price in the replay of the test problems: {accuracy} for {cost}."
    if "live-prior" in reports:
        accuracy, cost = point(reports["live-prior"]["router"]["efforts"]["medium"])
        yield f"The prior with as few samples there: {accuracy} for {cost}."
    yield "A replay reads a problem's prompt once; a server reads it for each request, if no cache has it.\n"


def _beside(name: str, other: str, runs: Mapping[str, Any]) -> str:
    """A run's tokens and accuracy beside those of another, on the same problems."""
    router, rule = ({one["id"]: one for one in runs[each]["problems"]} for each in (name, other))
    ids = sorted(router)
    tokens = [np.array([sum(run[i]["tokens"].values()) for i in ids]) for run in (router, rule)]
    gains = np.array([100.0 * (router[i]["is_right"] - rule[i]["is_right"]) for i in ids])
    flops = [np.array([run[i]["flops"] for i in ids]) for run in (router, rule)]
    share, computed, gain = share_of(*tokens), share_of(*flops), interval(gains, "{:+.1f}")
    costs = f"{share} of its tokens, {computed} of its FLOPs"
    return f"The {name} beside the {other}: {costs}, {gain} points of accuracy.\n"
