"""What a sweep log holds, as values (docs/sweep-log.md has the format on disk)."""

from __future__ import annotations

from dataclasses import dataclass

from tts_select.core.arm import Arm, pool_name
from tts_select.core.cost import Cost

SCHEMA = "tts-select/sweep@1"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A policy or PRM as it was when the sweep ran."""

    kind: str
    """`policy` or `prm`."""
    n_parameters: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was swept; written before the first record."""

    portfolio: str
    arms: tuple[Arm, ...]
    n_samples: int
    """Of each pool that is not greedy."""
    n_runs: int
    """Of each search arm on each problem, each with a seed of its own."""
    seed: int
    models: dict[str, ModelCard]
    """By their specs."""
    grader: str
    """Fingerprint of the grading."""
    schema: str = SCHEMA


@dataclass(frozen=True, slots=True)
class LoggedProblem:
    """`level` and `family` are known of problems of the embedded world only."""

    id: str
    problem: str
    answer: str
    level: int | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One solution of a pool; a truncated one has no answer and is not correct."""

    answer: str | None
    correct: bool
    n_tokens: int
    logprob: float
    finish: str
    text: str
    scores: dict[str, tuple[float, ...]]
    """By PRM, one score a step; a PRM that could not score it is missing."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Independent samples of one policy at one temperature for one problem; greedy: one sample."""

    problem: str
    policy: str
    temperature: float
    prompt_tokens: int
    samples: tuple[Sample, ...]
    prm_tokens: dict[str, dict[int, int]]
    """By PRM: the tokens it computed to score the first k samples, for k = 1, 2, 4, ... and all of them.
    Samples share prefixes, so this is less than the sum over samples."""

    @property
    def name(self) -> str:
        """By which arms know it."""
        return pool_name(self.policy, self.temperature)


@dataclass(frozen=True, slots=True)
class Run:
    """One search of an arm on a problem."""

    problem: str
    arm: str
    """Its name."""
    seed: int
    answer: str | None
    correct: bool
    confidence: float | None
    n_tokens: int
    """Of the solution that has the answer; 0 without one."""
    logprob: float
    """Of that solution."""
    scores: tuple[float, ...]
    """Of that solution, one a step, by the arm's PRM; empty if it has not scored it."""
    cost: Cost


@dataclass(frozen=True, slots=True)
class SweepLog:
    """A whole log in memory."""

    manifest: Manifest
    problems: dict[str, LoggedProblem]
    """By id."""
    pools: dict[tuple[str, str], Pool]
    """By (problem id, the pool's name)."""
    runs: dict[tuple[str, str], tuple[Run, ...]]
    """By (problem id, arm name), in the order of their seeds."""
