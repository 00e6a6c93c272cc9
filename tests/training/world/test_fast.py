"""The fast forward pass of training is the model's own, but for the precision of bfloat16."""

from __future__ import annotations

import pytest
import torch

from tts_select.data.world.tokenizer import build_tokenizer
from tts_select.training.world import fast
from tts_select.training.world.fast import forward_of
from tts_select.training.world.models import Size, new_model

IDS = torch.arange(60).reshape(3, 20) % 50


@pytest.mark.parametrize(("half", "tolerance"), [(False, 1e-5), (True, 0.05)])
def test_logits_are_those_of_the_model(half: bool, tolerance: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "computes_in_bfloat16", lambda: half)
    model = new_model(Size(64, 2), build_tokenizer(), seed=0)
    with torch.no_grad():
        plain = model(IDS).logits
        found = forward_of(model)(IDS)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, plain, atol=tolerance, rtol=tolerance)
    assert half != torch.equal(found, plain)


def test_gradients_are_those_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "computes_in_bfloat16", lambda: True)
    model = new_model(Size(64, 2), build_tokenizer(), seed=0)
    each = []
    for forward in (lambda ids: model(ids).logits, forward_of(model)):
        model.zero_grad()
        forward(IDS).square().mean().backward()
        each.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert each[0].dtype == each[1].dtype == torch.float32
    assert torch.cosine_similarity(each[0], each[1], dim=0) > 0.999
