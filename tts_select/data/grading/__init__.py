"""Finds the answer in a solution, and tells whether two answers are equivalent (docs/grading.md).

Numbers, words and sequences of them are compared here, in microseconds; what takes mathematics goes to
math-verify, in worker processes that start when they are first needed and have a hard time limit.
"""

from tts_select.data.grading.extraction import extract_answer
from tts_select.data.grading.grading import (
    GRADER,
    Verdict,
    are_equivalent,
    grade,
    is_equivalent,
)
from tts_select.data.grading.grouping import group_answers, group_equivalent

__all__ = [
    "GRADER",
    "Verdict",
    "are_equivalent",
    "extract_answer",
    "grade",
    "group_answers",
    "group_equivalent",
    "is_equivalent",
]
