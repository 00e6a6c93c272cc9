"""A problem's words as a few numbers: TF-IDF of single words and pairs, reduced to the axes that the training
problems differ most along.

Numbers count as one word, since which number it is says little; a letter of a script that puts no spaces
between words is a word of its own, so that pairs stand for words there; LaTeX commands and marks are words.
The axes are fitted in training with scikit-learn (`training/routers/text/fit.py`) and applied here with numpy
alone. A text has all that a policy reads: the problem, its choices and what context is given.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese letters."""
_WORD = re.compile(
    rf"(?P<number>\d+(?:[.,]\d+)*)|\\[A-Za-z]+|[{_UNSPACED}]|[^\W\d_{_UNSPACED}]+|[^\w\s]", re.UNICODE
)
_NUMBER = "0"
_MOST_LETTERS = 20_000
"""So many letters of a text are read: what kind of problem it is shows early, and deciding is to be quick."""


def terms_of(text: str) -> list[str]:
    """The words of a text in lower case, then its pairs of neighbours."""
    found = _WORD.finditer(text[:_MOST_LETTERS].lower())
    words = [_NUMBER if match["number"] else match[0] for match in found]
    return words + [f"{one} {other}" for one, other in pairwise(words)]


@dataclass(frozen=True, eq=False)
class Wording:
    """Terms with their weights on each axis; a term that is not among them is not seen."""

    terms: tuple[str, ...]
    weights: np.ndarray
    """The inverse document frequency of each term, shape (terms,)."""
    axes: np.ndarray
    """Shape (terms, axes)."""

    def of(self, text: str) -> np.ndarray:
        """Return where the text lies on each axis, shape (axes,); 0 if it has none of the terms."""
        counts = Counter(place for term in terms_of(text) if (place := self._places.get(term)) is not None)
        if not counts:
            return np.zeros(self.axes.shape[1])
        places = np.fromiter(counts, int, len(counts))
        n = np.fromiter(counts.values(), float, len(counts))
        values = (1 + np.log(n)) * self.weights[places]
        own = np.ascontiguousarray(self.axes[places])  # however it lies in memory: the same to the last digit
        found: np.ndarray = ((values / np.linalg.norm(values))[:, None] * own).sum(axis=0)
        return found

    @cached_property
    def _places(self) -> dict[str, int]:
        return {term: place for place, term in enumerate(self.terms)}

    def as_dict(self) -> dict[str, Any]:
        """Return the record of it for JSON."""
        return {"terms": self.terms, "weights": self.weights.tolist(), "axes": self.axes.tolist()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Wording:
        """The inverse of `as_dict`.

        Raises:
            ValueError: terms, weights and axes do not fit each other.
        """
        terms = tuple(str(term) for term in record["terms"])
        weights = np.array(record["weights"], float)
        axes = np.array(record["axes"], float) if terms else np.zeros((0, 0))
        if weights.shape != (len(terms),) or axes.ndim != 2 or len(axes) != len(terms):
            raise ValueError("the terms of a wording have to fit its weights and axes")
        return cls(terms, weights, axes)
