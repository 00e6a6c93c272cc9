"""The tree that a beam search or DVTS has grown: every step that was written, kept or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tts_select.core.candidate import Candidate
from tts_select.core.plan import Aggregation
from tts_select.core.solution import Solution
from tts_select.data.grading import extract_answer
from tts_select.executors.aggregation import score_of
from tts_select.executors.search import Round

Steps = tuple[str, ...]
CHOSEN, FINISHED, KEPT, PRUNED = "chosen", "finished", "kept", "pruned"


def tree_of(
    rounds: Sequence[Round], found: Sequence[Candidate], how: Aggregation, solution: Solution
) -> list[dict[str, Any]]:
    """Its nodes, parents first: a text with the score of all steps up to there, how many candidates have it
    (identical ones are one node), and what became of it. Without rounds what was found stands alone.

    `chosen` are the steps of the solution's text, `finished` ended by itself or was cut, `pruned` was given
    up.
    """
    growth = _Growth(how)
    for number, one in enumerate(rounds):
        growth.add(number, one)
    if not rounds:
        growth.add(0, Round(0, found, ()))
    growth.choose(solution.text)
    return growth.nodes


@dataclass(slots=True)
class _Growth:
    how: Aggregation
    nodes: list[dict[str, Any]] = field(default_factory=list)
    _ids: dict[tuple[int, Steps], int] = field(default_factory=dict)

    def add(self, number: int, one: Round) -> None:
        kept = {candidate.steps for candidate in one.kept}
        for steps in [s for (tree, s) in self._ids if tree == one.tree and s in kept]:
            self._mark(one.tree, steps)
        counts = Counter(child.steps for child in one.children)
        for child in _distinct(one.children):
            self._grow(number, one.tree, child, counts[child.steps], is_kept=child.steps in kept)

    def choose(self, text: str) -> None:
        """Mark the way to a text."""
        place = next((k for k, node in enumerate(self.nodes) if text and node["whole"] == text), None)
        while place is not None:
            self.nodes[place]["state"] = CHOSEN
            place = self.nodes[place]["parent"]
        for node in self.nodes:
            del node["whole"]

    def _mark(self, tree: int, steps: Steps) -> None:
        """A solution that has ended holds its place in later rounds."""
        node = self.nodes[self._ids[tree, steps]]
        if node["state"] == PRUNED:
            node["state"] = KEPT

    def _grow(self, number: int, tree: int, child: Candidate, copies: int, *, is_kept: bool) -> None:
        known = self._ids.get((tree, child.steps))
        if known is not None:  # the context was full: it ends where it was
            self.nodes[known].update(finish=child.finish, state=FINISHED)
            return
        parent = self._parent(tree, child.steps)
        before, tokens = (
            (0, 0) if parent is None else (self.nodes[parent]["depth"], self.nodes[parent]["total"])
        )
        is_over = child.finish != "open"
        self._ids[tree, child.steps] = len(self.nodes)
        self.nodes.append(
            {
                "parent": parent,
                "tree": tree,
                "round": number,
                "depth": len(child.steps),
                "text": "\n\n".join(child.steps[before:]),
                "score": score_of(child, self.how),
                "tokens": child.n_tokens - tokens,
                "total": child.n_tokens,
                "copies": copies,
                "finish": child.finish,
                "answer": extract_answer(child.text) if child.is_complete and child.steps else None,
                "state": FINISHED if is_over else KEPT if is_kept else PRUNED,
                "whole": child.text,
            }
        )

    def _parent(self, tree: int, steps: Steps) -> int | None:
        """The longest beginning of it that is there."""
        lengths = range(len(steps) - 1, 0, -1)
        return next((self._ids[tree, steps[:k]] for k in lengths if (tree, steps[:k]) in self._ids), None)


def _distinct(children: Iterable[Candidate]) -> list[Candidate]:
    return list({child.steps: child for child in children}.values())
