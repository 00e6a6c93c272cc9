"""What a sweep log holds, as values (docs/sweep-log.md has the format on disk)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tts_select.core.arm import Arm, pool_name
from tts_select.core.cost import Cost

SCHEMA = "tts-select/sweep@1"
IMPORTED_SCHEMA = "tts-select/sweep@2"
"""Of a log that others wrote: what they do not say is None."""

Unit = Literal["tokens", "characters", "samples"]
"""What `n_tokens` counts; of what is neither known in tokens nor in characters each sample counts 1."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A policy or PRM as it was when the sweep ran."""

    kind: str
    """`policy` or `prm`."""
    n_parameters: int | None
    """None: not known, which only an imported log may have."""
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ImportFacts:
    """Of a log that was imported: what its counts are, and what became of the rows that were read."""

    format: str
    files: tuple[str, ...]
    """Their names."""
    unit: Unit
    n_rows: int
    """Samples that were read, good or not."""
    n_bad: int
    """Those that could not be used."""
    n_duplicates: int
    """Those that were there before."""
    n_pools: int
    """A pool is there if it has a sample, so this tells a log that lacks some."""


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
    """Fingerprint of the grading; `log` where an imported log says itself what is correct."""
    imported: ImportFacts | None = None
    n_samples_of: dict[str, int] = field(default_factory=dict)
    """By policy, where its pools have another number of samples."""

    @property
    def schema(self) -> str:
        """By which others know what to expect."""
        return SCHEMA if self.imported is None else IMPORTED_SCHEMA


@dataclass(frozen=True, slots=True)
class LoggedProblem:
    """In an imported log the text may be "", which is not known, and so may the answer be None."""

    id: str
    problem: str
    answer: str | None
    level: int | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One solution of a pool; in a sweep a truncated one has no answer and is not correct.

    In an imported log `logprob`, `finish` and `text` may be None, and a correct sample may have no answer.
    """

    answer: str | None
    correct: bool
    n_tokens: int
    logprob: float | None
    finish: str | None
    text: str | None
    scores: dict[str, tuple[float, ...]]
    """By PRM, one score a step; a PRM that could not score it is missing."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Independent samples of one policy at one temperature for one problem; greedy: one sample.

    Those of an imported log have as many samples as were found, and `prompt_tokens` may be None.
    """

    problem: str
    policy: str
    temperature: float
    prompt_tokens: int | None
    samples: tuple[Sample, ...]
    prm_tokens: dict[str, dict[int, int]]
    """By PRM: the tokens it computed to score the first k samples, for k = 1, 2, 4, ... and all of them.
    Samples share prefixes, so this is less than the sum over samples. Not known of an imported log."""

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
