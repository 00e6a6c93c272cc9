"""The answers of a problem's samples as numbers: who votes for whom.

0 is the right answer. What is right the log says itself, sample by sample; wrong answers are one vote if they
read alike, as a number or as a text. No mathematics is done: among wrong answers it would merge a vote or two
and take minutes, since every pair of distinct expressions would have to be judged.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from tts_select.data.grading.reading import read
from tts_select.selector.evidence import NO_ANSWER
from tts_select.training.log.records import LoggedProblem, Pool, Sample

RIGHT = 0


class Groups:
    """Of one problem; answers get their numbers in the order in which they are first seen."""

    def __init__(self, problem: LoggedProblem, pools: Iterable[Pool]) -> None:
        """What the log calls right anywhere is right at a checkpoint too, and so is the known answer."""
        right = [s.answer for pool in pools for s in pool.samples if s.correct]
        self._right = {_key(answer) for answer in [problem.answer, *right] if answer is not None}
        self._numbers: dict[Hashable, int] = {}

    def of_sample(self, sample: Sample) -> int:
        """As the log has graded it, even against what other samples with this answer got."""
        if sample.correct:
            return RIGHT
        return NO_ANSWER if sample.answer is None else self._number(_key(sample.answer))

    def of_text(self, answer: str | None) -> int:
        """Of what stood at a checkpoint."""
        if answer is None:
            return NO_ANSWER
        key = _key(answer)
        return RIGHT if key in self._right else self._number(key)

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers) + 1)


def _key(answer: str) -> Hashable:
    reading = read(answer)
    if reading.numeral is not None:
        return reading.numeral.value, reading.numeral.is_percent
    return reading.text
