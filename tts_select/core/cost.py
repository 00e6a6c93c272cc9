"""What a search costs, in tokens, calls, FLOPs and dollars; costs add up.

Inference FLOPs are 2 x parameters x tokens computed, training FLOPs 6 x parameters x tokens
(arXiv 2502.06703, Table 4). Unlike the paper this project counts the PRM's tokens too.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields


def inference_flops(n_parameters: float | None, n_tokens: float) -> float:
    """FLOPs of a forward pass over `n_tokens`: 2 N D; NaN for a model whose size is not known."""
    return math.nan if n_parameters is None else 2.0 * n_parameters * n_tokens


def training_flops(n_parameters: float, n_tokens: float) -> float:
    """FLOPs of training on `n_tokens`: 6 N D."""
    return 6.0 * n_parameters * n_tokens


@dataclass(frozen=True, slots=True)
class Cost:
    """Prompt tokens count as computed or as reused (found in a prefix cache), never as both; `flops` is NaN
    where a model took part whose size is not known, `dollars` where its price is not, and so is every sum
    with it."""

    policy_prompt_tokens: int = 0
    policy_reused_tokens: int = 0
    policy_generated_tokens: int = 0
    prm_tokens: int = 0
    prm_reused_tokens: int = 0
    policy_calls: int = 0
    prm_calls: int = 0
    flops: float = 0.0
    seconds: float = 0.0
    dollars: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __sub__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))

    def __eq__(self, other: object) -> bool:
        """Costs are equal if they say the same, also of what is not known."""
        return self.as_dict() == other.as_dict() if isinstance(other, Cost) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.as_dict().values()))

    def as_dict(self) -> dict[str, float | None]:
        """Return the record of the cost for JSON, which has no NaN: what is not known is None."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Bill:
    """The cost of each phase; `total` is their sum."""

    phases: dict[str, Cost]
    unsure: tuple[str, ...] = ()
    """Why some of it is not known, and the most that it can have been is in here."""

    @property
    def total(self) -> Cost:
        """The sum over the phases."""
        return sum(self.phases.values(), Cost())

    def as_dict(self) -> dict[str, object]:
        """The `cost` object of the JSON contract."""
        phases = {name: cost.as_dict() for name, cost in self.phases.items()}
        found: dict[str, object] = {**self.total.as_dict(), "phases": phases}
        return {**found, "unsure": list(self.unsure)} if self.unsure else found
