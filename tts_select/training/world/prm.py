"""Trains a PRM: a causal LM that says `+` or `-` at the end of each step, and nothing else.

It is a judge, not a writer: it learns from the samples of the policies, each token of which is right or
wrong, and from right derivations, and no word but the two signs has a weight in its last layer.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from tts_select.data.world.suite import STEP_DELIMITER
from tts_select.data.world.tokenizer import token_id
from tts_select.executors.prms.rules import BAD, GOOD
from tts_select.training.world.corpus import IGNORE, Batch, Example
from tts_select.training.world.loop import Chunks, Loss
from tts_select.training.world.recipe import PrmStage
from tts_select.training.world.samples import read_labelled, write_samples

SAMPLES_A_CHUNK = 3072
GOLD_A_CHUNK = 1024
DELIMITER_WEIGHT = 4.0
TEXT_WEIGHT = 0.5


def labelled_samples(
    stage: PrmStage, out: Path, seed: int, tokenizer: Tokenizer, device: str
) -> list[Example]:
    """The labelled samples of the stage's policies; sampled once and kept beside the models."""
    examples: list[Example] = []
    for policy in stage.policies:
        path = out / f"{policy}.samples-{stage.n_problems}x{stage.n_samples}.jsonl"
        if not path.exists():
            write_samples(
                out / policy,
                path,
                n_problems=stage.n_problems,
                n_samples=stage.n_samples,
                seed=seed,
                device=device,
            )
        examples += read_labelled(path, tokenizer)
    return examples


def mixed_chunks(labelled: Sequence[Example], gold: Chunks, name: str) -> Chunks:
    """Chunks of labelled samples, epoch after epoch in a new order, with some right derivations."""
    per_epoch = max(1, len(labelled) // SAMPLES_A_CHUNK)

    def chunk(k: int) -> list[Example]:
        epoch, place = divmod(k, per_epoch)
        order = list(range(len(labelled)))
        random.Random(f"{name}:{epoch}").shuffle(order)
        picked = order[place * SAMPLES_A_CHUNK : (place + 1) * SAMPLES_A_CHUNK]
        return [labelled[i] for i in picked] + list(gold(k))[:GOLD_A_CHUNK]

    return chunk


def verdict_loss(tokenizer: Tokenizer) -> Loss:
    """The loss of a PRM as a function of its logits: binary cross-entropy of the verdict at every token, and
    the language-model loss of right tokens, without which it forgets what should come next."""
    good, bad = token_id(tokenizer, GOOD), token_id(tokenizer, BAD)
    delimiter = token_id(tokenizer, STEP_DELIMITER)

    def loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        judged = batch.verdicts != IGNORE
        margin = (logits[..., good] - logits[..., bad])[judged]
        weight = 1 + (DELIMITER_WEIGHT - 1) * batch.ids[judged].eq(delimiter).float()
        each = F.binary_cross_entropy_with_logits(
            margin, batch.verdicts[judged].float(), weight, reduction="sum"
        )
        words = logits.clone()
        words[..., [good, bad]] = float("-inf")  # the signs are verdicts, never the next word
        text = F.cross_entropy(words.flatten(0, 1), batch.next_ids.flatten(), ignore_index=IGNORE)
        total: torch.Tensor = each / weight.sum().clamp(min=1) + TEXT_WEIGHT * text
        return total

    return loss


def only_signs(model: LlamaForCausalLM, tokenizer: Tokenizer) -> None:
    """Take every word but the two signs out of the model's last layer, in place."""
    signs = [token_id(tokenizer, GOOD), token_id(tokenizer, BAD)]
    weight = model.lm_head.weight
    with torch.no_grad():
        kept = weight[signs].clone()
        weight.zero_()
        weight[signs] = kept
