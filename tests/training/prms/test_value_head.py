from __future__ import annotations

import numpy as np
import pytest

from tts_select.training.prms.hidden import States
from tts_select.training.prms.solutions import Solution, split_of
from tts_select.training.prms.value_head import fit_head, labels_of


def made(n_problems: int = 400, n_samples: int = 8, size: int = 6) -> tuple[list[Solution], States]:
    """Solutions of two steps; the second depth tells in its first number how likely they are right."""
    rng = np.random.default_rng(0)
    solutions, rows = [], []
    for p in range(n_problems):
        for s in range(n_samples):
            logit = rng.normal()
            right = bool(rng.random() < 1 / (1 + np.exp(-2 * logit)))
            solutions.append(
                Solution(f"p{p}", "t", "m", (f"a{s}", f"b{s}"), right, 0, 5, -1.0, split_of(f"p{p}", 0))
            )
            told = np.concatenate([[3 * logit + 7], rng.normal(size=size - 1)])
            rows += [[rng.normal(size=size), told]] * 2
    values = np.array(rows, dtype=np.float16).transpose(1, 0, 2)
    place = np.repeat(np.arange(len(solutions)), 2)
    return solutions, States((2, 4), values, place, np.arange(len(place)) % 2 == 1)


def test_a_head_finds_the_depth_and_the_direction_and_is_calibrated() -> None:
    solutions, states = made()
    head = fit_head(states, labels_of(solutions, states))
    assert head.n_layers == 4
    assert abs(head.weight[0]) > 5 * np.abs(head.weight[1:]).max()
    # the truth is 2 x logit, and the state is 3 x logit + 7
    assert head.weight[0] == pytest.approx(2 / 3, rel=0.3)
    assert head.bias == pytest.approx(-14 / 3, rel=0.3)


def test_beginnings_that_samples_share_have_soft_labels() -> None:
    steps = [("a", "b"), ("a", "c"), ("a", "c"), ("d", "b")]
    right = [True, False, True, False]
    solutions = [
        Solution("p", "t", "m", s, r, 0, 5, -1.0, "train") for s, r in zip(steps, right, strict=True)
    ]
    place = np.repeat(np.arange(4), 2)
    states = States((1,), np.zeros((1, 8, 3), np.float16), place, np.arange(8) % 2 == 1)
    labels = labels_of(solutions, states)
    assert labels.right == pytest.approx([2 / 3, 1, 2 / 3, 0.5, 2 / 3, 0.5, 0, 0])
    assert labels.weight == pytest.approx([0.5] * 8)
    assert labels.of("train").all()


def test_noise_teaches_the_base_rate_alone() -> None:
    solutions, states = made()
    noise = np.random.default_rng(1).normal(size=states.values.shape).astype(np.float16)
    head = fit_head(
        States(states.layers, noise, states.solution, states.is_last), labels_of(solutions, states)
    )
    rate = np.mean([s.correct for s in solutions])
    p = 1 / (1 + np.exp(-head.logits(noise[0])))
    assert p.mean() == pytest.approx(rate, abs=0.05)
    assert p.std() < 0.1
