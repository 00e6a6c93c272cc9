"""A rule of keywords beside a router and the text-only router, at the rule's cost.

    python benchmarks/keyword_rule.py report/report.json sweep/ \\
        --rule "Start with=cot@1 world:medium-machine" --rule "cost=cot@1 world:base-shopping" \\
        --otherwise "cot@1 world:base-story"

The report is of `tts-select evaluate` on the same log. The first rule whose words a problem has says which
arm it gets, greedy and without a probe. Prints JSON: what the rule gets, with a 95 % bootstrap interval over
problems, and what the other two get for as much, between the points of their frontiers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from tts_select.selector.portfolio import Portfolio
from tts_select.training.log.reading import read_log
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.envelope import Envelope
from tts_select.training.replay.fixed import Score, board_of


def rule_score(log_folder: Path, rules: list[tuple[str, str]], otherwise: str, seed: int) -> Score:
    """What the rule gets on every problem of the log."""
    log = read_log(log_folder)
    cases = cases_of(log)
    board = board_of(cases, Portfolio("rule", log.manifest.arms), seed)
    names = [arm.name for arm in board.arms]
    texts = [case.problem.problem for case in cases]
    picked = [next((arm for words, arm in rules if words in text), otherwise) for text in texts]
    rows, places = [names.index(name) for name in picked], np.arange(len(cases))
    return Score(board.correct.mean(axis=-1)[rows, places], board.flops.mean(axis=-1)[rows, places])


def at(points: list[dict[str, Any]], cost: float) -> float:
    """The accuracy of a frontier at a cost."""
    costs, accuracies = (np.array([point[key] for point in points]) for key in ("cost", "accuracy"))
    return Envelope.of(costs, accuracies).accuracy_at(cost)


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("report", type=Path)
    parser.add_argument("log", type=Path)
    parser.add_argument("--rule", action="append", required=True, metavar="WORDS=ARM")
    parser.add_argument("--otherwise", required=True, metavar="ARM")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    report = json.loads(asked.report.read_text(encoding="utf-8"))
    rules = [tuple(rule.split("=", 1)) for rule in asked.rule]
    found = rule_score(asked.log, rules, asked.otherwise, asked.seed)
    said = {
        "n_problems": len(found.correct),
        "words": dict(rules),
        "otherwise": asked.otherwise,
        "rule": found.as_dict(),
        "router": at(report["router"]["frontier"], found.cost),
        "text_only": at(report["text_only"]["frontier"], found.cost),
    }
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
