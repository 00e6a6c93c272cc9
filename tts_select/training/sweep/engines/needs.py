"""What a worker has loaded, and which units can be done with that."""

from __future__ import annotations

from dataclasses import dataclass

from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.units import SampleUnit, ScoreUnit, Unit


@dataclass(frozen=True, slots=True)
class Need:
    """The models that are in memory together: a policy, a PRM, or a policy with its PRM for searches."""

    policy: str | None = None
    prm: str | None = None

    @property
    def names(self) -> list[str]:
        """The names of the models."""
        return [name for name in (self.policy, self.prm) if name is not None]

    def covers(self, other: Need) -> bool:
        """Whether a worker with these models can do what needs the others."""
        return other.policy in (None, self.policy) and other.prm in (None, self.prm)

    def __str__(self) -> str:
        return " with ".join(self.names)


def need_of(unit: Unit) -> Need:
    """The models that a unit asks."""
    if isinstance(unit, SampleUnit):
        return Need(unit.policy)
    if isinstance(unit, ScoreUnit):
        return Need(prm=unit.prm)
    return Need(unit.arm.policy, unit.arm.prm)


def needs_of(sweep: Sweep) -> list[Need]:
    """What the workers of a sweep load, if none of it is done: samples, scores and searches."""
    arms = sweep.portfolio.arms
    found = [Need(plan.arm.policy) for plan in sweep.pools.values()]
    found += [Need(prm=prm) for plan in sweep.pools.values() for prm in plan.prms]
    found += [Need(arm.policy, arm.prm) for arm in arms if not arm.is_sampling]
    return list(dict.fromkeys(found))
