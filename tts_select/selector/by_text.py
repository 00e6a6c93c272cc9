"""What a problem's text alone says: how likely each arm is right, and what it costs.

A ridge regression for each arm on the text's words (`wording.py`) and counts. A few hundred problems teach it
which kinds of problems an arm is good at, and where they teach nothing it says what the arm does on average.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from tts_select.selector.linear import standardised
from tts_select.selector.text_features import text_features
from tts_select.selector.wording import Wording

_MOST_LOG_COST = 600.0
"""No text may make a cost infinite."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of some things by a text, shape (things,) each."""

    p_correct: np.ndarray
    cost: np.ndarray


@dataclass(frozen=True, eq=False)
class Description:
    """A text as numbers of about one spread each, beside a constant."""

    wording: Wording
    means: np.ndarray
    spreads: np.ndarray

    def of(self, text: str) -> np.ndarray:
        """Return the numbers, shape (1 + features,), the constant first; what was computed is kept."""
        return _described(self, text)

    def axes(self, text: str) -> np.ndarray:
        """Return where the text lies on the axes of the wording, in spreads from the mean."""
        return self.of(text)[1 : 1 + self.wording.axes.shape[1]]

    @property
    def n_features(self) -> int:
        """How many numbers there are beside the constant."""
        return len(self.means)

    def as_dict(self) -> dict[str, Any]:
        """Return the record of it for JSON."""
        return {
            "wording": self.wording.as_dict(),
            "means": self.means.tolist(),
            "spreads": self.spreads.tolist(),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Description:
        """The inverse of `as_dict`.

        Raises:
            ValueError: it has other features than this version.
        """
        wording = Wording.from_dict(record["wording"])
        means, spreads = np.array(record["means"], float), np.array(record["spreads"], float)
        if {means.shape, spreads.shape} != {raw_numbers("", wording).shape} or (spreads <= 0).any():
            raise ValueError("the description of texts has other features than this version")
        return cls(wording, means, spreads)


def raw_numbers(text: str, wording: Wording) -> np.ndarray:
    """Return the axes of the wording, then the counts, before they are brought to one scale."""
    return np.concatenate([wording.of(text), text_features(text)])


@lru_cache(maxsize=4096)
def _described(description: Description, text: str) -> np.ndarray:
    found = described(description, raw_numbers(text, description.wording))
    found.setflags(write=False)
    return found


def described(description: Description, raw: np.ndarray) -> np.ndarray:
    """Return what a description makes of the raw numbers of a text."""
    return np.concatenate([[1.0], standardised(raw, description.means, description.spreads)])


@dataclass(frozen=True, eq=False)
class Heads:
    """Linear in the numbers of a text: a probability and the logarithm of a cost for each of some things."""

    p_correct: np.ndarray
    """The coefficients, shape (things, 1 + features)."""
    log_cost: np.ndarray

    def of(self, numbers: np.ndarray) -> Expected:
        """Return what is expected by the numbers of a text."""
        p = np.clip(_linear(self.p_correct, numbers), 0.0, 1.0)
        return Expected(p, np.exp(np.minimum(_linear(self.log_cost, numbers), _MOST_LOG_COST)))

    def as_dict(self) -> dict[str, Any]:
        """Return the record of it for JSON."""
        return {"p_correct": self.p_correct.tolist(), "log_cost": self.log_cost.tolist()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], n: int, n_features: int) -> Heads:
        """The inverse of `as_dict`, for so many things.

        Raises:
            ValueError: it is of other things.
        """
        found = [np.array(record[name], float) for name in ("p_correct", "log_cost")]
        if any(values.shape != (n, 1 + n_features) for values in found):
            raise ValueError("what is expected by the text does not fit the portfolio")
        return cls(*found)


def _linear(coefficients: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Row by row: the same to the last digit, however the coefficients lie in memory."""
    return np.asarray((np.ascontiguousarray(coefficients) * numbers).sum(axis=-1))


class ByText(Protocol):
    """Says what to expect of a text."""

    @property
    def description(self) -> Description:
        """How texts are described."""

    @property
    def policies(self) -> tuple[str, ...]:
        """The policies whose pass@1 it expects."""

    @property
    def arms(self) -> tuple[str, ...]:
        """The names of the arms that it knows."""

    def of_arms(self, text: str) -> Expected:
        """Return what each arm comes to, run alone."""

    def of_policies(self, text: str) -> np.ndarray:
        """Return the pass@1 of each policy."""


@dataclass(frozen=True, eq=False)
class TextModel:
    """What was learned from all training problems."""

    description: Description
    arms: tuple[str, ...]
    policies: tuple[str, ...]
    heads: Heads
    """Of the arms, then of the policies, whose costs mean nothing."""

    def of_arms(self, text: str) -> Expected:
        """Return what each arm comes to, run alone."""
        found = _expected(self.heads, self.description, text)
        n = len(self.arms)
        return Expected(found.p_correct[:n], found.cost[:n])

    def of_policies(self, text: str) -> np.ndarray:
        """Return the pass@1 of each policy."""
        return _expected(self.heads, self.description, text).p_correct[len(self.arms) :]

    def as_dict(self) -> dict[str, Any]:
        """Return the record of it for JSON."""
        return {
            "description": self.description.as_dict(),
            "arms": self.arms,
            "policies": self.policies,
            "heads": self.heads.as_dict(),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> TextModel:
        """The inverse of `as_dict`.

        Raises:
            KeyError, TypeError, ValueError: it is malformed.
        """
        description = Description.from_dict(record["description"])
        arms, policies = (tuple(map(str, record[name])) for name in ("arms", "policies"))
        heads = Heads.from_dict(record["heads"], len(arms) + len(policies), description.n_features)
        return cls(description, arms, policies, heads)


@lru_cache(maxsize=4096)
def _expected(heads: Heads, description: Description, text: str) -> Expected:
    return heads.of(description.of(text))


def best_at(expected: Expected, price: float) -> int:
    """Return the place of what is worth most at a price; of equals the cheapest."""
    worth = expected.p_correct - price * expected.cost
    return int(np.lexsort((expected.cost, -worth))[0])


def names_of(by_text: ByText | None) -> Sequence[str]:
    """Return the names of what a text's words tell a router."""
    if by_text is None:
        return ()
    n_axes = by_text.description.wording.axes.shape[1]
    return (*(f"pass_at_1 {p}" for p in by_text.policies), *(f"axis_{k}" for k in range(n_axes)))


def told(by_text: ByText | None, text: str) -> tuple[float, ...]:
    """Return the values of `names_of`."""
    if by_text is None:
        return ()
    return (*by_text.of_policies(text).tolist(), *by_text.description.axes(text).tolist())
