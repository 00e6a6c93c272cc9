"""The order of a sweep: stages of units that need the same models, small budgets of all problems first.

So a sweep that ends early has something of every problem. Within a budget the units of a policy come
together, since a policy takes minutes to load, and the policy that is loaded goes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tts_select.training.sweep.units import ScoreUnit, SearchUnit, Unit


@dataclass(slots=True)
class Stage:
    """Units that differ in their problems alone."""

    name: str
    units: list[Unit] = field(default_factory=list)


def stages(units: Iterable[Unit]) -> Iterator[Stage]:
    """Yield the units in stages; scores come right after their samples."""
    by_budget: dict[int, dict[str, dict[str, Stage]]] = {}
    for unit in units:
        of_policy = by_budget.setdefault(_budget_before(unit), {}).setdefault(unit.policy, {})
        name = stage_of(unit)
        of_policy.setdefault(name, Stage(name)).units.append(unit)
    loaded = ""
    for _, of_budget in sorted(by_budget.items()):
        for policy in sorted(of_budget, key=lambda name: name != loaded):
            yield from of_budget[policy].values()
            loaded = policy


def _budget_before(unit: Unit) -> int:
    """How many samples a problem has before the unit's turn, or as many as its search has candidates."""
    if isinstance(unit, SearchUnit):
        return unit.arm.budget
    return (unit.samples if isinstance(unit, ScoreUnit) else unit).first


def stage_of(unit: Unit) -> str:
    """The name of the unit's stage."""
    if isinstance(unit, SearchUnit):
        return f"{unit.arm.name} seed={unit.seed}"
    if isinstance(unit, ScoreUnit):
        return f"scores of {stage_of(unit.samples).removeprefix('samples of ')} by {unit.prm}"
    return f"samples of {unit.pool}" + (f" from {unit.first}" if unit.first else "")
