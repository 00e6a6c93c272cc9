"""The solutions of a log that a value head learns from, split by problem."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from tts_select.core.errors import InputError
from tts_select.executors.stepping import split_steps
from tts_select.training.log.records import Pool, Sample, SweepLog
from tts_select.training.replay.grouping import Groups

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
_SHARES = (0.7, 0.85, 1.0)
_STEP_DELIMITER = "\n\n"
LEAST_PROBLEMS = 20
"""Fewer problems cannot be split into three parts that say anything."""


@dataclass(frozen=True, slots=True)
class Solution:
    """One sample that ended, with the log's verdict on its answer."""

    problem: str
    """The id of the problem."""
    text: str
    """The problem's text."""
    policy: str
    steps: tuple[str, ...]
    correct: bool
    group: int
    """Equal answers of a problem have the same number, over all policies; negative: no answer."""
    n_tokens: int
    logprob: float | None
    split: Split
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """What the log's PRMs said of its steps, by PRM."""


def solutions_of(log: SweepLog, *, policies: Sequence[str] = (), seed: int = 0) -> list[Solution]:
    """The samples that are not greedy, of these policies or of all. Those that were cut are left out: nobody
    knows how they would have ended.

    Raises:
        InputError: the log has no texts, or too few problems, or all its solutions are right, or wrong.
    """
    known = {pool.policy for pool in log.pools.values()}
    if unknown := [name for name in policies if name not in known]:
        raise InputError(f"the log has no policy '{unknown[0]}': choose from {', '.join(sorted(known))}")
    found: list[Solution] = []
    groups: dict[str, Groups] = {}
    for (problem, _), pool in sorted(log.pools.items()):
        if pool.temperature > 0 and (not policies or pool.policy in policies):
            text = log.problems[problem].problem
            numbers = groups.setdefault(problem, Groups())
            made = (_solution(pool, sample, text, numbers, seed) for sample in pool.samples)
            found += [solution for solution in made if solution is not None]
    _check(found)
    return found


def split_of(problem: str, seed: int) -> Split:
    """The split of a problem, by a hash of its id."""
    digest = hashlib.sha256(f"{seed}:{problem}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return next(split for split, share in zip(SPLITS, _SHARES, strict=True) if place < share)


def _solution(pool: Pool, sample: Sample, text: str, groups: Groups, seed: int) -> Solution | None:
    steps = split_steps(sample.text or "", _STEP_DELIMITER)
    if sample.finish not in (None, "stop") or not steps or not text:
        return None
    return Solution(
        pool.problem,
        text,
        pool.policy,
        steps,
        sample.correct,
        groups.of_sample(sample),
        sample.n_tokens,
        sample.logprob,
        split_of(pool.problem, seed),
        sample.scores,
    )


def _check(found: Sequence[Solution]) -> None:
    if not found:
        raise InputError("the log has no texts of sampled solutions that ended: a PRM has nothing to read")
    of_split = {split: {s.problem for s in found if s.split == split} for split in SPLITS}
    n_problems = sum(map(len, of_split.values()))
    if n_problems < LEAST_PROBLEMS or not all(of_split.values()):
        raise InputError(
            f"the log has solutions of {n_problems} problems: a PRM is trained on {LEAST_PROBLEMS} or more"
        )
    for split in SPLITS:
        verdicts = {s.correct for s in found if s.split == split}
        if len(verdicts) == 1:
            which = "right" if verdicts.pop() else "wrong"
            raise InputError(
                f"all solutions of the {split} problems are {which}: there is nothing to tell apart; sweep "
                "more problems, or a policy that is right now and then"
            )
