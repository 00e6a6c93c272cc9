"""The plain rules for when to stop sampling: they look at the answers alone, and learn nothing.

A rule is told the groups of the answers of all samples, in the order in which they were drawn: equivalent
answers have the same number, and a sample without an answer has a negative one. It votes for nothing, but it
is a sample. Live searches and replays of a log ask the same rules; `training/replay/strategies.py` has them
once more for whole arrays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tts_select.core.voting import ROUND, is_settled

MARGIN = 0.5
"""The share of the samples by which the first answer has to be ahead of the second."""
FEWEST_SAMPLES = 2
"""One sample agrees with itself: neither `margin` nor `doubling` looks at it."""
QUORUM = 0.75
"""The share of the samples that has to agree when their number has doubled."""
FIRST_SAMPLES = 4
"""What a cascade draws of its first policy at most."""
WINDOW = 4
"""The number of samples in a row that have to agree (arXiv 2401.10480, section 3.1)."""

Groups = Sequence[int]


@dataclass(frozen=True, slots=True)
class StopRule:
    """When a rule looks at the samples, and when it is content."""

    is_met: Callable[[Groups], bool]
    next_look: Callable[[int], int]
    """The number of samples at the next look, from how many there are."""

    def n_drawn(self, groups: Groups, most: int) -> int:
        """How many of the samples are drawn, of `most` at most, until the rule is met."""
        n, most = 0, min(most, len(groups))
        while n < most:
            n = min(self.next_look(n), most)
            if self.is_met(groups[:n]):
                break
        return n


def leads(groups: Groups) -> bool:
    """Whether the first answer is ahead of the second by half of the samples, of which there are two."""
    first, second = votes(groups)
    return len(groups) >= FEWEST_SAMPLES and first - second >= MARGIN * len(groups)


def stays_ahead(groups: Groups) -> bool:
    """Whether P(Beta(v1 + 1, v2 + 1) > 1/2) is 0.95: adaptive consistency (arXiv 2305.11860, section 3)."""
    return is_settled(votes(groups))


def has_quorum(groups: Groups) -> bool:
    """Whether three quarters of the samples agree, of which there are two."""
    first, _ = votes(groups)
    return len(groups) >= FEWEST_SAMPLES and first >= QUORUM * len(groups)


def agrees(groups: Groups) -> bool:
    """Whether the last whole window of samples agrees: early-stopping self-consistency (arXiv 2401.10480)."""
    end = len(groups) // WINDOW * WINDOW
    window = groups[max(0, end - WINDOW) : end]
    return len(set(window)) == 1 and window[0] >= 0


def votes(groups: Groups) -> tuple[int, int]:
    """How many samples gave the first answer, and how many the second."""
    counts = Counter(group for group in groups if group >= 0)
    first, second, *_ = [*sorted(counts.values(), reverse=True), 0, 0]
    return first, second


ADAPTIVE = StopRule(stays_ahead, lambda n: n + ROUND)
BETA = StopRule(stays_ahead, lambda n: n + 1)
MARGIN_RULE = StopRule(leads, lambda n: max(n + 1, FEWEST_SAMPLES))
DOUBLING = StopRule(has_quorum, lambda n: max(2 ** n.bit_length(), FEWEST_SAMPLES))
EARLY_STOPPING = StopRule(agrees, lambda n: (n // WINDOW + 1) * WINDOW)
