"""What will be run, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal

Aggregation = Literal["min", "last", "mean", "prod"]
Selection = Literal["max", "vote"]

AGGREGATIONS: tuple[Aggregation, ...] = ("min", "last", "mean", "prod")
SELECTIONS: tuple[Selection, ...] = ("max", "vote")
MAX_BUDGET = 4096


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a search, with the paper's defaults (arXiv 2502.06703, section 3.1)."""

    temperature: float = 0.7
    """The temperature of the policy's sampling; 0 is greedy."""
    top_p: float = 1.0
    """Nucleus sampling; 1 keeps every token."""
    beam_width: int = 4
    """M: the children of a kept beam, and the width of a DVTS subtree."""
    max_steps: int = 40
    """A candidate with more steps than this is truncated."""
    max_new_tokens: int = 2048
    """The most tokens of one candidate; the model's context may allow fewer. Policies that think are given
    more (`protocols.solution_tokens`), unless a number is given."""
    aggregation: Aggregation = "last"
    """Makes one score of a candidate's step scores."""
    selection: Selection = "vote"
    """`max`: the best candidate's answer; `vote`: the answer with the largest sum of scores."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """An arm (policy, PRM, method, budget, settings) with the reason for choosing it."""

    policy: str
    prm: str | None
    method: str
    budget: int
    settings: Settings = field(default_factory=Settings)
    reason: str = ""
    difficulty: float | None = None

    def as_dict(self) -> dict[str, object]:
        """The `plan` object of the JSON contract."""
        return asdict(self)
