"""The models of the embedded world: small Llamas, and a trained one grown by layers that add nothing."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from tts_select.data.world.tokenizer import EOS, PAD

HEAD_DIM = 32
MLP_RATIO = 3
CONTEXT = 512
SHARPNESS = 1.25
"""What the logits of a published policy are multiplied by: 0.7 samples as 0.56 would without."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a model; `hidden` is a multiple of `HEAD_DIM`."""

    hidden: int
    layers: int


def new_model(size: Size, tokenizer: Tokenizer, seed: int) -> LlamaForCausalLM:
    """A Llama with random weights."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=size.hidden,
        intermediate_size=MLP_RATIO * size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.hidden // HEAD_DIM,
        num_key_value_heads=size.hidden // HEAD_DIM,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.token_to_id(EOS),
        pad_token_id=tokenizer.token_to_id(PAD),
    )
    return LlamaForCausalLM(config)


def sharpen(model: LlamaForCausalLM) -> None:
    """Make a policy surer of itself, in place, as tuning on instructions does: a model as small as these
    spreads its probability so widely that most of what is sampled at 0.7 is noise (docs/lab/log.md)."""
    with torch.no_grad():
        model.lm_head.weight.mul_(SHARPNESS)


def grow(model: LlamaForCausalLM, layers: int, tokenizer: Tokenizer, seed: int) -> LlamaForCausalLM:
    """A deeper model that computes the same function: the new layers on top add nothing at first."""
    grown = new_model(Size(model.config.hidden_size, layers), tokenizer, seed)
    grown.load_state_dict(model.state_dict(), strict=False)
    for layer in grown.model.layers[model.config.num_hidden_layers :]:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    return grown
