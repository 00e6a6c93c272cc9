"""What people see of a router's plan."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import pytest
from rich.console import RenderableType

from tests.ladders import ladder_router
from tts_select.commands._router_views import (
    evaluation_view,
    ladders_view,
    outlook_view,
    why_not,
)
from tts_select.commands._terminal import Terminal
from tts_select.core.arm import Arm
from tts_select.selector.deciding import Option
from tts_select.selector.difficulty import Difficulty
from tts_select.selector.outlook import Outlook

CHOSEN = Option(Arm("p", None, "majority", 4), 0.6, 100.0)
PRICE = 1 / 1000


@pytest.mark.parametrize(
    ("p_correct", "flops", "why"),
    [
        (0.9, 300.0, "waits for what the cheaper step shows"),
        (0.75, 300.0, "+0.150 is not worth 2e+02 FLOPs more"),
        (0.6, 300.0, "no likelier to be right"),
        (0.5, 300.0, "no likelier to be right"),
        (0.5, 0.0, "less likely to be right"),
    ],
)
def test_a_runner_up_says_why_it_lost(p_correct: float, flops: float, why: str) -> None:
    assert why_not(Option(None, p_correct, flops), outlook(2, price=PRICE)) == why


@pytest.mark.parametrize(("p_correct", "flops"), [(0.9, 50.0), (0.9, 300.0), (0.1, 300.0)])
def test_for_a_problem_unlike_the_training_only_the_best_fixed_arm_counts(
    p_correct: float, flops: float
) -> None:
    strange = replace(outlook(0), unfamiliar="its length is 99")
    assert why_not(Option(None, p_correct, flops), strange) == "not the best fixed arm"


def rendered(view: RenderableType, width: int = 120) -> str:
    console = Terminal(file=io.StringIO(), width=width)
    console.print(view)
    return console.file.getvalue()  # type: ignore[attr-defined]


def shown(outlook: Outlook) -> str:
    return rendered(outlook_view(outlook))


def outlook(n_probes: int, options: tuple[Option, ...] = (CHOSEN,), price: float = 1e-4) -> Outlook:
    return Outlook({"p": Difficulty(0.05, 0.01, 0.2)}, options, price, "because", None, n_probes, 50.0)


def test_an_outlook_shows_the_plan_the_difficulty_and_the_probes() -> None:
    text = shown(outlook(2))
    assert text.startswith("Plan: majority@4 p   (because)")
    assert "probes: 2, 50 FLOPs" in text
    assert "0.01 to 0.20" in text
    assert "hard" in text
    assert "no probes" in shown(outlook(0))


def test_seconds_are_shown_where_any_are_known() -> None:
    assert "seconds" not in shown(outlook(2))
    timed = replace(CHOSEN, seconds=1.25)
    text = shown(outlook(2, (timed, Option(None, 0.5, 0.0))))
    assert "seconds" in text
    assert "1.2" in next(line for line in text.splitlines() if line.strip().startswith("majority@4"))
    assert " - " in next(line for line in text.splitlines() if line.strip().startswith("stop"))


def test_an_outlook_shows_the_eight_best_options() -> None:
    options = [Option(Arm("p", None, "majority", n), 0.5, 100.0 * n) for n in range(2, 14)]
    text = shown(outlook(2, (CHOSEN, *options)))
    assert "majority@8 " in text
    assert "majority@9 " not in text


def test_a_ladder_router_shows_the_ladder_of_each_effort() -> None:
    facts = {"n_problems": 30, "n_orders": 64, "share_cut": {"small": 0.125, "large": 0.0}}
    text = rendered(ladders_view(ladder_router(unit="characters"), facts), width=200)
    assert "accuracy 0.800 for 200 characters a problem: up to small x 4, then large x 4" in text
    assert "accuracy 0.500 for 12 characters a problem: up to small x 1" in text
    assert "30 problems, 64 orders of each" in text
    assert "12.5% of small: unknown" in text
    assert "of large: unknown" not in text


def test_a_plan_says_what_its_costs_are() -> None:
    text = rendered(outlook_view(replace(outlook(2, (CHOSEN,)), unit="characters")), width=200)
    assert "characters" in text
    assert "FLOPs" not in text.partition("options")[2]


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        ((0.5, 0.25, 0.75), "0.50 of it (0.25 to 0.75)"),
        ((0.5, 0.25, math.inf), "0.50 of it (0.25 to never)"),
        ((math.inf, 0.25, math.inf), "never as accurate: at most 0.450 for 8"),
    ],
)
def test_an_evaluation_says_where_the_router_never_is_as_accurate(
    ratio: tuple[float, float, float], said: str
) -> None:
    cost_ratio = dict(zip(("value", "low", "high"), ratio, strict=True))
    gain = {"value": 0.0125, "low": 0.0, "high": 0.025}
    point = {"accuracy": 0.5, "cost": 10.0}
    report: Any = {
        "n_problems": 100,
        "n_draws": 4,
        "split": "test",
        "unit": "tokens",
        "area": {"value": 0.02, "low": -0.01, "high": 0.05},
        "text_only": {"router_minus": gain},
        "at_budgets": [
            {
                "budget": 20.0,
                "router": {"accuracy": 0.45, "cost": 8.0},
                "best_fixed": {"name": "majority@4 p", **point, "difference": gain},
                "stop_rules": [],
            }
        ],
        "savings": [
            {
                "against": "margin",
                "name": "margin p",
                **point,
                "cost_ratio": cost_ratio,
                "reached": {"accuracy": 0.45, "cost": 8.0},
                "gain": gain,
            }
        ],
        "frontier_gaps": {"worst": {"name": "cot@1 p", "value": -0.03, "low": -0.05, "high": 0.0}},
        "guards": {"gap_closed": {"holds": True}},
        "gap_closed": {"value": 0.5, "low": 0.4, "high": 0.6},
        "calibration": {},
        "router": {"efforts": {}},
        "unfamiliar_share": 0.01,
    }
    text = rendered(evaluation_view(report), width=160)
    assert said in text
    assert "0.500 for 10 tokens" in text
    assert "+1.2" in text
    assert "+2.0 points (-1.0 to +5.0) beside fixed arms" in text
    assert "+1.2 points (+0.0 to +2.5) beside the text alone" in text
    assert "-3.0 points (-5.0 to +0.0) beside cot@1 p" in text
    assert "0.50 (0.40 to 0.60)" in text
    (within,) = (line for line in text.splitlines() if "majority@4 p" in line)
    assert within.split() == [
        "20",
        "0.450",
        "0.500",
        "majority@4",
        "p",
        "+1.2",
        "points",
        "(+0.0",
        "to",
        "+2.5)",
    ]
