"""Writes docs/lab/results-prior.md from the figures of prior_left_out.py and prior_prm_left_out.py.

python benchmarks/results_prior_page.py prior.json prm.json > docs/lab/results-prior.md
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

from markdown import table

INTRODUCTION = """\
# What the prior saves on models and problems that it has not seen

Samples that others have published, replayed; no model is run. In the first table the prior was fitted to the
other logs, so it knows neither the model nor the problems; in the second to all but the one policy, so it
knows the problems by other models' samples. The budget is 16 samples, or as many as the log has. 24 random
orders of the samples of each problem; 95 % bootstrap intervals over problems. Costs are shares of what
majority voting at the whole budget costs, in tokens (AIME) or characters. The data are not in the
repository; with them ([how they are imported](results-real.md); GSM8K's prompts are merged, `--map
run=prompt,prompt=`) the page is written by

<!-- not run: needs the logs -->
```console
$ python benchmarks/prior_left_out.py aime24/ math500/ gsm8k/ --out prior.json
$ python benchmarks/prior_prm_left_out.py tts_select/data/world/sweep --process steps.jsonl --out prm.json
$ python benchmarks/results_prior_page.py prior.json prm.json > docs/lab/results-prior.md
```

The ratio is the prior's cost at the accuracy of the margin rule over the rule's cost, the gap its accuracy
minus that of the margin rule at the rule's cost, in points. At each effort: points of accuracy above majority
voting at the whole budget, at which share of its cost, and the calibration error (ECE) of the confidence.
"""
WITH_PRM = """\
## With the scores of a PRM, another policy and another PRM

The embedded sweep, whose policies and PRMs are tiny models of one made-up kind of problem. The PRM term was
fitted to the pairs with neither the policy nor the PRM, on the other half of the problems; the votes are the
shipped prior's, which knows none of it. Each PRM is taken as it is, with half or all of its scores mixed up
within each problem, and with a fifth of its scores. Whole is the weighted vote of all 16 samples. The gap is
the accuracy above weighted votes of a fixed number (the mean over 2, 4, 8 and 16) at their cost, in points;
costs are FLOPs of policy and PRM. At each effort: points above the prior by votes alone at the same effort;
points above the whole vote, at which share of its cost; the ECE of the confidence by votes, and with scores.
4 orders of the samples of each problem.
"""
TITLES = {"log": "Another data set, other models", "model": "Another model, known problems"}


def page(report: Mapping[str, Any]) -> Iterator[str]:
    """Lines."""
    yield INTRODUCTION
    for left_out, found in report.items():
        yield f"## {TITLES[left_out]}\n"
        yield from table(
            ["log", "policy", "n", "majority", "margin rule", "ratio", "gap", "low", "medium", "high"],
            [_row(cell) for cell in found["cells"]],
        )
        yield f"Geometric mean of the ratios: {_interval(found['mean_ratio'])}.\n"


def prm_section(report: Mapping[str, Any]) -> Iterator[str]:
    """Lines."""
    yield WITH_PRM
    yield from table(
        ["policy", "PRM", "scores", "n", "by votes", "whole", "gap", "low", "medium", "high"],
        [_prm_row(pair) for pair in report["pairs"]],
    )
    if "single" in report:
        yield _single(report["single"])


def _prm_row(pair: Mapping[str, Any]) -> list[str]:
    return [
        pair["policy"],
        pair["prm"],
        pair["version"],
        str(pair["n_problems"]),
        f"{pair['votes']['medium']:.3f}",
        f"{pair['whole']:.3f}",
        _interval(pair["gap"], 100),
        *(_prm_effort(pair["efforts"][name]) for name in ("low", "medium", "high")),
    ]


def _prm_effort(found: Mapping[str, Any]) -> str:
    votes, whole = _interval(found["above_votes"], 100), _interval(found["above_whole"], 100)
    eces = f"ECE {found['ece_votes']:.3f}, {found['ece_scores']:.3f}"
    return f"{votes}; {whole} at {found['cost']:.2f}; {eces}"


def _single(found: Mapping[str, Any]) -> str:
    said = found["said"]
    text = f"""
    Of {found["n"]} single solutions of MATH-500 by a model of 31B parameters that a real PRM has scored,
    {found["right"]:.3f} are right, and their last steps have a score of {found["last_score"]:.2f} on average.
    The prior says {said["votes"]["mean"]["value"]:.2f} of them by votes, and with the scores
    {said["scores"]["mean"]["value"]:.2f} (ECE {said["votes"]["ece"]:.3f} and {said["scores"]["ece"]:.3f}):
    one solution is compared with nothing. A logistic curve of the raw score, fitted to single samples of the
    sweep, says {_interval(said["raw"]["mean"])} (ECE {said["raw"]["ece"]:.3f}). So raw scores have no part in
    the confidence. With one wrong solution among them these data do not show how well a real PRM tells right
    from wrong.
    """
    return fill(" ".join(text.split()), 110) + "\n"


def _row(cell: Mapping[str, Any]) -> list[str]:
    margin = cell["margin"]
    return [
        cell["log"],
        cell["policy"],
        f"{cell['n_problems']:,}",
        f"{cell['majority']:.3f}@{cell['budget']}",
        f"{margin['accuracy']:.3f} at {margin['cost']:.2f}",
        _interval(cell["ratio"]),
        _interval(cell["gap"], 100),
        *(_effort(cell["efforts"][name]) for name in ("low", "medium", "high")),
    ]


def _effort(found: Mapping[str, Any]) -> str:
    return f"{_interval(found['accuracy'], 100)} at {found['cost']:.2f}, ECE {found['ece']:.3f}"


def _interval(found: Mapping[str, float], scale: float = 1.0) -> str:
    value, low, high = (_figure(found[key] * scale) for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _figure(value: float) -> str:
    return "never" if math.isinf(value) else f"{value:.2f}"


def main() -> None:
    """Print the page."""
    prior, prm = (json.loads(Path(name).read_text()) for name in sys.argv[1:])
    print("\n".join([*page(prior), *prm_section(prm)]).rstrip())


if __name__ == "__main__":
    main()
