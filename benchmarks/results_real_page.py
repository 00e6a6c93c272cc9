"""Writes docs/lab/results-real.md, its plots and the table of README.md, or says whether they are so:

    python benchmarks/results_real_page.py NAME=FOLDER ...
    python benchmarks/results_real_page.py --check

NAME is one of those in `LOGS`; FOLDER is a report of `tts-select evaluate LOG --folds 5 --trainings 3`. The
figures of reports are kept in docs/lab/real/, rounded, and the page and the table are made of what is kept:
so they can be made again, and `--check` does.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kept import Place, as_text, keep
from markdown import point, table
from real_table import readme_lines
from results_sections import cheapest, part, plain, points, rules, trainings

from tts_select.training.report.arms import shown_arms

PAYS = 0.8
"""Of a fixed arm's cost."""
ROOT = Path(__file__).parent.parent
LAB = ROOT / "docs" / "lab"
README = Place(
    "<!-- real results: written by benchmarks/results_real_page.py -->", "<!-- end of real results -->"
)
KEYS = (
    "unit", "n_problems", "n_left_out", "n_draws", "n_trainings", "trainings", "arms", "rules", "router",
    "area", "frontier_gaps", "costs_against_cheapest", "best_fixed", "near_best", "oracle", "baselines",
    "paper_bins", "ladders", "calibration", "text_only",
)  # fmt: skip
"""What the page and the table are made of."""


class Log(NamedTuple):
    title: str
    about: str
    arm: str | None
    """The fixed arm that the target is about; None: reported only."""
    near: bool
    """Half a point less than its accuracy is enough."""
    share: float


LOGS = {
    "math-1": Log(
        "MATH-500, Qwen2.5-Math-1.5B alone",
        "4 to 12 distinct samples a problem. Target: within half a point of majority@8 for at most half of "
        "its characters.",
        "majority@8 log:Qwen2.5-Math-1.5B",
        True,
        0.5,
    ),
    "math-5": Log(
        "MATH-500, five checkpoints of one model",
        "Equal sizes, so a character costs the same everywhere. Target: the accuracy of the best fixed arm "
        "(ttrl, majority@4) for at most 60 % of its cost.",
        "majority@4 log:ttrl_step_150_qwen_1.5B",
        False,
        0.6,
    ),
    "aime": Log(
        "AIME 2024, Qwen3 of 0.6B to 8B",
        "128 samples a problem and policy, 30 problems. Target: the accuracy of majority@8 of the 4B policy "
        "for at most half of its FLOPs. Ending samples at a checkpoint, where the log says what the policy "
        "would have answered every 500 tokens, was tried and gained nothing: 0.41, 0.74 and 0.66 of the "
        "cost at seeds 1 to 3, against 0.40, 0.69 and 0.64 without ([log.md](log.md)).",
        "majority@8 log:Qwen3-4B",
        False,
        0.5,
    ),
    "gsm8k": Log(
        "GSM8K, GPT-4, Llama-2-13B and GPT-3 with several prompts",
        "Each model with each prompt is a policy; sizes are not given, so cost is characters, whichever "
        "model writes them.",
        None,
        False,
        1.0,
    ),
}
HEAD = """# What ladders save on other people's logs

Graded samples that others have published, imported with `tts-select import`; no model is run. A router is
trained on four fifths of the problems and measured on the last, five times, and all of that {n_trainings}
times in other folds; {n_draws} random orders of the samples of each problem, drawn without replacement. It
starts from a [prior](../prior.md) that was fitted to the other two logs: the one that ships has seen all
three.
Figures are means over the trainings, and intervals are 95 % bootstrap intervals over problems and trainings.
Costs are what the samples cost, in FLOPs where sizes and tokens are known. What each measure is:
[docs/report.md](../report.md). How a router decides: [ARCHITECTURE.md](../../ARCHITECTURE.md). The data are
not in the repository; with them the page is written by

<!-- not run: needs the logs -->
```console
$ tts-select import math500_samples.jsonl --format jsonl --out math/ \\
    --map id=unique_id,text_hash=text_sha8,chars=n_chars,run=run,family=subject --problems math500.jsonl
$ tts-select import aime24_qwen3_samples.jsonl --format jsonl --out aime/ \\
    --map id=problem_id,tokens=output_tokens \\
    --params Qwen3-0.6B=0.6e9,Qwen3-1.7B=1.7e9,Qwen3-4B=4e9,Qwen3-8B=8e9
$ tts-select import gsm8k_samples.jsonl --format jsonl --out gsm8k/ \\
    --map id=idx,chars=n_chars,prompt=prompt --problems gsm8k_test.jsonl --problem-ids row
$ tts-select import gsm8k_samples.jsonl --format jsonl --out gsm8k-merged/ \\
    --map id=idx,chars=n_chars,run=prompt,prompt= --problems gsm8k_test.jsonl --problem-ids row
$ tts-select train aime/ gsm8k-merged/ --kind prior --out not-math/
$ tts-select train math/ gsm8k-merged/ --kind prior --out not-aime/
$ tts-select train aime/ math/ --kind prior --out not-gsm8k/
$ at="--folds 5 --trainings 3"
$ tts-select evaluate math/ $at --prior not-math/ --policies Qwen2.5-Math-1.5B --out math-1/
$ tts-select evaluate math/ $at --prior not-math/ --out math-5/
$ tts-select evaluate aime/ $at --prior not-aime/ --out aime-whole/
$ tts-select evaluate gsm8k/ $at --prior not-gsm8k/ --out gsm8k-report/
$ python benchmarks/results_real_page.py math-1=math-1/ math-5=math-5/ \\
    aime=aime-whole/ gsm8k=gsm8k-report/
```

`python benchmarks/real_log.py OUT -- FILE --format jsonl --map ...` does both steps for one log.
"""


def main() -> None:
    if sys.argv[1:] == ["--check"]:
        sys.exit("\n".join(stale(LAB, ROOT / "README.md")) or 0)
    for pair in sys.argv[1:]:
        name, _, folder = pair.partition("=")
        keep(Path(folder) / "report.json", LAB / "real" / f"{name}.json", KEYS)
        shutil.copy(Path(folder) / "plots" / "frontier.png", LAB / f"results-real-{name}.png")
    reports, readme = kept(LAB), ROOT / "README.md"
    (LAB / "results-real.md").write_text(as_text(page(reports)), encoding="utf-8")
    text = README.filled(readme.read_text(encoding="utf-8"), table_of(reports))
    readme.write_text(text, encoding="utf-8")


def kept(lab: Path) -> dict[str, Any]:
    """The reports beside the page, in the order of `LOGS`."""
    files = {name: lab / "real" / f"{name}.json" for name in LOGS}
    return {name: json.loads(f.read_text(encoding="utf-8")) for name, f in files.items() if f.exists()}


def stale(lab: Path, readme: Path) -> list[str]:
    """What is not as it would be written from what is kept."""
    reports, found = kept(lab), []
    if (lab / "results-real.md").read_text(encoding="utf-8") != as_text(page(reports)):
        found.append("docs/lab/results-real.md is not what docs/lab/real/ makes")
    text = readme.read_text(encoding="utf-8")
    if text != README.filled(text, table_of(reports)):
        found.append("the table of README.md is not what docs/lab/real/ makes")
    return found


def table_of(reports: dict[str, Any]) -> list[str]:
    return readme_lines([(LOGS[name].title, LOGS[name].arm, report) for name, report in reports.items()])


def page(reports: dict[str, Any]) -> Iterator[str]:
    first = next(iter(reports.values()))
    yield HEAD.format(n_draws=first["n_draws"], n_trainings=first["n_trainings"])
    yield "## Against the targets\n"
    yield from table(
        ("log", "fixed arm", "its accuracy", "wanted: share of its cost", "measured", ""),
        (target(LOGS[name], report) for name, report in reports.items() if LOGS[name].arm),
    )
    yield "A share is the router's cost at the wanted accuracy, with its 95 % interval, on a frontier that"
    yield 'mixes two prices where that pays; "never" stands where the router is not as accurate in so many'
    yield "resamples. With 30 problems the folds matter much"
    yield "([how much](../import.md#how-many-problems-a-router-needs)).\n"
    yield "## At equal cost\n"
    yield "Points of accuracy above the frontier of the fixed arms and of each stop rule at the best of its"
    yield "thresholds, caps and policies, as means over the logarithm of cost; and beside the worst arm. The"
    yield "settings of a rule were picked on these very problems, which the router had not seen. Text only is"
    yield "a router that picks one arm by the problem's text, and never looks; also at the cost where the"
    yield "ladders are the furthest below it.\n"
    rules = [rule["against"] for rule in first["rules"]]
    columns = ("log", "fixed arms", "the worst arm", "text only", "text only, at worst", *rules)
    yield from table(columns, (gains(LOGS[name].title, r, tuple(rules)) for name, r in reports.items()))
    yield "Routing pays where samples are dear and answers disagree: it stops early, and asks a second policy"
    yield "seldom. It does not where one policy is best on nearly every problem and a single sample of it is"
    yield "nearly always right, as on GSM8K: nothing is left to choose, and looks cost what they save.\n"
    for name, report in reports.items():
        yield from section(name, LOGS[name], report)


def target(log: Log, report: dict[str, Any]) -> tuple[str, ...]:
    arm = next(a for a in report["arms"] if a["name"] == log.arm)
    ratio = arm["cost_ratio_near" if log.near else "cost_ratio"]
    is_met = ratio["value"] is not None and ratio["value"] <= log.share
    wanted = f"at most {log.share:.2f}" + (" (less half a point)" if log.near else "")
    met = "met" if is_met else "**missed**"
    return log.title, plain(arm["name"]), f"{arm['accuracy']:.3f}", wanted, part(ratio), met


def gains(title: str, report: dict[str, Any], rules: tuple[str, ...]) -> tuple[str, ...]:
    worst = report["frontier_gaps"]["worst"]
    by_rule = {rule["against"]: points(rule["area"]) for rule in report["rules"]}
    at_worst = f"{points(worst)}, {plain(worst['name'])}"
    text = report["text_only"]
    beside_text = points(text["router_minus"]), points(text["worst"]["difference"])
    return title, points(report["area"]), at_worst, *beside_text, *(by_rule.get(rule, "") for rule in rules)


def section(name: str, log: Log, report: dict[str, Any]) -> Iterator[str]:
    yield f"## {log.title}\n"
    left = f"; {report['n_left_out']} that a policy lacks are left out" if report["n_left_out"] else ""
    yield f"{log.about} {report['n_problems']} problems{left}.\n"
    yield f"![accuracy against cost](results-real-{name}.png)\n"
    unit = report["unit"]
    yield from table(("strategy", "accuracy", f"{unit} a problem"), strategies(report))
    yield from where_it_pays(report)
    yield from cheapest(report)
    yield from rules(report)
    yield from trainings(report)
    yield "The frontier of the router:\n"
    yield from table(("accuracy", f"{unit} a problem"), frontier(report))
    yield "At the lowest price, a middle one and the highest, the ladder of the first fold:\n"
    ladders = report["ladders"][0]
    for k in (0, len(ladders) // 2, -1):
        yield f"- {plain(', then '.join(ladders[k]['stages']))}"
    yield ""


def strategies(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    best = report["best_fixed"]
    yield f"best fixed arm: {plain(best['name'])}", *point(best)
    yield "oracle (picked on half of the orders, scored on the other)", *point(report["oracle"])
    for name, found in report["baselines"].items():
        if "same_as" in found:
            continue
        yield plain(name), *point(found)
    for known, found in report["paper_bins"].items():
        top = max(found, key=lambda p: p["accuracy"])
        yield f"difficulty bins, {known}, at their best budget", *point(top)
    for arm in sorted(shown_arms(report), key=lambda a: a["cost"]):
        yield plain(arm["name"]), *point(arm)


def where_it_pays(report: dict[str, Any]) -> Iterator[str]:
    """By the router's cost at the accuracy of each fixed arm."""
    ratios = {plain(a["name"]): a["cost_ratio"]["value"] for a in report["arms"]}
    pays = [name for name, ratio in ratios.items() if ratio is not None and ratio <= PAYS]
    dearer = [name for name, ratio in ratios.items() if ratio is None or ratio > 1]
    named = ", ".join(dearer) or "none"
    yield f"The router has the accuracy of {len(pays)} of the {len(ratios)} fixed arms for at most {PAYS:g}"
    yield f"of their cost. It is dearer, or never as accurate, for {len(dearer)}: {named}.\n"


def frontier(report: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    seen = set()
    for p in report["router"]["frontier"]:
        if (shown := point(p)) not in seen:
            seen.add(shown)
            yield shown


if __name__ == "__main__":
    main()
