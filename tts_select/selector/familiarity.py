"""Whether a problem is like those that a router was trained on.

A problem is described by numbers: how its text is composed, and how surprising its runs of characters are
after the training problems (a run is known by its hash, and digits are all alike). Probes are described by
their features. The further these numbers lie from those of training problems that the counts had not seen,
the stranger the problem. The limits are calibrated on such problems too, so that few like them are refused,
however many there were.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from tts_select.selector.evidence import Evidence
from tts_select.selector.features import Layout
from tts_select.selector.text_features import TEXT_FEATURES, text_features

LENGTHS = (1, 2, 3)
"""The lengths of the runs of characters that are counted."""
SLOTS = 4096
"""Hashes of the runs of one length."""
_COMPOSITION = ("mean_word_length", "mean_sentence_length", "letters", "capitals", "marks")
_SURPRISE = tuple(f"{kind}_{n}" for n in LENGTHS for kind in ("surprise", "strangest"))
DESCRIPTION = (*TEXT_FEATURES, *_COMPOSITION, *_SURPRISE)
"""What a text is described by."""
_COUNTED = ("chars", "words", "sentences", "numbers", "digits", "latex_commands")
"""The features taken as logarithms of 1 + n: twice as long is as strange at any length."""
_FARTHEST = 10.0
"""The most spreads from the mean that a number counts for; no number alone is stranger, whatever it is."""
_STRANGEST = 0.9
"""The quantile of a text's surprises: a passage may be strange where the mean is not."""
_PRIMES = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


@dataclass(frozen=True)
class RunCounts:
    """The number of training problems in which each run of characters occurs, by its hash."""

    n_problems: int
    counts: tuple[tuple[int, ...], ...]
    """`SLOTS` counts for each of `LENGTHS`."""

    @classmethod
    def of(cls, texts: Sequence[str]) -> RunCounts:
        """Counts of these texts."""
        found = np.zeros((len(LENGTHS), SLOTS), dtype=int)
        for text in texts:
            for row, slots in zip(found, _slots(text), strict=True):
                row[np.unique(slots)] += 1
        return cls(len(texts), tuple(tuple(row.tolist()) for row in found))

    @cached_property
    def _surprise(self) -> np.ndarray:
        """The negative logarithm of the share of problems that have the run, shape (lengths, slots)."""
        found: np.ndarray = -np.log((np.array(self.counts) + 0.5) / (self.n_problems + 1))
        return found

    def surprises(self, text: str) -> list[float]:
        """The mean and the strangest, for each of `LENGTHS`; 0 where the text is shorter."""
        found = []
        for table, slots in zip(self._surprise, _slots(text), strict=True):
            said = table[slots] if len(slots) else np.zeros(1)
            found += [float(said.mean()), float(np.quantile(said, _STRANGEST))]
        return found

    def strangest_word(self, text: str) -> str:
        """The word with the most surprising longest run; empty for an empty text."""
        words = text.split()
        table = self._surprise[-1]
        said = [float(table[slots].mean()) if len(slots := _slots(word)[-1]) else 0.0 for word in words]
        return words[int(np.argmax(said))] if words else ""

    def describe(self, text: str) -> np.ndarray:
        """The numbers that are named in `DESCRIPTION`."""
        features = text_features(text)
        counted = [
            math.log1p(value) if name in _COUNTED else value
            for name, value in zip(TEXT_FEATURES, features, strict=True)
        ]
        return np.array([*counted, *_composition(text), *self.surprises(text)])


@dataclass(frozen=True)
class Usual:
    """What numbers of the training problems are like, and from where on a problem is unlike them."""

    names: tuple[str, ...]
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    limit: float
    """The limit of `strangeness`."""

    def distances(self, numbers: np.ndarray) -> np.ndarray:
        """Return the spreads from the mean, of the same shape; 0 for what is not known."""
        found = (np.asarray(numbers, dtype=float) - self.means) / self.spreads
        return np.nan_to_num(np.clip(found, -_FARTHEST, _FARTHEST), nan=0.0)

    def strangeness(self, numbers: np.ndarray) -> np.ndarray:
        """The logarithm of the mean square distance of each row."""
        return np.asarray(np.log(np.mean(self.distances(numbers) ** 2, axis=-1) + 1e-9))

    def strangest(self, numbers: np.ndarray) -> str | None:
        """The name of the number that is farthest out, if they are beyond the limit together."""
        if self.strangeness(numbers) <= self.limit:
            return None
        return self.names[int(np.abs(self.distances(numbers)).argmax())]

    def range_of(self, name: str) -> tuple[float, float]:
        """Return the range within two spreads of the mean, where most of the training problems were."""
        place = self.names.index(name)
        mean, spread = self.means[place], self.spreads[place]
        return mean - 2 * spread, mean + 2 * spread


@dataclass(frozen=True)
class Familiarity:
    """The training problems as they were written, and as their probes came out."""

    counts: RunCounts
    text: Usual
    probes: Usual | None
    """What the probes were like; None where the router has no probes."""

    def of_text(self, problem: str) -> str | None:
        """Why a text is unlike those of the training, or None if it is not."""
        return self._of_text(problem)

    @cached_property
    def _of_text(self) -> Callable[[str], str | None]:
        """Judge each text once: a session asks twice, a replay at every price."""
        return lru_cache(maxsize=4096)(self._judge)

    def __getstate__(self) -> dict[str, Any]:
        """To another process it goes without what it has judged."""
        return {name: value for name, value in vars(self).items() if name != "_of_text"}

    def _judge(self, problem: str) -> str | None:
        numbers = self.counts.describe(problem)
        name = self.text.strangest(numbers)
        if name in _SURPRISE:
            return (
                f"it is written unlike the training problems, as in '{self.counts.strangest_word(problem)}'"
            )
        return name and _said(name, float(numbers[DESCRIPTION.index(name)]), self.text)

    def of_probes(self, numbers: np.ndarray) -> str | None:
        """The same of probes, by their features."""
        name = self.probes.strangest(numbers) if self.probes else None
        if name is None or self.probes is None:
            return None
        place = self.probes.names.index(name)
        return f"the probes' {_said(name, float(numbers[place]), self.probes).removeprefix('its ')}"

    def as_dict(self) -> dict[str, Any]:
        """Return the record of the familiarity for JSON."""
        counts = [" ".join(map(str, row)) for row in self.counts.counts]
        return {
            "n_problems": self.counts.n_problems,
            "counts": counts,
            "text": _as_dict(self.text),
            "probes": _as_dict(self.probes) if self.probes else None,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Familiarity:
        """The inverse of `as_dict`.

        Raises:
            ValueError: it describes texts by other numbers, or has a count too few.
        """
        counts = tuple(tuple(map(int, row.split())) for row in record["counts"])
        text, probes = _usual(record["text"]), record["probes"]
        if text.names != DESCRIPTION or [len(row) for row in counts] != [SLOTS] * len(LENGTHS):
            raise ValueError("it describes texts by other numbers than this version")
        return cls(RunCounts(record["n_problems"], counts), text, _usual(probes) if probes else None)


@dataclass(frozen=True)
class TextRanges:
    """What routers were told before there was `Familiarity`: ranges of the text features, and the words."""

    ranges: tuple[tuple[float, float], ...]
    words: frozenset[str]
    """The words of the training problems; empty if there were too many to tell."""

    def of_text(self, problem: str) -> str | None:
        """Why a text is unlike those of the training, or None if it is not."""
        for name, value, (low, high) in zip(TEXT_FEATURES, text_features(problem), self.ranges, strict=True):
            slack = 0.1 * (high - low)
            if not low - slack <= value <= high + slack:
                return (
                    f"its {name.replace('_', ' ')} is {value:.3g}, in training it was {low:.3g} to {high:.3g}"
                )
        strange = sorted(words_of(problem) - self.words) if self.words else []
        return f"the word '{strange[0]}' was never in training" if strange else None

    def of_probes(self, numbers: np.ndarray) -> None:
        """Return None: their probes were not looked at."""


def words_of(text: str) -> frozenset[str]:
    """The words of a text, in lower case."""
    return frozenset(w for word in text.split() if (w := word.strip(".,;:?!()").lower()).isalpha())


def probe_names(layout: Layout, pool: str, prm: str | None) -> tuple[str, ...]:
    """The features of `n` probes of a pool that may be strange; their number is not."""
    kept = (f"samples/{pool}/", *([f"prm/{pool}/{prm}/"] if prm else []))
    return tuple(name for name in layout.state_names if name.startswith(kept) and not name.endswith("/n"))


def probe_numbers(
    layout: Layout, evidence: Evidence, pool: str, prm: str | None, n: int
) -> np.ndarray | None:
    """Return these features of the first `n` samples of the pool; None while there are fewer."""
    first = evidence.of(pool)[:n]
    if len(first) < max(1, n):
        return None
    state = layout.state(Evidence(evidence.problem, {pool: first}))
    places = {name: place for place, name in enumerate(layout.state_names)}
    names = probe_names(layout, pool, prm)
    found = state[[places[name] for name in names]]
    lengths = [k for k, name in enumerate(names) if name.endswith(("/mean_tokens", "/mean_steps"))]
    found[lengths] = np.log1p(found[lengths])
    return np.asarray(found)


def _said(name: str, value: float, usual: Usual) -> str:
    low, high = usual.range_of(name)
    feature = name.rsplit("/", 1)[-1]
    if feature in _COUNTED or feature in ("mean_tokens", "mean_steps"):
        value, low, high = (math.expm1(x) for x in (value, max(0.0, low), high))
    return (
        f"its {feature.replace('_', ' ')} is {value:.3g}, in training it was mostly {low:.3g} to {high:.3g}"
    )


def _composition(text: str) -> list[float]:
    n, words = max(1, len(text)), text.split()
    sentences = sum(text.count(mark) for mark in ".?!")
    return [
        math.log1p(n / max(1, len(words))),
        math.log1p(len(words) / max(1, sentences)),
        sum(map(str.isalpha, text)) / n,
        sum(map(str.isupper, text)) / n,
        sum(not (c.isalnum() or c.isspace()) for c in text) / n,
    ]


def _slots(text: str) -> list[np.ndarray]:
    """Return the hash of every run for each of `LENGTHS`; capitals, digits and spaces are alike."""
    plain = "".join("0" if c.isdigit() else c for c in f" {' '.join(text.lower().split())} ")
    codes = np.frombuffer(plain.encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    found = []
    for length in LENGTHS:
        n = max(0, len(codes) - length + 1)
        runs = np.full(n, length, dtype=np.uint64)
        for k in range(length):
            runs = (runs ^ codes[k : k + n]) * np.uint64(_PRIMES[k])
            runs ^= runs >> np.uint64(29)
        found.append((runs % np.uint64(SLOTS)).astype(int))
    return found


def _as_dict(usual: Usual) -> dict[str, Any]:
    return {"names": usual.names, "means": usual.means, "spreads": usual.spreads, "limit": usual.limit}


def _usual(record: Mapping[str, Any]) -> Usual:
    means, spreads = (tuple(map(float, record[name])) for name in ("means", "spreads"))
    names = tuple(record["names"])
    if not len(names) == len(means) == len(spreads) or min(spreads, default=1.0) <= 0:
        raise ValueError("its means and spreads do not fit their names")
    return Usual(names, means, spreads, float(record["limit"]))
