"""Writes docs/lab/results.md and its plots, or says whether the page is as it would:

    python benchmarks/results_page.py REPORT [--live LIVE.json] [--keywords KEYWORDS.json]
    python benchmarks/results_page.py --check

REPORT is the folder that `tts-select evaluate` wrote; LIVE.json is what `benchmarks/live_vs_replay.py`
printed, KEYWORDS.json what `benchmarks/keyword_rule.py` did. All are kept beside the page, rounded, in
docs/lab/report.json, live.json and keywords.json, and the page is made of what is kept: so it can be made
again, and `--check` does.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kept import as_text, keep
from markdown import point, table
from results_sections import (
    alike,
    budgets,
    calibration,
    cheapest,
    choices,
    difficulty,
    keyword_rule,
    live_beside_replay,
    rules,
    shift,
    strategies,
    trainings,
)
from targets import targets_of

LAB = Path(__file__).parent.parent / "docs" / "lab"
PLOTS = {"frontier.png": "results-frontier.png", "calibration.png": "results-calibration.png"}
HEAD = """# What the shipped router saves

The router in the package was trained on the sweep in the package: {n_trained} validation problems of the
embedded world, 32 samples of each policy, one run of each search arm. Here it is measured by replay on
another sweep, of {n_problems} test problems that trained neither it nor the models, in {n_draws} orders of
the samples of each problem{trained}. Intervals are 95 % bootstrap intervals over {over}. Costs are FLOPs a
problem, probes and PRM included. What each measure is: [docs/report.md](../report.md). Everything on this
page is written by

<!-- not run: the sweeps take an hour or two on two cores -->
```console
$ tts-select world problems -n 432 --seed 11 --split validation --out train.jsonl
$ tts-select world problems -n 360 --seed 1 --split test --out test.jsonl
$ tts-select sweep --problems train.jsonl --samples 32 --runs 1 --out sweep-train/
$ tts-select sweep --problems test.jsonl --samples 32 --runs 1 --out sweep-test/
$ for seed in 0 1 2; do tts-select train sweep-train/ --seed $seed --out router-$seed/; done
$ tts-select evaluate router-0/ router-1/ router-2/ sweep-test/ --out report/ --shift sweep-train/
$ python benchmarks/live_vs_replay.py live/ --router router-0/ --counts low=2000 medium=2000 high=600 \\
    --arms "cot@1 world:base-story" "dvts@4 world:base-story world:prm" \\
    "best_of_n@16 world:base-story world:prm" > live.json
$ python benchmarks/keyword_rule.py report/report.json sweep-test/ --otherwise "cot@1 world:base-story" \\
    --rule "Start with=cot@1 world:medium-machine" --rule "cost=cot@1 world:base-shopping" > keywords.json
$ P=world:small,world:medium,world:large,world:base
$ tts-select train sweep-train/ --policies $P --out router-generalists/
$ tts-select evaluate router-generalists/ sweep-test/ --policies $P --orders 8 --out report-generalists/
$ python benchmarks/results_page.py report/ --live live.json --keywords keywords.json \\
    --generalists report-generalists/report.json
```

On two slow cores the sweeps take some two hours, the trainings some twenty minutes each and the evaluation an
hour and a half (`--engine ray --workers 2`). The first router is the one that ships.
`python benchmarks/results_page.py --check` makes the page again from `report.json` and what lies beside it,
and compares.
"""
BESIDE = ("live", "keywords", "generalists")
"""What may stand beside the report."""
Found = dict[str, Any]
MET = {True: "met", False: "**missed**", None: "not decided"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("report", type=Path, nargs="?")
    for name in BESIDE:
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    if asked.check:
        sys.exit("\n".join(stale(LAB)) or 0)
    if asked.report is None:
        parser.error("specify a report's folder, or --check")
    keep(asked.report / "report.json", LAB / "report.json")
    for name in BESIDE:
        if given := getattr(asked, name):
            keep(given, LAB / f"{name}.json")
    for name, shown in PLOTS.items():
        shutil.copy(asked.report / "plots" / name, LAB / shown)
    (LAB / "results.md").write_text(made(LAB), encoding="utf-8")


def made(lab: Path) -> str:
    """The page, of what is kept beside it."""
    report = json.loads((lab / "report.json").read_text(encoding="utf-8"))
    beside = {name: lab / f"{name}.json" for name in BESIDE}
    kept = {name: json.loads(p.read_text(encoding="utf-8")) for name, p in beside.items() if p.exists()}
    return as_text(page(report, **kept))


def stale(lab: Path) -> list[str]:
    """What is not as it would be written from what is kept."""
    if (lab / "results.md").read_text(encoding="utf-8") == made(lab):
        return []
    return ["docs/lab/results.md is not what docs/lab/report.json and what lies beside it make"]


def page(
    report: Found, live: Found | None = None, keywords: Found | None = None, generalists: Found | None = None
) -> Iterator[str]:
    n = report["n_trainings"]
    trained = f", and trained {n} times, with other seeds" if n > 1 else ""
    over = "problems and trainings" if n > 1 else "problems"
    yield HEAD.format(**report, trained=trained, over=over)
    yield "## Against the targets\n"
    yield from table(("what", "wanted", "measured", ""), targets(report))
    yield f"![accuracy against cost]({PLOTS['frontier.png']})\n"
    if live:
        yield from live_beside_replay(live, report)
    yield "## At equal cost\n"
    yield from budgets(report)
    yield from cheapest(report)
    yield from rules(report)
    if keywords:
        yield from keyword_rule(keywords)
    yield from trainings(report)
    if generalists:
        yield from alike(generalists)
    yield "## The frontier and what it is compared with\n"
    yield from table(("strategy", "accuracy", "FLOPs a problem"), strategies(report))
    yield "## Is it as sure as it should be?\n"
    yield from calibration(report)
    yield f"![calibration]({PLOTS['calibration.png']})\n"
    yield "## Difficulty: what each kind of feature is worth\n"
    probes = report["difficulty"]["probes"]
    looked = f"{probes['n']} samples of {probes['policy']}, scored by {probes['prm']}"
    yield f"On training problems that the model has not seen (three folds), after {looked}: AUC of solvable"
    yield "within the portfolio or not; Brier score and ECE of pass@1 of the best fixed arm's policy.\n"
    yield from table(("features", "AUC", "Brier", "ECE"), difficulty(report))
    auc = report["solvable_auc"]
    yield f"On the test problems the AUC of the best P(correct) after the probes is {auc:.3f}.\n"
    if report["shift"]:
        yield from shift(report["shift"])
    yield "## What it chose\n"
    yield "At medium effort, by the difficulty of the problem: what ran last, the five most frequent.\n"
    yield from table(("bin", "ran last", "share"), choices(report))
    yield "## All arms\n"
    arms = sorted(report["arms"], key=lambda arm: arm["cost"])
    yield from table(
        ("arm", "accuracy", "FLOPs a problem"), ((a["name"].replace("world:", ""), *point(a)) for a in arms)
    )


def targets(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for t in targets_of(report):
        yield t["what"], t["wanted"], t["measured"], MET[t["met"]]


if __name__ == "__main__":
    main()
