"""Training text as token arrays: seeded chunks of examples, cut into batches of similar length.

A chunk depends on its name alone, so a training run that resumes at chunk k sees what it would have seen.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from tokenizers import Tokenizer

from tts_select.data.world.levels import training_shape
from tts_select.data.world.suite import FAMILIES, STEP_DELIMITER, Split, WorldProblem, stream
from tts_select.data.world.tokenizer import EOS, PROMPT_TEMPLATE, token_id

CHUNK_PROBLEMS = 4096
IGNORE = -100


@dataclass(frozen=True, slots=True)
class Example:
    """`ids` with, for each position, the next token to predict (`IGNORE`: none) and whether the text up to
    and including this token is still right (1, 0, or `IGNORE`)."""

    ids: np.ndarray
    next_ids: np.ndarray
    verdicts: np.ndarray


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded examples, each tensor of shape (batch, length)."""

    ids: torch.Tensor
    next_ids: torch.Tensor
    verdicts: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(*(t.to(device) for t in (self.ids, self.next_ids, self.verdicts)))


def solution_text(problem: WorldProblem) -> str:
    """The solution as the policies learn to write it."""
    return STEP_DELIMITER.join(problem.steps)


def gold_examples(problems: Sequence[WorldProblem], tokenizer: Tokenizer) -> list[Example]:
    """Right solutions: every token of the solution, and the end, is to be predicted."""
    eos = token_id(tokenizer, EOS)
    prompts = [PROMPT_TEMPLATE.format(problem=p.problem) for p in problems]
    prompt_lengths = [len(e.ids) for e in tokenizer.encode_batch(prompts)]
    texts = [prompt + solution_text(p) for prompt, p in zip(prompts, problems, strict=True)]
    examples = []
    for encoding, prompt_length in zip(tokenizer.encode_batch(texts), prompt_lengths, strict=True):
        ids = np.array(encoding.ids, dtype=np.int64)
        next_ids = np.append(ids[1:], eos)
        next_ids[: prompt_length - 1] = IGNORE
        verdicts = np.where(np.arange(len(ids)) < prompt_length, IGNORE, 1)
        examples.append(Example(ids, next_ids, verdicts))
    return examples


def gold_chunk(
    name: str, tokenizer: Tokenizer, split: Split = "train", families: Sequence[str] = ()
) -> list[Example]:
    """The chunk of this name, of some families or (none) of all."""
    drawn = stream(training_shape, seed=name, split=split, families=families or tuple(FAMILIES))
    problems = list(islice(drawn, CHUNK_PROBLEMS))
    return gold_examples(problems, tokenizer)


def batches(examples: Sequence[Example], *, tokens: int, seed: str) -> list[Batch]:
    """Cut the examples into batches of about `tokens` padded tokens, similar lengths together, in a seeded
    order."""
    by_length = sorted(examples, key=lambda e: len(e.ids))
    cut: list[Batch] = []
    start = 0
    while start < len(by_length):
        end = start + 1
        while end < len(by_length) and len(by_length[end].ids) * (end + 1 - start) <= tokens:
            end += 1
        cut.append(pad(by_length[start:end]))
        start = end
    random.Random(seed).shuffle(cut)
    return cut


def pad(examples: Sequence[Example]) -> Batch:
    """Pad on the right: with causal attention no mask is needed, as nothing right looks at a pad."""
    width = max(len(e.ids) for e in examples)

    def stack(arrays: Iterator[np.ndarray], fill: int) -> torch.Tensor:
        rows = [np.pad(a, (0, width - len(a)), constant_values=fill) for a in arrays]
        return torch.from_numpy(np.stack(rows))

    return Batch(
        stack((e.ids for e in examples), 0),
        stack((e.next_ids for e in examples), IGNORE),
        stack((e.verdicts for e in examples), IGNORE),
    )
