"""What a server asks of a session beside what `solve` does, and what it sees of one under way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tts_select.core.candidate import Candidate
from tts_select.data.grading import extract_answer

if TYPE_CHECKING:
    from tts_select.solving.session import Session

JUST_A_CHAT = "nothing to vote on, for the first solution ends in no answer: it is the reply"


@dataclass(frozen=True, slots=True)
class Visit:
    """The terms of one session in a server."""

    max_new_tokens: int | None = None
    """The most tokens of one candidate, where its arm allows more."""
    may_be_chat: bool = False
    """Whether to write one solution first, and to leave it at that if it ends without any answer: there is
    nothing that others could vote for or against. A problem like those of the router's training goes on, as
    it does in `solve`."""
    seen: Callable[[Session], None] | None = None
    """Called after each step."""


ALONE = Visit()
"""Nobody looks on."""


@dataclass(frozen=True, slots=True)
class Tally:
    """An answer at hand: how many solutions have it, and how likely it is right by the router (None: not
    known)."""

    answer: str
    count: int
    p_correct: float | None

    def as_dict(self) -> dict[str, object]:
        """Return the record for JSON."""
        return {"answer": self.answer, "count": self.count, "p_correct": self.p_correct}


def is_just_chat(written: Sequence[Candidate]) -> bool:
    """Whether solutions have come to their ends and none of them gives an answer."""
    ended = [c for c in written if c.is_complete and c.steps]
    return bool(ended) and all(extract_answer(c.text) is None for c in ended)
