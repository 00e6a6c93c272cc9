"""Writes docs/lab/results-prior.md from the figures of prior_left_out.py.

python benchmarks/results_prior_page.py report.json > docs/lab/results-prior.md
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
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
$ python benchmarks/results_prior_page.py prior.json > docs/lab/results-prior.md
```

The ratio is the prior's cost at the accuracy of the margin rule over the rule's cost, the gap its accuracy
minus that of the margin rule at the rule's cost, in points. At each effort: points of accuracy above majority
voting at the whole budget, at which share of its cost, and the calibration error (ECE) of the confidence.
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
    print("\n".join(page(json.loads(Path(sys.argv[1]).read_text()))).rstrip())


if __name__ == "__main__":
    main()
