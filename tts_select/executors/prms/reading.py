"""Turns a PRM's logits into scores: one function for each rule by which a format says its verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from tts_select.executors.prms.encoding import single_token
from tts_select.executors.prms.rules import Classes, Likelihood, LogRatio, ReadRule, Sign, Value

Values = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""The value of each position, shape (positions,), from logits of shape (positions, outputs of the head), from
the tokens that follow, and from whether these close a step."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A step's value is the sum of `values` at its positions; `score` makes it a number in [0, 1]."""

    values: Values
    score: Callable[[float], float] = math.exp
    is_cumulative: bool = False
    """Whether the value of the step before is a part of a step's value."""
    reads_all: bool = False
    """Whether every token of a step is read; else the last one alone."""

    def positions(self, start: int, end: int) -> range:
        """Where to look for a step that is closed at `end`, when the text before it is closed at `start`."""
        return range(start, end) if self.reads_all else range(end, end + 1)


def reader_of(rule: ReadRule, tokenizer: Any, name: str) -> Reader:
    """The reader of a rule.

    Raises:
        InputError: the tokenizer does not have the tokens that the rule needs.
    """
    match rule:
        case Sign():
            signs = [single_token(sign, tokenizer, name) for sign in (rule.good, rule.bad)]
            return Reader(_sign(signs), is_cumulative=rule.is_cumulative)
        case Likelihood():
            return Reader(_likelihood(tokenizer.eos_token_id), is_cumulative=True, reads_all=True)
        case LogRatio():
            return Reader(_written, _sigmoid, is_cumulative=True, reads_all=True)
        case Classes():
            return Reader(_classes(list(rule.good)), _probability)
        case Value():
            return Reader(_value)


def _sign(signs: list[int]) -> Values:
    def values(logits: torch.Tensor, _next_ids: torch.Tensor, _is_end: torch.Tensor) -> torch.Tensor:
        return logits[:, signs].log_softmax(-1)[:, 0]

    return values


def _likelihood(end_of_text: int) -> Values:
    """A step may be closed by its separator or by the end."""

    def values(logits: torch.Tensor, next_ids: torch.Tensor, is_end: torch.Tensor) -> torch.Tensor:
        logprobs = logits.log_softmax(-1)
        written = logprobs.gather(-1, next_ids[:, None])[:, 0]
        either = torch.logaddexp(written, logprobs[:, end_of_text])
        return torch.where(is_end, either, written)

    return values


def _written(logits: torch.Tensor, next_ids: torch.Tensor, _is_end: torch.Tensor) -> torch.Tensor:
    return logits.log_softmax(-1).gather(-1, next_ids[:, None])[:, 0]


def _classes(good: list[int]) -> Values:
    def values(logits: torch.Tensor, _next_ids: torch.Tensor, _is_end: torch.Tensor) -> torch.Tensor:
        return logits.log_softmax(-1)[:, good].logsumexp(-1)

    return values


def _value(logits: torch.Tensor, _next_ids: torch.Tensor, _is_end: torch.Tensor) -> torch.Tensor:
    value = logits[:, 0]
    return torch.where(value.isfinite(), torch.nn.functional.logsigmoid(value), torch.nan)


def _probability(value: float) -> float:
    return math.exp(min(value, 0.0))  # rounding may bring a sum of probabilities above one


def _sigmoid(value: float) -> float:
    if math.isinf(value):  # an overflow, not certainty
        return math.nan
    return 0.5 * (1 + math.tanh(value / 2))  # without overflow on either side
