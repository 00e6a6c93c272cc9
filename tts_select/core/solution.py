"""What `solve` returns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tts_select.core.candidate import Candidate
from tts_select.core.cost import Bill
from tts_select.core.plan import Plan

SCHEMA = "tts-select/solution@1"

Finished = Literal["complete", "deadline", "cap"]


@dataclass(frozen=True, slots=True)
class RankedCandidate:
    """A candidate with its aggregated score (None: not scored) and its answer (None: it has none)."""

    candidate: Candidate
    score: float | None
    answer: str | None

    @property
    def text(self) -> str:
        """The candidate's."""
        return self.candidate.text

    def as_dict(self) -> dict[str, object]:
        """An entry of `candidates` in the JSON contract."""
        c = self.candidate
        return {
            "text": self.text,
            "steps": list(c.steps),
            "step_scores": None if c.step_scores is None else list(c.step_scores),
            "score": self.score,
            "answer": self.answer,
            "finish": c.finish,
            "tokens": c.n_tokens,
        }


@dataclass(frozen=True, slots=True)
class Solution:
    """`answer` is None when no candidate ended in one; `finished` says whether a limit cut the search short;
    `confidence` is a router's calibrated probability of being right (the plan then has a difficulty),
    else the share of the vote, or the score, that the answer won (None without an answer)."""

    answer: str | None
    text: str
    confidence: float | None
    finished: Finished
    plan: Plan
    bill: Bill
    candidates: tuple[RankedCandidate, ...]
    best_guess: str | None = None
    """The answer that was withheld because its confidence is too low."""
    errors: tuple[str, ...] = ()
    """Of the requests that failed; the answer comes from what the others wrote."""

    def withheld_below(self, confidence: float) -> Solution:
        """Without its answer if that is less sure; the answer becomes the best guess."""
        if self.answer is None or (self.confidence or 0.0) >= confidence:
            return self
        return replace(self, answer=None, best_guess=self.answer)

    def as_dict(self) -> dict[str, object]:
        """The JSON contract, `tts-select/solution@1`."""
        return {
            "schema": SCHEMA,
            "answer": self.answer,
            **({"best_guess": self.best_guess} if self.best_guess is not None else {}),
            **({"errors": list(self.errors)} if self.errors else {}),
            "text": self.text,
            "confidence": self.confidence,
            "finished": self.finished,
            "plan": self.plan.as_dict(),
            "cost": self.bill.as_dict(),
            "candidates": [c.as_dict() for c in self.candidates],
        }
