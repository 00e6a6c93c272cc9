from __future__ import annotations

import pytest
import torch

from tts_select.data.world.tokenizer import build_tokenizer
from tts_select.training.world.models import SHARPNESS, Size, grow, new_model, sharpen

TOKENIZER = build_tokenizer()


def test_a_seed_fixes_the_weights() -> None:
    first, again, other = (new_model(Size(32, 1), TOKENIZER, seed) for seed in (1, 1, 2))
    assert torch.equal(first.lm_head.weight, again.lm_head.weight)
    assert not torch.equal(first.lm_head.weight, other.lm_head.weight)
    assert first.config.vocab_size == TOKENIZER.get_vocab_size()


@pytest.mark.parametrize("layers", [2, 3, 5])
def test_a_grown_model_computes_the_same_function(layers: int) -> None:
    model = new_model(Size(64, 2), TOKENIZER, seed=1).eval()
    grown = grow(model, layers, TOKENIZER, seed=9).eval()
    ids = torch.arange(40).reshape(2, 20)
    with torch.inference_mode():
        torch.testing.assert_close(grown(ids).logits, model(ids).logits, atol=1e-6, rtol=0)
    assert len(grown.model.layers) == layers


def test_what_was_grown_can_learn() -> None:
    grown = grow(new_model(Size(32, 1), TOKENIZER, seed=1), 2, TOKENIZER, seed=9)
    grown(torch.arange(10)[None]).logits.square().sum().backward()
    new = grown.model.layers[1]
    assert new.self_attn.o_proj.weight.grad.abs().sum() > 0
    assert new.mlp.down_proj.weight.grad.abs().sum() > 0


def test_a_sharpened_model_writes_as_a_colder_one() -> None:
    model = new_model(Size(32, 1), TOKENIZER, seed=1).eval()
    ids = torch.arange(10)[None]
    with torch.inference_mode():
        before = model(ids).logits
        sharpen(model)
        torch.testing.assert_close(model(ids).logits, before * SHARPNESS)
