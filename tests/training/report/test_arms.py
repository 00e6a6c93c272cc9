from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tts_select.training.report.arms import shown_arms


def report(ks: Iterable[int], **best: int) -> dict[str, Any]:
    named = {key: {"name": f"majority@{k} log:a"} for key, k in best.items()}
    return {"arms": [{"name": f"majority@{k} log:a"} for k in ks], **named}


def shown(found: dict[str, Any]) -> list[int]:
    return [int(arm["name"].split("@")[1].split()[0]) for arm in shown_arms(found)]


@pytest.mark.parametrize(
    ("ks", "expected"),
    [
        ([*range(1, 17), 20, 24, 32, 48, 64], [1, 2, 4, 8, 16, 20, 24, 32, 48, 64]),
        (range(1, 11), [1, 2, 4, 8, 10]),
        ([4, 8, 16, 64], [4, 8, 16, 64]),
        ([3, 5, 6], [3, 5, 6]),
    ],
)
def test_of_every_budget_the_doubling_ones_are_shown(ks: Iterable[int], expected: list[int]) -> None:
    assert shown(report(ks)) == expected


def test_the_best_arm_and_the_nearly_best_are_shown_whatever_their_budgets() -> None:
    assert shown(report(range(1, 9), best_fixed=7, near_best=5)) == [1, 2, 4, 5, 7, 8]


def test_arms_of_other_models_and_methods_are_not_between() -> None:
    names = ["majority@2 log:a", "majority@3 log:b", "majority@4 log:a", "best_of_n@3 log:a log:prm"]
    assert [arm["name"] for arm in shown_arms({"arms": [{"name": name} for name in names]})] == names


def test_a_report_without_arms_shows_none() -> None:
    assert shown_arms({"arms": None}) == []
