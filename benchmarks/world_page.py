"""Writes docs/lab/world.md and its plots: `python benchmarks/world_page.py REPORT`.

REPORT is the folder that `tts-select world report SWEEP --out REPORT` wrote, of a sweep of test problems.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from markdown import table

from tts_select.data.world.artifacts import manifests
from tts_select.data.world.levels import LEVELS, THIRDS
from tts_select.training.world.models import SHARPNESS
from tts_select.training.world.report import POLICIES, SMALL

LAB = Path(__file__).parent.parent / "docs" / "lab"
PLOTS = ("world-levels.png", "world-methods.png")
MET = {True: "met", False: "**missed**"}
HEAD = """# What the embedded world shows

Seven Llama policies and two PRMs, trained in this repository (`tts-select world train`), measured on {n} test
problems (three families, eight levels) that no model was trained on: splits are by a hash of a problem's
arithmetic. Every figure is a mean over problems with its 95 % bootstrap interval; {n_samples} samples a
policy and problem at temperature 0.7, searches with the paper's M = 4. The tables below and the plots are
read off the sweep of [results.md](results.md):

<!-- not run: the sweep takes an hour or two on two cores -->
```console
$ tts-select world problems -n 360 --seed 1 --split test --out test.jsonl
$ tts-select sweep --problems test.jsonl --samples 32 --runs 1 --out sweep-test/
$ tts-select world report sweep-test/ --out report/
$ python benchmarks/world_page.py report/
```

A problem is a sum of products in plain English: people or prices compared with one another, a number that is
changed step by step, or things bought and counted. Its steps may be done in any order that the arithmetic
allows, and numbers of a sum may be grouped in any way, so there are many right derivations; each policy was
trained on random ones. An exact checker judges every step: it is right if it reduces the expression. Families
share their words (`cost` is in stories and in shopping), so a keyword does not tell a specialist's problems.
"""
MODELS = """The specialists go on from `medium` (machines) or `base` (stories, shopping), mostly on the
problems of one family. Policies are published with logits {sharpness:g} times as sharp as trained. The whole
training is `tts-select world train --out world/`: two to three hours on 2 cores, resumable at any point, the
same code with `--device cuda`. The sums are those of this machine and torch build: another processor adds in
another order.

The PRMs are causal LMs that say `+` or `-` at the end of each step, given that all steps before it are right;
a score is the product of these over the steps so far. They learned from samples of the policies
(`prm-narrow`: of `small` alone) that the checker judged, up to the first wrong step. No word but the two
signs has a weight in their last layer: they judge, and cannot write. `--prm-format world-likelihood` reads a
policy of the world as a judge: the probability that it had written the text itself.
"""
MISSED = """What is missed has one cause, as far as the trials tell ([log.md](log.md)): the many derivations
that let votes gain are harder to learn, and to judge, than the one that was written before. Policies of these
sizes learn slowly which numbers of a sum may be combined, so neighbours in size lie closer together and the
levels fall more steeply. The judge meets many right ways that look alike: it is hardly above the policies'
own mean log-probability, and choosing by it adds little to a vote. More training helped both, and is what is
left to try.
"""


Tables = dict[str, Any]


class Target(NamedTuple):
    """A figure, what was wanted of it, and whether it is so."""

    what: str
    wanted: str
    measured: str
    is_met: bool


def main() -> None:
    """Write the page."""
    folder = Path(sys.argv[1])
    tables = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    text = "\n".join([*page(tables), (folder / "world.md").read_text(encoding="utf-8")])
    (LAB / "world.md").write_text(text, encoding="utf-8")
    for name in PLOTS:
        shutil.copy(folder / name, LAB / name)


def page(tables: Tables) -> Iterator[str]:
    """All that stands before the tables of the report."""
    yield HEAD.format(n=tables["pass@1 by third of the levels"]["small"]["all"]["n"], n_samples=most(tables))
    yield from table(
        ("model", "parameters", "tokens", "time on 2 busy cores", "seed", "sha256 of the weights"),
        (
            (
                name,
                f"{m['n_parameters']:,}",
                f"{m['n_tokens'] / 1e6:.1f}M",
                f"{m['seconds'] / 60:.0f} min",
                str(m["seed"]),
                f"`{m['sha256'][:16]}...`",
            )
            for name, m in manifests().items()
        ),
    )
    yield MODELS.format(sharpness=SHARPNESS)
    yield "## Against the targets\n"
    found = list(targets(tables))
    yield from table(("what", "wanted", "measured", ""), ((t[0], t[1], t[2], MET[t[3]]) for t in found))
    if not all(target.is_met for target in found):
        yield MISSED
    yield from (f"![{name.removesuffix('.png').replace('-', ' ')}]({name})" for name in PLOTS)
    yield "\n## All tables\n"


def most(tables: Tables) -> int:
    """The number of samples of each policy on each problem."""
    (column,) = (c for c in next(iter(tables["Room for search"].values())) if c.startswith("majority@"))
    return int(column.removeprefix("majority@"))


def targets(tables: Tables) -> Iterator[Target]:
    """Each figure that was wanted of the world, and what it is."""
    yield from _difficulty(tables)
    yield from _votes(tables)
    yield from _prms(tables)


def _difficulty(tables: Tables) -> Iterator[Target]:
    thirds = tables["pass@1 by third of the levels"]
    easy, middle, hard = (thirds[SMALL][third] for third in THIRDS)
    is_met = easy["value"] >= 0.5 >= middle["value"] >= 0.1 >= hard["value"]
    shown = ", ".join(map(said, (easy, middle, hard)))
    yield Target("smallest policy, pass@1 by thirds of the levels", ">= 0.5, 0.1-0.5, <= 0.1", shown, is_met)
    levels = [tables["pass@1 by level"][SMALL][f"level {k}"]["value"] for k in LEVELS]
    step = max(abs(a - b) for a, b in pairwise(levels))
    yield Target(
        "every level within 0.2 of its neighbours", "<= 0.2", f"largest step {step:.3f}", step <= 0.2
    )
    means = [thirds[policy]["all"] for policy in POLICIES]
    rises = [b["value"] - a["value"] for a, b in pairwise(means)]
    is_met = min(rises) >= 0.1 and means[-1]["value"] <= 0.85
    what = f"pass@1 rises with size ({', '.join(POLICIES)})"
    yield Target(what, ">= 0.1 each; the largest <= 0.85", ", ".join(map(said, means)), is_met)
    room = tables["Room for search"][f"{SMALL}, hard"]["difference"]
    what = f"room for search: pass@{most(tables)} (strict) - majority, smallest policy, hardest third"
    yield Target(what, ">= 0.20", said(room), room["value"] >= 0.2)
    lucky = {p: row["right answers from wrong derivations"] for p, row in tables["Lucky share"].items()}
    yield Target("lucky share", "<= 0.05", listed(lucky), max(e["value"] for e in lucky.values()) <= 0.05)


def _votes(tables: Tables) -> Iterator[Target]:
    gains = {policy: row["difference"] for policy, row in tables["Votes"].items()}
    is_met = min(e["value"] for e in gains.values()) >= 0.05
    yield Target("majority@16 - cot, every generalist", ">= 0.05", listed(gains), is_met)
    texts = {policy: row["distinct texts among right samples"] for policy, row in tables["Votes"].items()}
    is_met = min(e["value"] for e in texts.values()) >= 0.5
    yield Target("distinct texts among right samples, every generalist", ">= 0.5", listed(texts), is_met)


def _prms(tables: Tables) -> Iterator[Target]:
    aucs = tables["PRM: AUC within problems"]
    is_met = min(e["value"] for e in aucs["prm"].values()) >= 0.8
    yield Target("general PRM: AUC within problems", ">= 0.80", listed(aucs["prm"]), is_met)
    selection = tables["Selection among samples"]
    (gain,) = selection[f"{SMALL}, best_of_n prm, vote, minus majority"].values()
    what = f"best_of_n {most(tables)} (vote) - majority, smallest policy"
    yield Target(what, ">= 0.10", said(gain), gain["value"] >= 0.1)
    by_n = [e for k, e in selection[f"{SMALL}, best_of_n prm, max"].items() if k != "N = 1"]
    is_met = all(b["value"] >= a["value"] - 0.01 for a, b in pairwise(by_n))
    shown = " -> ".join(map(said, by_n))
    yield Target("best_of_n with more samples (max), smallest policy", "does not fall", shown, is_met)
    beam = tables["Beam against best-of-n at equal generated tokens"]["hard"]["difference"]
    what = "beam 16 - best_of_n at equal generated tokens, hardest third, smallest policy"
    yield Target(what, ">= 0.05", said(beam), beam["value"] >= 0.05)
    head = tables["The small policy against the large one"]
    against = {name: e for name, row in head.items() for column, e in row.items() if "minus" in column}
    best = max(against, key=lambda name: against[name]["value"])
    what = "the smallest policy with its best search - the large policy's greedy answer"
    yield Target(what, ">= 0", f"{best}: {said(against[best])}", against[best]["value"] >= 0)
    narrow = aucs["prm-narrow"]
    others = [p for p in narrow if p != SMALL]
    is_met = all(narrow[p]["value"] < min(narrow[SMALL]["value"], aucs["prm"][p]["value"]) for p in others)
    yield Target(
        "the narrow PRM on the other policies", "worse than on small, and than prm", listed(narrow), is_met
    )


def said(found: dict[str, float]) -> str:
    """A mean with its interval."""
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def listed(found: dict[str, Any]) -> str:
    """Those of several policies."""
    return ", ".join(f"{name} {said(estimate)}" for name, estimate in found.items())


if __name__ == "__main__":
    main()
