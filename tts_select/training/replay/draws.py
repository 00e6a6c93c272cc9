"""The samples of pools as arrays: as the log has them, and as orders draw them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tts_select.training.replay.cases import Case, Order

ABSENT = -2
"""The group of a sample that an order lacks, since the log has fewer of that problem."""
CUT = -3
"""The group of a sample that was cut: nobody knows what it would have answered."""


@dataclass(frozen=True, slots=True)
class Draws:
    """The samples of one pool, shape (rows, samples) each."""

    group: np.ndarray
    """The group of the answer: 0 is right, -1 none, `CUT`, or `ABSENT`."""
    length: np.ndarray
    """The length in tokens, or in what the log counts; so are prompts."""
    prompt: np.ndarray
    """Length of each row's prompt, shape (rows,); where reading has a price of its own, that of a text which
    costs as much to write."""
    per_token: float
    """The cost of one of the lengths."""
    certainty: np.ndarray | None = None
    """`Continuation.certainty`, NaN where a sample has none; None: no sample of the log has one."""

    def __getitem__(self, rows: np.ndarray) -> Draws:
        certainty = None if self.certainty is None else self.certainty[rows]
        group, length, prompt = self.group[rows], self.length[rows], self.prompt[rows]
        return Draws(group, length, prompt, self.per_token, certainty)

    def before(self, others: Draws) -> Draws:
        """Return these samples and then others of the same policy, without their certainties; the prompt is
        read once."""
        group = np.concatenate([self.group, others.group], axis=1)
        length = np.concatenate([self.length, others.length], axis=1)
        return replace(self, group=group, length=length, certainty=None)

    def sample(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (group, length) of each row's sample of this number, absent where a log has fewer."""
        if number < self.group.shape[1]:
            return self.group[:, number], self.length[:, number]
        return np.full(len(self.group), ABSENT), np.zeros(len(self.group))

    def certainty_of(self, number: int) -> np.ndarray:
        """Return the certainty of each row's sample of this number, NaN where it is not known."""
        if self.certainty is None or number >= self.certainty.shape[1]:
            return np.full(len(self.group), np.nan)
        return self.certainty[:, number]

    @property
    def is_there(self) -> np.ndarray:
        """A mask of the samples that exist."""
        there: np.ndarray = self.group != ABSENT
        return there

    @property
    def is_known(self) -> np.ndarray:
        """A mask of the samples that have ended, so that it is known whether they are right."""
        known: np.ndarray = self.is_there & (self.group != CUT)
        return known

    @property
    def cost(self) -> np.ndarray:
        """The cost of each sample; the prompt, which is read once, is paid with the first."""
        cost = self.length.copy()
        cost[:, 0] += self.prompt
        return cost * self.per_token


@dataclass(frozen=True, slots=True)
class Pooled:
    """One pool in the order in which the log has its samples, shape (problems, samples), with their costs."""

    name: str
    group: np.ndarray
    length: np.ndarray
    prompt: np.ndarray
    """Shape (problems,)."""
    per_token: float
    certainty: np.ndarray | None
    """None: no sample has one."""

    def drawn(self, places: Sequence[int], orders: Sequence[Sequence[Order]], most: int) -> Draws:
        """Return so many samples at most of some problems, in the orders of each."""
        n = min(self.group.shape[1], most)
        picks = [np.stack([order.samples[self.name][:n] for order in some]) for some in orders]

        def taken(values: np.ndarray, absent: float) -> np.ndarray:
            found = np.full((len(places), len(orders[0]), n), absent, values.dtype)
            for k, (place, pick) in enumerate(zip(places, picks, strict=True)):
                found[k, :, : pick.shape[1]] = values[place][pick]
            return found.reshape(-1, n)

        return Draws(
            taken(self.group, ABSENT),
            taken(self.length, 0.0),
            np.repeat(self.prompt[list(places)], len(orders[0])),
            self.per_token,
            None if self.certainty is None else taken(self.certainty, np.nan),
        )


def pooled(cases: Sequence[Case], *, with_certainties: bool) -> dict[str, Pooled]:
    """The pools, which each case is looked at once for."""
    names, costs = list(cases[0].pools), cases[0].costs
    policies_ = {name: cases[0].pools[name].policy for name in names}
    rows: dict[str, list[_Row]] = {name: [] for name in names}
    for case in cases:
        for name in names:
            rows[name].append(_Row.of(case, name))
    found = {}
    for name, some in rows.items():
        read, written = costs.per_prompt_token[policies_[name]], costs.per_token[policies_[name]]
        as_written = 1.0 if read == written else read / written
        most, is_told = max(len(row.group) for row in some), any(len(row.certainty) for row in some)
        found[name] = Pooled(
            name,
            _padded([row.group for row in some], most, ABSENT),
            _padded([row.length for row in some], most, 0.0),
            as_written * np.array([row.prompt for row in some], float),
            written,
            _padded([row.certainty for row in some], most, np.nan) if with_certainties and is_told else None,
        )
    return found


@dataclass(frozen=True, slots=True)
class _Row:
    """What a problem has in a pool; shape (samples,), but for the prompt's tokens."""

    group: np.ndarray
    length: np.ndarray
    certainty: np.ndarray
    """Empty if no sample has one."""
    prompt: int

    @classmethod
    def of(cls, case: Case, pool: str) -> _Row:
        samples = case.observed[pool]
        certainty = np.array([s.certainty for s in samples], float)
        return cls(
            np.array([CUT if s.is_cut else s.group for s in samples], np.int32),
            np.array([s.n_tokens for s in samples], float),
            _UNTOLD if np.isnan(certainty).all() else certainty,
            case.pools[pool].prompt_tokens or 0,
        )


_UNTOLD = np.empty(0)
"""Shared: of a large log there are hundreds of thousands."""


def _padded(rows: Sequence[np.ndarray], most: int, absent: float) -> np.ndarray:
    """The rows as one array, filled up to so many columns."""
    found = np.full((len(rows), most), absent, rows[0].dtype)
    for own, row in zip(found, rows, strict=True):
        own[: len(row)] = row
    return found
