"""What the samples of a problem show about each other, as numbers that mean the same for every model.

How many agree, how many answers compete, and how long a sample is beside the others of its problem: none of
it depends on what the model is called, how large it is or what its usual solution is like. Arrays have one
row for each problem (or replayed order) and one column for each sample, so that many are looked at at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.evidence import NO_ANSWER, SolutionEvidence
from tts_select.selector.exchange import CHARACTERS_A_TOKEN

FEATURES = (
    "samples",
    "first_share",
    "second_share",
    "third_share",
    "margin",
    "distinct",
    "single",
    "unanswered",
    "cut",
    "first_length",
    "first_shortest",
    "second_length",
    "spread",
)
"""The names of the features: the number of samples; the shares of the first three answers and the margin of
the first; distinct answers, answers with one vote, samples without an answer and cut ones, all over the
number of samples; the mean and the least log length of the first answer's samples and the mean of the
second's, from the mean of all; the standard deviation of the log lengths."""
LONG = 3000.0
"""Mean tokens of a sample from which on its model is taken to think at length. Then of two answers with
equally many votes the one with shorter samples is the likelier one (Hassid et al. 2025, arXiv 2505.17813);
below it the first one wins, as in every vote."""
_PAIRS = 1 << 22
"""Of so many pairs of samples it is looked at a time whether they agree."""
_TIE = 0.4
"""Less than half a vote: lengths settle ties, and nothing else."""


def tokens_a_length(unit: str) -> float:
    """About how many tokens one of the lengths is where costs are in this unit; 0 where a log counts samples
    alone."""
    if "samples" in unit:
        return 0.0
    return 1 / CHARACTERS_A_TOKEN if "characters" in unit else 1.0


@dataclass(frozen=True, slots=True)
class Agreement:
    """What some samples show; `first` is the answer that leads."""

    first: np.ndarray
    """Its group, shape (rows,); `NO_ANSWER` if no sample answers."""
    features: np.ndarray
    """Shape (rows, len(FEATURES))."""


def agreement(
    group: np.ndarray, length: np.ndarray, is_cut: np.ndarray, *, tokens_a_length: float = 1.0
) -> Agreement:
    """Look at samples, shape (rows, samples) each, at least one; a negative group stands for no answer.

    `length` is in tokens, or in something of which one is `tokens_a_length` tokens.
    """
    n_rows, n = group.shape
    at_once = max(1, _PAIRS // n**2)
    found = [
        _agreement(group[rows], length[rows], is_cut[rows], tokens_a_length)
        for rows in (slice(at, at + at_once) for at in range(0, max(n_rows, 1), at_once))
    ]
    if len(found) == 1:
        return found[0]
    return Agreement(np.concatenate([a.first for a in found]), np.concatenate([a.features for a in found]))


def _agreement(
    group: np.ndarray, length: np.ndarray, is_cut: np.ndarray, tokens_a_length: float
) -> Agreement:
    n = group.shape[1]
    same = (group[:, :, None] == group[:, None, :]) & (group >= 0)[:, :, None]
    votes = np.where(is_first(group), same.sum(axis=2), 0)
    log = np.log(np.maximum(length, 1.0))
    beside = log - log.mean(axis=1, keepdims=True)
    mean = np.where(same, beside[:, None, :], 0.0).sum(axis=2) / np.maximum(same.sum(axis=2), 1)
    least = np.where(same, beside[:, None, :], np.inf).min(axis=2)
    thinks = (length.mean(axis=1) * tokens_a_length >= LONG)[:, None]
    ranks = np.argsort(np.where(thinks, _TIE * np.tanh(mean), 0.0) - votes, axis=1, kind="stable")
    first, second, third = (_nth(votes, ranks, k) for k in range(3))
    features = [
        np.full(len(group), n),
        first / n,
        second / n,
        third / n,
        (first - second) / n,
        (votes > 0).sum(axis=1) / n,
        (votes == 1).sum(axis=1) / n,
        ((group < 0) & ~is_cut).sum(axis=1) / n,
        is_cut.sum(axis=1) / n,
        np.where(first > 0, _nth(mean, ranks, 0), 0.0),
        np.where(first > 0, _nth(least, ranks, 0), 0.0),
        np.where(second > 0, _nth(mean, ranks, 1), 0.0),
        log.std(axis=1),
    ]
    return Agreement(
        np.where(first > 0, _nth(group, ranks, 0), NO_ANSWER), np.column_stack(features).astype(float)
    )


def agreement_of(samples: Sequence[Sequence[SolutionEvidence]], *, tokens_a_length: float = 1.0) -> Agreement:
    """Look at the samples of several problems, equally many of each."""
    group = np.array([[s.group for s in some] for some in samples])
    length = np.array([[s.n_tokens for s in some] for some in samples], float)
    is_cut = np.array([[s.is_cut for s in some] for some in samples])
    return agreement(group, length, is_cut, tokens_a_length=tokens_a_length)


def is_first(group: np.ndarray) -> np.ndarray:
    """A mask of the samples that give an answer for the first time in their row."""
    first = group >= 0
    for k in range(1, group.shape[1]):
        first[:, k] &= ~(group[:, :k] == group[:, k : k + 1]).any(axis=1)
    return first


def _nth(values: np.ndarray, ranks: np.ndarray, k: int) -> np.ndarray:
    """The value of each row's k-th answer; 0 where it has fewer samples."""
    if k >= ranks.shape[1]:
        return np.zeros(len(values))
    found: np.ndarray = np.take_along_axis(values, ranks[:, k : k + 1], 1)[:, 0]
    return found
