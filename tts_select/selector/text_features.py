"""The counts that describe a text: cheap, and no language model is asked."""

from __future__ import annotations

import math
import re
from functools import lru_cache

TEXT_FEATURES = (
    "chars",
    "words",
    "sentences",
    "numbers",
    "digits",
    "largest_number_log10",
    "mean_number_log10",
    "latex_commands",
    "distinct_word_share",
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@lru_cache(maxsize=4096)
def text_features(text: str) -> tuple[float, ...]:
    """Return the features of a text in the order of `TEXT_FEATURES`."""
    words = text.split()
    numbers = [float(found) for found in _NUMBER.findall(text)]
    logs = [math.log10(1 + number) for number in numbers]
    return (
        len(text),
        len(words),
        sum(text.count(mark) for mark in ".?!"),
        len(numbers),
        sum(c.isdigit() for c in text),
        max(logs, default=0.0),
        sum(logs) / len(logs) if logs else 0.0,
        text.count("\\"),
        len({w.lower() for w in words}) / len(words) if words else 0.0,
    )
