"""What a generative PRM is asked, and where in what it wrote the verdict is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tts_select.executors.prms.frames import rendered
from tts_select.executors.prms.rules import Verdict


class Interview:
    """The texts of one rule in the tokens of one tokenizer."""

    def __init__(self, rule: Verdict, tokenizer: Any, name: str) -> None:
        self._rule, self._tokenizer, self._name = rule, tokenizer, name
        self._question: list[int] = self._ids("\n" + rule.question)
        self._n_tail = len(rule.question) + 2
        """Tokens that surely hold the question: one has a character at least."""
        self.prompt("What is 1?", ["1"])  # a chat template that cannot be used is found out at load

    def prompt(self, problem: str, steps: Sequence[str]) -> list[int]:
        """The request for a critique of these steps, with the answer begun.

        Raises:
            InputError: the chat template cannot be used.
        """
        numbered = [self._rule.step.format(number=k, step=step.strip()) for k, step in enumerate(steps, 1)]
        filled = {"problem": problem.strip(), "steps": "\n".join(numbered)}
        request = [("user", self._rule.request.format(**filled))]
        return self._ids(rendered(request, self._tokenizer, self._name, is_open=True) + self._rule.opening)

    def asks(self, ids: list[int]) -> bool:
        """Whether the model itself has just come to the question."""
        return self._rule.question in self._tokenizer.decode(ids[-self._n_tail :])

    def with_question(self, critique: Sequence[int]) -> list[int]:
        """The critique, up to the question if it has that, and then the question: the verdict comes next."""
        kept = list(critique)
        at = self._tokenizer.decode(kept).rfind(self._rule.question)
        while at >= 0 and len(self._tokenizer.decode(kept)) > at:
            kept.pop()
        while kept and not self._tokenizer.decode(kept[-1:]).strip():
            kept.pop()
        return kept + self._question

    @property
    def n_question(self) -> int:
        """Tokens of the question."""
        return len(self._question)

    def _ids(self, text: str) -> list[int]:
        found: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return found
