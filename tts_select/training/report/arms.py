"""Which of the fixed arms people are shown; `report.json` has all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

MAJORITY = re.compile(r"majority@(?P<n>[1-9][0-9]*) (?P<models>.*)", re.DOTALL)
"""The name of an arm that is a majority."""


def shown_arms(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Where there are majorities of every budget, those of 1, 2, 4, ... stand for the ones between them; the
    best arm and the cheapest that is as good are always shown."""
    arms = report.get("arms") or []
    names = {arm.get("name") for arm in arms}
    kept = {(report.get(key) or {}).get("name") for key in ("best_fixed", "near_best")}
    return [arm for arm in arms if arm.get("name") in kept or not _is_between(str(arm.get("name")), names)]


def _is_between(name: str, names: Iterable[object]) -> bool:
    """Whether it is a majority between those of one sample more and one less."""
    if (found := MAJORITY.fullmatch(name)) is None:
        return False
    n, models = int(found["n"]), found["models"]
    is_power_of_two = n & (n - 1) == 0
    return not is_power_of_two and {f"majority@{k} {models}" for k in (n - 1, n + 1)} <= set(names)
