"""The answers of a problem's samples as numbers: who votes for whom.

0 is the right answer. What is right the log says itself, sample by sample; wrong answers are one vote if they
read alike, as a number or as a text. No mathematics is done: among wrong answers it would merge a vote or two
and take minutes, since every pair of distinct expressions would have to be judged.
"""

from __future__ import annotations

from collections.abc import Hashable

from tts_select.data.grading.reading import read
from tts_select.selector.evidence import NO_ANSWER
from tts_select.training.log.records import Sample

RIGHT = 0


def is_cut(sample: Sample) -> bool:
    """Return whether a sample was cut, by its length or otherwise, before it ended.

    What it would have answered is not known: it has no vote, whatever the log makes of it, and is no evidence
    that its policy is wrong.
    """
    return sample.finish not in (None, "stop")


class Groups:
    """The groups of one problem's answers, numbered in the order in which they are first seen."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def of_sample(self, sample: Sample) -> int:
        """Return the group as the log has graded the sample, even against what other samples with this
        answer got."""
        if is_cut(sample):
            return NO_ANSWER
        if sample.correct:
            return RIGHT
        if sample.answer is None:
            return NO_ANSWER
        return self._numbers.setdefault(_key(sample.answer), len(self._numbers) + 1)


def _key(answer: str) -> Hashable:
    reading = read(answer)
    if reading.numeral is not None:
        return reading.numeral.value, reading.numeral.is_percent
    return reading.text
