from __future__ import annotations

import pytest
import torch

from tts_select.data.world.tokenizer import build_tokenizer
from tts_select.training.world.models import Size, new_model
from tts_select.training.world.optimizer import Optimizer
from tts_select.training.world.recipe import Recipe

RECIPE = Recipe(stages=(), warmup_steps=4, final_lr_share=0.1, cycle_lr_decay=0.5, muon_lr=1.0, adam_lr=0.5)


def test_the_learning_rate_warms_up_and_falls_in_each_cycle_to_a_lower_peak() -> None:
    model = new_model(Size(32, 1), build_tokenizer(), seed=1)
    optimizer = Optimizer(model, RECIPE, cycles=(20, 20), lr_scale=0.5)
    rates = []
    for step in range(41):
        optimizer.step(step)  # without gradients nothing moves
        (muon, adam) = optimizer.state_dict()
        rates.append([part["param_groups"][0]["lr"] for part in (muon, adam)])  # type: ignore[index]
    muon_rates, adam_rates = ([r[k] for r in rates] for k in range(2))
    assert adam_rates == pytest.approx([r / 2 for r in muon_rates])
    first, second = muon_rates[:20], muon_rates[20:40]
    assert second == pytest.approx([r / 2 for r in first])
    assert first[0] == pytest.approx(0.5 / 4)
    assert first.index(max(first)) == 3
    assert first[4:] == sorted(first[4:], reverse=True)
    assert first[10] == pytest.approx(0.25)
    assert first[-1] == pytest.approx(0.5 * 0.1)


def test_every_parameter_learns_from_one_optimizer() -> None:
    model = new_model(Size(32, 1), build_tokenizer(), seed=1)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    optimizer = Optimizer(model, Recipe(stages=(), warmup_steps=1), cycles=(10,), lr_scale=1.0)
    model(torch.arange(12)[None]).logits.square().sum().backward()
    optimizer.step(0)
    for name, parameter in model.named_parameters():
        assert not torch.equal(parameter, before[name]), name
        assert parameter.grad is None
