"""The report of an import: what became of the rows that were read, and what the log holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median_low
from typing import Any

from tts_select.core.errors import InputError
from tts_select.training.log.records import LoggedProblem, Manifest, Pool

MAX_BAD_SHARE = 0.05
_MAX_NOTES = 20


@dataclass(slots=True)
class Tally:
    """Counts of the samples that were read: what became of them."""

    strict: bool = False
    max_bad_share: float = MAX_BAD_SHARE
    """The largest share of bad rows with which a log is still accepted."""
    n_rows: int = 0
    n_bad: int = 0
    n_duplicates: int = 0
    notes: list[str] = field(default_factory=list)
    """The first bad rows, with file and line."""
    n_noted: int = 0
    """The number of bad rows that `notes` tells of."""

    @property
    def n_spare(self) -> int:
        """The number of rows that may still be bad."""
        return 0 if self.strict else max(0, int(self.max_bad_share * self.n_rows) - self.n_bad)

    def reject(self, path: Path, place: str, complaint: str) -> None:
        """Count a bad row.

        Raises:
            InputError: no bad row is to be skipped.
        """
        note = f"{path}, {place}: {complaint}"
        if self.strict:
            raise InputError(f"{note}; correct it, or import without --strict to skip it")
        self.drop(1, note)

    def drop(self, n: int, note: str) -> None:
        """Count `n` samples that are left out, and note why."""
        self.n_bad += n
        if len(self.notes) < _MAX_NOTES:
            self.notes.append(note)
            self.n_noted += n

    def check(self) -> None:
        """Raises:
        InputError: too many rows are bad, or there is none.
        """
        if not self.n_rows:
            raise InputError("there is no sample in the files")
        if self.n_bad > self.max_bad_share * self.n_rows:
            raise InputError(
                f"{self.n_bad:,} of {self.n_rows:,} rows cannot be used, more than {self.max_bad_share:.0%}; "
                f"the first is {self.notes[0]}; if the others are right, --max-bad allows for more"
            )
        if self.n_bad == self.n_rows:
            raise InputError(f"none of {self.n_rows:,} rows can be used; the first is {self.notes[0]}")


@dataclass(slots=True)
class PolicySummary:
    """A summary of the samples of one policy."""

    policy: str
    n_parameters: int | None
    sizes: list[int] = field(default_factory=list)
    """The number of samples in each of its pools."""
    shares: float = 0.0
    """The sum over pools of how many samples are correct, each from 0 to 1."""
    n_answered: int = 0
    n_units: int = 0

    def add(self, pool: Pool) -> None:
        """Count one of the policy's pools."""
        self.sizes.append(len(pool.samples))
        self.shares += sum(s.correct for s in pool.samples) / len(pool.samples)
        self.n_answered += sum(s.answer is not None for s in pool.samples)
        self.n_units += sum(s.n_tokens for s in pool.samples)

    def as_dict(self) -> dict[str, Any]:
        """pass@1 is the mean over problems, however many samples each of them has."""
        n = sum(self.sizes)
        per_problem = {"fewest": min(self.sizes), "median": median_low(self.sizes), "most": max(self.sizes)}
        return {
            "policy": self.policy,
            "n_parameters": self.n_parameters,
            "problems": len(self.sizes),
            "samples": n,
            "samples_per_problem": per_problem,
            "pass_at_1": self.shares / len(self.sizes),
            "answered": self.n_answered / n,
            "mean_length": self.n_units / n,
        }


class Report:
    """The report of an import; complete when `counted` has come to its end."""

    def __init__(self, manifest: Manifest, tally: Tally, problems: Sequence[LoggedProblem]) -> None:
        self.manifest, self.tally = manifest, tally
        self._problems = problems
        cards = manifest.models.items()
        self.policies = {s: PolicySummary(s, card.n_parameters) for s, card in cards if card.kind == "policy"}

    def counted(self, pools: Iterator[Pool]) -> Iterator[Pool]:
        """Yield the same pools, counted as they pass."""
        for pool in pools:
            self.policies[pool.policy].add(pool)
            yield pool

    def as_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        assert self.manifest.imported is not None
        return {
            "schema": self.manifest.schema,
            **asdict(self.manifest.imported),
            "grader": self.manifest.grader,
            "problems": len(self._problems),
            "problems_without_text": sum(not problem.problem for problem in self._problems),
            "problems_without_gold": sum(problem.answer is None for problem in self._problems),
            "prms": [spec for spec, card in self.manifest.models.items() if card.kind == "prm"],
            "policies": [found.as_dict() for found in self.policies.values()],
            "bad_rows": self.tally.notes,
        }
