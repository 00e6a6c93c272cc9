"""What was measured: the routers, the problems, what every fixed arm gets on them, and the frontier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tts_select.training.evaluation.frontier import Frontier, Part
from tts_select.training.evaluation.replays import Trainings
from tts_select.training.log.records import LoggedProblem
from tts_select.training.replay.cases import Case
from tts_select.training.replay.fixed import Board, Score
from tts_select.training.replay.many import problems_of
from tts_select.training.replay.orders import Replay, ReplayInParts


@dataclass(frozen=True)
class Measured:
    """All that the report's figures are made of."""

    trainings: Trainings
    """The routers of each training; the first one is looked at more closely."""
    cases: Sequence[Case]
    replay: Replay | ReplayInParts
    """The samples of every pool in the draws in which the fixed arms were replayed."""
    board: Board
    scores: dict[str, Score]
    """Of the fixed arms, by name."""
    best: str
    """The most accurate of them, of equals the cheapest."""
    frontier: Frontier
    efforts: Mapping[str, tuple[float, Score]]
    """At each effort that all routers have, the price and what they get."""
    middle: int
    """The place of the price at which calibration and choices are looked at."""
    policy: str
    """Whose pass@1 says how difficult a problem is."""
    fold: np.ndarray
    """Of each problem, for what is learned from the measured problems themselves."""
    unit: str
    """Of costs."""
    is_imported: bool
    """Whether the log has samples alone, which others drew."""
    seed: int

    @property
    def parts(self) -> Sequence[Part]:
        """Those of the first training."""
        return self.trainings[0]

    @cached_property
    def problems(self) -> Sequence[LoggedProblem]:
        """Those of the cases."""
        return problems_of(self.cases)

    @cached_property
    def pass_at_1(self) -> np.ndarray:
        """That of the policy, of each problem."""
        return self.pass_at_1_of(self.policy)

    def pass_at_1_of(self, policy: str) -> np.ndarray:
        """That of any policy."""
        return np.array([case.pass_at_1(policy) for case in self.cases])
