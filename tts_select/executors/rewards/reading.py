"""From a PRM's logits to log-scores: one reader for each way in which a format says its verdict."""

from __future__ import annotations

from typing import Any, Protocol

import torch

from tts_select.core.errors import InputError
from tts_select.executors.rewards.formats import PrmFormat


class Reader(Protocol):
    """A step's log-score is the sum of what is read at its positions."""

    is_cumulative: bool
    """Whether the score of the step before is a factor of a step's score."""

    def positions(self, start: int, end: int) -> range:
        """Where to look for a step that is closed at `end`, when the text before it is closed at `start`."""

    def log_scores(self, logits: torch.Tensor, next_ids: torch.Tensor, is_end: torch.Tensor) -> torch.Tensor:
        """Of each position, shape (positions,), from logits of shape (positions, vocabulary).

        `next_ids` are the tokens that follow, and `is_end` says which of them close a step.
        """


class SignReader:
    """Weighs two tokens at the end of the step."""

    is_cumulative = False

    def __init__(self, format: PrmFormat, tokenizer: Any, name: str) -> None:
        self._signs = [_single_token(sign, tokenizer, name) for sign in (format.good, format.bad)]

    def positions(self, _start: int, end: int) -> range:
        """See `Reader.positions`."""
        return range(end, end + 1)

    def log_scores(
        self, logits: torch.Tensor, _next_ids: torch.Tensor, _is_end: torch.Tensor
    ) -> torch.Tensor:
        """See `Reader.log_scores`."""
        return logits[:, self._signs].log_softmax(-1)[:, 0]


class LikelihoodReader:
    """The probability of every token of the step; a step may be closed by its separator or by the end."""

    is_cumulative = True

    def __init__(self, tokenizer: Any) -> None:
        self._end_of_text = tokenizer.eos_token_id

    def positions(self, start: int, end: int) -> range:
        """See `Reader.positions`."""
        return range(start, end)

    def log_scores(self, logits: torch.Tensor, next_ids: torch.Tensor, is_end: torch.Tensor) -> torch.Tensor:
        """See `Reader.log_scores`."""
        logprobs = logits.log_softmax(-1)
        written = logprobs.gather(-1, next_ids[:, None])[:, 0]
        either = torch.logaddexp(written, logprobs[:, self._end_of_text])
        return torch.where(is_end, either, written)


def reader_of(format: PrmFormat, tokenizer: Any, name: str) -> Reader:
    """The reader of a format.

    Raises:
        InputError: the tokenizer does not have the tokens that the format needs.
    """
    if format.read_as == "sign":
        return SignReader(format, tokenizer, name)
    return LikelihoodReader(tokenizer)


def _single_token(sign: str, tokenizer: Any, name: str) -> int:
    ids = tokenizer(sign, add_special_tokens=False)["input_ids"]
    if len(ids) != 1 or ids[0] == tokenizer.unk_token_id:
        raise InputError(
            f"{name} has no single token '{sign}': it is not a PRM of this format, "
            "choose another one with --prm-format"
        )
    return int(ids[0])
