"""What a decision rested on, as a page shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tts_select.selector.evidence import Evidence
from tts_select.selector.routers.protocol import Router

MOST_ANSWERS = 8
"""How many answers of a decision are listed; the rest are counted."""


def evidence_of(evidence: Evidence, router: Router, price: float, texts: Mapping[int, str]) -> dict[str, Any]:
    """The answers at hand, the surest first, with the votes for each; `texts` has an answer of each group."""
    votes = Counter(found.group for found in evidence.solutions())
    known = router.answers(evidence, price) if votes else []
    listed = [
        {"answer": texts.get(found.group, ""), "votes": votes[found.group], "p_correct": found.p_correct}
        for found in known[:MOST_ANSWERS]
    ]
    n_solutions = sum(len(some) for some in evidence.samples.values()) + len(evidence.found)
    return {"answers": listed, "n_answers": len(votes), "n_votes": votes.total(), "n_solutions": n_solutions}
