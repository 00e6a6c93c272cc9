"""Turns a problem and its steps into token ids, in a format's layout.

A step's tokens never depend on what follows it, so a longer solution only adds tokens to a shorter one, and
what was computed for the shorter one holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tts_select.core.errors import InputError
from tts_select.executors.prms.frames import frame_of
from tts_select.executors.prms.layouts import Layout
from tts_select.executors.prms.validation import OTHER_FORMAT

_SAMPLE_PROBLEM, _SAMPLE_STEPS = "What is 1?", ("We add 2.", "So $x^2 = 4$", "3")


class EncodedSolution(NamedTuple):
    """`closed[k]` is the index of the token that closes the prompt (k = 0) or step k, where it is read."""

    ids: np.ndarray
    closed: list[int]


class Encoder:
    """Encodes solutions with one layout and one tokenizer."""

    def __init__(self, layout: Layout, tokenizer: Any, name: str) -> None:
        """Check that the tokenizer suits the layout.

        Raises:
            InputError: the tokenizer does not suit the layout.
        """
        self._layout, self._tokenizer, self._name = layout, tokenizer, name
        self.frame = frame_of(layout, tokenizer, name)
        self._begin = _begin(layout, tokenizer, name)
        self._behind = _behind(layout, tokenizer, name)
        self._n_behind = len(self._ids(self._behind)) if self._behind else 0
        self._close = self._ids(self.frame.close) if layout.is_apart and self.frame.close else []
        self._verify()

    def __call__(self, problem: str, steps: Sequence[str]) -> EncodedSolution:
        """Their ids; a step that is empty has been refused before."""
        if self._layout.is_stripped:
            problem, steps = problem.strip(), [step.strip() for step in steps]
        close = "" if self._layout.is_apart else self.frame.close
        texts = [self._behind + self.frame.step(k, step) + close for k, step in enumerate(steps)]
        prompt, *pieces = self._tokenizer([self.frame.prompt(problem), *texts], add_special_tokens=False)[
            "input_ids"
        ]
        found = [self._begin + prompt, *(piece[self._n_behind :] + self._close for piece in pieces)]
        closed = np.cumsum([len(piece) for piece in found]) - 1
        return EncodedSolution(
            np.array([i for piece in found for i in piece], dtype=np.int64), closed.tolist()
        )

    @property
    def close_id(self) -> int:
        """The token at which a step is read, where the close is one."""
        return (self._close or self._ids(self.frame.close))[-1]

    def _ids(self, text: str) -> list[int]:
        found: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def _verify(self) -> None:
        """Check that the close is one token, and that pieces and whole text have the same tokens."""
        if self._layout.close_is_one_token:
            self._verify_close()
        if not self._layout.is_apart:
            whole = self.frame.prompt(_SAMPLE_PROBLEM)
            whole += "".join(self.frame.step(k, s) + self.frame.close for k, s in enumerate(_SAMPLE_STEPS))
            if self(_SAMPLE_PROBLEM, _SAMPLE_STEPS).ids.tolist() != self._begin + self._ids(whole):
                raise InputError(
                    f"the tokenizer of {self._name} joins text over the ends of steps: {OTHER_FORMAT}"
                )

    def _verify_close(self) -> None:
        before = [] if self._layout.is_apart else self._ids("1")
        closed = self._close if self._layout.is_apart else self._ids("1" + self.frame.close)
        is_one = len(closed) == len(before) + 1 and closed[:-1] == before
        if not is_one or closed[-1] == self._tokenizer.unk_token_id:
            raise InputError(_no_token(self._name, self.frame.close))


def single_token(text: str, tokenizer: Any, name: str) -> int:
    """The id of the one token that this text is.

    Raises:
        InputError: it is none, or several.
    """
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if len(ids) != 1 or ids[0] == tokenizer.unk_token_id:
        raise InputError(_no_token(name, text))
    return int(ids[0])


def _no_token(name: str, text: str) -> str:
    shown = text.replace("\n", "\\n")
    return f"{name} has no single token '{shown}': {OTHER_FORMAT}"


def _begin(layout: Layout, tokenizer: Any, name: str) -> list[int]:
    if not layout.begins:
        return []
    if layout.begins == "added":
        added: list[int] = tokenizer("")["input_ids"]
        return [i for i in added if i == tokenizer.bos_token_id]
    if tokenizer.bos_token_id is None:
        raise InputError(
            f"the tokenizer of {name} has no beginning-of-text token (bos_token), which this format begins "
            "with: take the PRM's own tokenizer, or choose another format with --prm-format"
        )
    return [int(tokenizer.bos_token_id)]


def _behind(layout: Layout, tokenizer: Any, name: str) -> str:
    if "{pad}" in layout.behind and tokenizer.pad_token is None:
        raise InputError(
            f"the tokenizer of {name} has no padding token (pad_token), which this format cuts steps with: "
            "take the PRM's own tokenizer, or choose another format with --prm-format"
        )
    return layout.behind.replace("{pad}", tokenizer.pad_token or "")
