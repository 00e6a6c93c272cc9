"""The contents of a sweep log, as values (docs/sweep-log.md has the format on disk)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tts_select.core.arm import Arm, pool_name
from tts_select.core.cost import Cost
from tts_select.core.pricing import TokenPrice

SCHEMA = "tts-select/sweep@1"
IMPORTED_SCHEMA = "tts-select/sweep@2"
"""The schema of a log that others wrote: what it does not say is None."""

Unit = Literal["tokens", "characters", "samples"]
"""The unit of `n_tokens`; a sample counts as 1 where neither tokens nor characters are known."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A policy or PRM as it was when the sweep ran."""

    kind: str
    """`policy` or `prm`."""
    n_parameters: int | None
    """None if it is not known, which only an imported log may have."""
    fingerprint: str
    price: TokenPrice | None = None
    """What its tokens cost; None if that is not known."""


@dataclass(frozen=True, slots=True)
class ImportFacts:
    """The facts of an import: the unit of its counts, and what became of the rows that were read."""

    format: str
    files: tuple[str, ...]
    """The names of the files."""
    unit: Unit
    n_rows: int
    """The number of samples that were read, good or not."""
    n_bad: int
    """The number of samples that could not be used."""
    n_duplicates: int
    """The number of samples that were there before."""
    n_pools: int
    """The number of pools. A pool is there if it has a sample, so this shows whether a log lacks some."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The plan of a sweep, written before the first record."""

    portfolio: str
    arms: tuple[Arm, ...]
    n_samples: int
    """The number of samples in each pool that is not greedy."""
    n_runs: int
    """The number of runs of each search arm on each problem, each with its own seed."""
    seed: int
    models: dict[str, ModelCard]
    """The models by their specs."""
    grader: str
    """Fingerprint of the grading; `log` where an imported log says itself what is correct."""
    imported: ImportFacts | None = None
    n_samples_of: dict[str, int] = field(default_factory=dict)
    """The number of samples by policy, where its pools have another number."""
    chunk: int | None = None
    """The number of samples that each pool is begun with; None: all of it is drawn at once."""
    unit: str | None = None
    """The unit that costs are asked for in (`replay/costs.py`); it is not written."""

    @property
    def schema(self) -> str:
        """The schema, which tells readers what to expect."""
        return SCHEMA if self.imported is None else IMPORTED_SCHEMA


@dataclass(frozen=True, slots=True)
class LoggedProblem:
    """A problem of a log. In an imported log the text may be "" and the answer None if they are not known."""

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
    """The scores by PRM, one for each step; a PRM that could not score the sample is missing."""
    certainty: float | None = None
    """`Continuation.certainty`; None: nobody asked for it, or the policy does not tell."""

    def __reduce__(self) -> tuple[type[Sample], tuple[object, ...]]:
        """Pickle by position: what dataclasses do is slower, and a log has millions of samples."""
        return Sample, tuple(getattr(self, name) for name in self.__slots__)


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
    """The tokens that each PRM computed to score the first k samples, for k = 1, 2, 4, ... and all of
    them. Samples share prefixes, so this is less than the sum over samples. It is not known for an
    imported log."""
    first: int = 0
    """The index of the first sample: a pool may be drawn in chunks."""

    @property
    def name(self) -> str:
        """The name by which arms know the pool."""
        return pool_name(self.policy, self.temperature)


@dataclass(frozen=True, slots=True)
class Scores:
    """What a PRM says of a chunk of a pool's samples."""

    problem: str
    policy: str
    temperature: float
    prm: str
    scores: tuple[tuple[float, ...] | None, ...]
    """One score for each step of each sample; None for a sample that it could not score."""
    prm_tokens: dict[int, int]
    """The tokens that it computed for the samples of the chunk up to number k of the pool, for k as in
    `Pool.prm_tokens`, and for the last of the chunk."""
    first: int = 0

    @property
    def pool(self) -> str:
        """The name of the pool."""
        return pool_name(self.policy, self.temperature)


@dataclass(frozen=True, slots=True)
class Run:
    """One search of an arm on a problem."""

    problem: str
    arm: str
    """The name of the arm."""
    seed: int
    answer: str | None
    correct: bool
    confidence: float | None
    n_tokens: int
    """The tokens of the solution that has the answer; 0 without one."""
    logprob: float
    """The log probability of that solution."""
    scores: tuple[float, ...]
    """The scores of that solution by the arm's PRM, one for each step; empty if it has not scored it."""
    cost: Cost
    """Without dollars: the prices in the manifest tell them."""


@dataclass(frozen=True, slots=True)
class SweepLog:
    """A whole log in memory. One that was read makes its pools and runs anew each time they are asked for
    (`packed.py`)."""

    manifest: Manifest
    problems: Mapping[str, LoggedProblem]
    """The problems by id."""
    pools: Mapping[tuple[str, str], Pool]
    """The pools by (problem id, name of the pool)."""
    runs: Mapping[tuple[str, str], tuple[Run, ...]]
    """The runs by (problem id, arm name), in the order of their seeds."""
