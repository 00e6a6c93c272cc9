"""An arm: one way to spend compute on a problem, which a router may pick."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property

from tts_select.core.methods import METHODS
from tts_select.core.plan import Plan, Settings
from tts_select.core.voting import Weight

POOL_SETTINGS = ("top_p", "max_steps", "max_new_tokens")
"""The settings, beside the temperature, that a pool of samples depends on: all arms of a pool share them."""


@dataclass(frozen=True)  # no slots: its names are asked for millions of times, and kept
class Arm:
    """A pair (policy, PRM or none), a method, a budget N and the settings of its search."""

    policy: str
    prm: str | None
    method: str
    budget: int
    settings: Settings = field(default_factory=Settings)

    @cached_property
    def name(self) -> str:
        """The arm's name, unique in a portfolio: `best_of_n@16 world:small world:prm`, then what is not the
        default."""
        defaults = Settings()
        differs = [
            f"{f.name}={getattr(self.settings, f.name)}"
            for f in fields(Settings)
            if f.name != "seed" and getattr(self.settings, f.name) != getattr(defaults, f.name)
        ]
        models = [self.policy, *([self.prm] if self.prm else [])]
        return " ".join([f"{self.method}@{self.budget}", *models, *differs])

    @property
    def temperature(self) -> float:
        """The temperature of its policy's sampling; a greedy method's is 0."""
        return 0.0 if METHODS[self.method].is_greedy else self.settings.temperature

    @cached_property
    def pool(self) -> str:
        """The name of the pool of samples that it takes its own from, if it is a sampling arm."""
        return pool_name(self.policy, self.temperature)

    @property
    def is_sampling(self) -> bool:
        """Whether a pool of independent samples of its policy holds what it would have done."""
        return METHODS[self.method].is_sampling

    def plan(self, reason: str, *, seed: int = 0, difficulty: float | None = None) -> Plan:
        """Return the plan that runs this arm."""
        settings = replace(self.settings, seed=seed)
        return Plan(self.policy, self.prm, self.method, self.budget, settings, reason, difficulty)

    def as_dict(self) -> dict[str, object]:
        """Return the record of the arm for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, object]) -> Arm:
        """The inverse of `as_dict`.

        Raises:
            TypeError, KeyError: it is not the record of an arm.
        """
        settings = Settings(**record["settings"])  # type: ignore[arg-type]
        return cls(record["policy"], record["prm"], record["method"], record["budget"], settings)  # type: ignore[arg-type]


def weights_in(arm: Arm, arms: Iterable[Arm]) -> set[Weight]:
    """What votes are weighed by in these arms that share the pool of a sampling arm: its samples are to have
    it. So is a greedy solution that their policy writes beside their samples."""
    sharing = (
        METHODS[other.method].votes_by
        for other in arms
        if other.is_sampling
        and (other.pool == arm.pool or (arm.temperature == 0 and other.policy == arm.policy))
    )
    return {by for by in sharing if by is not None}


def pool_name(policy: str, temperature: float) -> str:
    """`world:small`, and the temperature if it is not the default: `world:small temperature=0`."""
    usual = temperature == Settings().temperature
    return policy if usual else f"{policy} temperature={temperature:g}"
