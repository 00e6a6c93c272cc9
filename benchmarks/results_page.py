"""Writes docs/lab/results.md and its plots: `python benchmarks/results_page.py REPORT [LIVE.md]`.

REPORT is the folder that `tts-select evaluate` wrote; LIVE.md is what `benchmarks/live_vs_replay.py` printed.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from markdown import point, table
from targets import targets_of

LAB = Path(__file__).parent.parent / "docs" / "lab"
PLOTS = {"frontier.png": "results-frontier.png", "calibration.png": "results-calibration.png"}
HEAD = """# What the shipped router saves

The router in the package was trained on the sweep in the package: {n_trained} validation problems of the
embedded world, 64 samples of each policy, two runs of each search arm. Here it is measured by replay on
another sweep, of {n_problems} test problems that trained neither it nor the models: {n_draws} draws (orders
of the samples) a problem. Intervals are 95 % bootstrap intervals over problems. Costs are FLOPs a problem,
probes and PRM included. Everything on this page is written by

<!-- not run: the sweeps take an hour or two on two cores -->
```console
$ tts-select world problems -n 432 --seed 11 --split validation --out train.jsonl
$ tts-select world problems -n 504 --seed 0 --split test --out test.jsonl
$ tts-select sweep --problems train.jsonl --out sweep-train/
$ tts-select sweep --problems test.jsonl --out sweep-test/
$ tts-select train sweep-train/ --out router/
$ tts-select evaluate router/ sweep-test/ --out report/ --shift sweep-train/
$ python benchmarks/live_vs_replay.py router/ report/report.json 720 > live.md
$ python benchmarks/results_page.py report/ live.md
```

What to keep in mind: the target on the distance to the oracle was missed twice on these problems, and the
world was changed for it, by figures on validation problems ([log.md](log.md) has the worlds before); the live
run below is on fresh problems. Most of the gain is finding the specialist for a problem, and two of the
specialists are larger than any generalist. All records but those of these two are of sweeps in which a PRM
computed the end of each step twice: their PRM costs, the best fixed arm's too, are about 7 % too high. Fresh
problems, below, are somewhat harder for the router than these 504, on which it is live as accurate as it is
replayed ([log.md](log.md)).
"""
MET = {True: "met", False: "**missed**", None: "not measured"}


def main() -> None:
    folder = Path(sys.argv[1])
    report = json.loads((folder / "report.json").read_text())
    live = Path(sys.argv[2]).read_text() if len(sys.argv) > 2 else ""
    (LAB / "results.md").write_text("\n".join(page(report, live)) + "\n")
    for name, shown in PLOTS.items():
        shutil.copy(folder / "plots" / name, LAB / shown)


def page(report: dict[str, Any], live: str) -> Iterator[str]:
    yield HEAD.format(**report)
    yield "## Against the targets\n"
    yield from table(("what", "wanted", "measured", ""), targets(report))
    yield f"![accuracy against cost]({PLOTS['frontier.png']})\n"
    yield "## The frontier and what it is compared with\n"
    yield from table(("strategy", "accuracy", "FLOPs a problem"), strategies(report))
    yield "## Difficulty: what each kind of feature is worth\n"
    probes = report["difficulty"]["probes"]
    looked = f"{probes['n']} samples of {probes['policy']}, scored by {probes['prm']}"
    yield f"On training problems that the model has not seen (three folds), after {looked}: AUC of solvable"
    yield "within the portfolio or not; Brier score and ECE of pass@1 of the best fixed arm's policy.\n"
    yield from table(("features", "AUC", "Brier", "ECE"), difficulty(report))
    auc = report["solvable_auc"]
    yield f"On the test problems the AUC of the best P(correct) after the probes is {auc:.3f}.\n"
    yield f"![calibration]({PLOTS['calibration.png']})\n"
    if report["shift"]:
        yield from shift(report["shift"])
    yield "## What it chose\n"
    yield "At medium effort, by the difficulty of the problem: what ran last, the five most frequent.\n"
    yield from table(("bin", "ran last", "share"), choices(report))
    if live:
        yield "## Live against replay\n"
        yield "Fresh test problems, solved by the models instead of replayed from a log. What different arms"
        yield "happen to write alike, caches compute once; no log tells, so a replay counts it twice.\n"
        yield live
    yield "## All arms\n"
    arms = sorted(report["arms"], key=lambda arm: arm["cost"])
    yield from table(
        ("arm", "accuracy", "FLOPs a problem"), ((a["name"].replace("world:", ""), *point(a)) for a in arms)
    )


def targets(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for t in targets_of(report):
        yield t["what"], t["wanted"], t["measured"], MET[t["met"]]


def strategies(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for effort, found in report["router"]["efforts"].items():
        yield f"router, effort {effort}", *point(found)
    yield "router, medium effort, deciding once", *point(report["decide_once"])
    yield f"best fixed arm: {report['best_fixed']['name']}", *point(report["best_fixed"])
    for name, found in report["baselines"].items():
        if "same_as" in found:
            continue
        label = name.replace("_", " ") + (f": {found['name']}" if "name" in found else "")
        yield label, *point(found)
    for known, points in report["paper_bins"].items():
        best = max(points, key=lambda found: found["accuracy"])
        yield f"the paper's bins, {known} difficulty, at its best budget", *point(best)
    yield "oracle (picked on half of the draws, scored on the other)", *point(report["oracle"])


def difficulty(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    found = report["difficulty"]
    for kinds in found["auc"]:
        yield kinds, *(f"{found[name][kinds]:.3f}" for name in ("auc", "brier", "ece"))


def shift(found: dict[str, Any]) -> Iterator[str]:
    yield "## Held-out shift\n"
    yield f"Trained on {found['trained_on']}, measured on {found['tested_on']}, at high effort;"
    flagged = f"{found['unfamiliar_share']:.0%}"
    yield f"{flagged} of these problems are flagged as unfamiliar, and get the best arm of the training.\n"
    rows = [("router", *point(found["router"])), (found["best_fixed"]["name"], *point(found["best_fixed"]))]
    yield from table(("strategy", "accuracy", "FLOPs a problem"), rows)


def choices(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for bin_, shares in report["choices"].items():
        for name, share in list(shares.items())[:5]:
            yield bin_, name.replace("world:", ""), f"{share:.2f}"


if __name__ == "__main__":
    main()
