"""What `solve` returns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tts_select.core.candidate import Candidate
from tts_select.core.cost import Bill, Cost
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
        """The text of the candidate."""
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
class Step:
    """One arm that was run on the way to the answer."""

    arm: str
    """The arm's name."""
    n: int
    """How many samples its pool had after it; the budget of a search."""
    p_before: float | None
    """How sure the surest answer was before it, by the router (None: nothing was at hand)."""
    p_after: float | None
    cost: Cost
    """What it cost alone."""
    why: str

    def as_dict(self) -> dict[str, object]:
        """An entry of `steps` in the JSON contract."""
        return {
            "arm": self.arm,
            "n": self.n,
            "p_before": self.p_before,
            "p_after": self.p_after,
            "cost": self.cost.as_dict(),
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Solution:
    """The answer with all that led to it.

    `answer` is None when no candidate ended in one; `finished` says whether a limit cut the search short;
    `confidence` is a number of the kind that `confidence_kind` names (None without an answer).
    """

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
    """The errors of the requests that failed; the answer comes from what the others wrote."""
    steps: tuple[Step, ...] = ()
    """What was run, in order."""
    n_cut: int = 0
    """How many solutions ran out of tokens, of all that were written: they are unknown, and have no vote."""
    confidence_kind: str = "vote share"
    """`calibrated`: a trained router's probability that the answer is right; `prior`: the same, learned from
    other models' samples of other problems; `vote share`: the share of the vote, or the score, that it
    won."""
    max_samples: int | None = None
    """How many samples a vote would have had, where it was decided sample by sample whether to go on."""

    def withheld_below(self, confidence: float) -> Solution:
        """Return the solution, without its answer if that is less sure; the answer becomes the best guess."""
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
            **({"n_cut": self.n_cut} if self.n_cut else {}),
            **({"max_samples": self.max_samples} if self.max_samples else {}),
            "text": self.text,
            "confidence": self.confidence,
            "confidence_kind": self.confidence_kind,
            "finished": self.finished,
            "plan": self.plan.as_dict(),
            "steps": [step.as_dict() for step in self.steps],
            "cost": self.bill.as_dict(),
            "candidates": [c.as_dict() for c in self.candidates],
        }
