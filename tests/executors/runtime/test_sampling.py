from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tts_select.executors.runtime.sampling import sample_tokens, uniforms

seeds = st.integers(0, 2**63 - 1)
positions = st.integers(0, 10_000)
logit_rows = arrays.arrays(
    np.float32, (4, 7), elements=st.floats(-8, 8, width=32, allow_subnormal=False), unique=True
)
numbers = arrays.arrays(np.float64, 4, elements=st.floats(0, 1, exclude_max=True))


def nucleus(probabilities: np.ndarray, top_p: float) -> set[int]:
    """The smallest set of likeliest tokens whose probability is at least `top_p`, one by one."""
    kept: set[int] = set()
    total = 0.0
    for token in sorted(range(len(probabilities)), key=lambda i: -probabilities[i]):
        if total >= top_p:
            break
        kept.add(token)
        total += float(probabilities[token])
    return kept


def draw(
    logits: np.ndarray, *, temperature: float | list[float], top_p: float = 1.0, uniform: np.ndarray
) -> tuple[list[int], list[float]]:
    n = len(logits)
    tokens, logprobs = sample_tokens(
        torch.from_numpy(logits), np.broadcast_to(np.array(temperature), n), np.full(n, top_p), uniform
    )
    return tokens.tolist(), logprobs.tolist()


@given(st.lists(st.tuples(seeds, positions), min_size=1, max_size=20))
def test_a_number_depends_on_its_seed_and_position_alone(pairs: list[tuple[int, int]]) -> None:
    together = uniforms(np.array([s for s, _ in pairs], np.uint64), np.array([p for _, p in pairs]))
    alone = [uniforms(np.array([s], np.uint64), np.array([p]))[0] for s, p in pairs]
    assert together.tolist() == alone
    assert ((together >= 0) & (together < 1)).all()


@pytest.mark.parametrize("by", ["seed", "position"])
def test_the_numbers_look_uniform_and_independent(by: str) -> None:
    n = 50_000
    counting, constant = np.arange(n), np.full(n, 7)
    pair = (counting, constant) if by == "seed" else (constant, counting)
    u = uniforms(pair[0].astype(np.uint64), pair[1])
    assert len(np.unique(u)) == n
    counts = np.histogram(u, bins=100, range=(0, 1))[0]
    chi_square = ((counts - n / 100) ** 2 / (n / 100)).sum()
    assert 50 < chi_square < 160  # 99 degrees of freedom
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.02


def test_the_numbers_never_change() -> None:
    u = uniforms(np.array([0, 1, 2**63 - 1], np.uint64), np.array([0, 5, 1000]))
    assert u.tolist() == pytest.approx(
        [0.8833108082136426, 0.762894391911761, 0.8024603906404517], rel=1e-15
    )  # the first one is SplitMix64(0), 0xE220A8397B1DCDAF / 2**64


@given(logit_rows, numbers)
def test_temperature_zero_takes_the_likeliest_token(logits: np.ndarray, uniform: np.ndarray) -> None:
    tokens, _ = draw(logits, temperature=0.0, uniform=uniform)
    assert tokens == logits.argmax(-1).tolist()


@given(logit_rows, numbers)
def test_greedy_and_warm_rows_mix(logits: np.ndarray, uniform: np.ndarray) -> None:
    warm, _ = draw(logits, temperature=0.8, uniform=uniform)
    mixed, _ = draw(logits, temperature=[0.0, 0.8, 0.0, 0.8], uniform=uniform)
    best = logits.argmax(-1)
    assert mixed == [best[0], warm[1], best[2], warm[3]]


@given(logit_rows, numbers, st.sampled_from([0.0, 0.3, 1.0, 5.0]), st.sampled_from([0.5, 1.0]))
def test_log_probabilities_are_those_at_temperature_one(
    logits: np.ndarray, uniform: np.ndarray, temperature: float, top_p: float
) -> None:
    tokens, logprobs = draw(logits, temperature=temperature, top_p=top_p, uniform=uniform)
    expected = torch.log_softmax(torch.from_numpy(logits).double(), -1)
    for row, (token, logprob) in enumerate(zip(tokens, logprobs, strict=True)):
        assert logprob == pytest.approx(expected[row, token].item(), abs=1e-4)


@given(logit_rows, numbers, st.floats(0.05, 0.999))
def test_top_p_draws_from_the_nucleus_alone(logits: np.ndarray, uniform: np.ndarray, top_p: float) -> None:
    tokens, _ = draw(logits, temperature=1.0, top_p=top_p, uniform=uniform)
    probabilities = torch.softmax(torch.from_numpy(logits), -1).numpy()
    for row, token in enumerate(tokens):
        assert token in nucleus(probabilities[row], top_p + 1e-5)


@pytest.mark.parametrize("top_p", [0.2, 0.55, 0.9])
def test_every_token_of_the_nucleus_is_drawn(top_p: float) -> None:
    logits = np.log(np.array([[0.05, 0.3, 0.15, 0.4, 0.1]], np.float32)).repeat(400, 0)
    tokens, _ = draw(logits, temperature=1.0, top_p=top_p, uniform=np.linspace(0, 1, 400, endpoint=False))
    assert set(tokens) == nucleus(np.exp(logits[0]), top_p)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("top_p", [1.0, 0.8])
def test_tokens_come_as_often_as_their_probability_says(temperature: float, top_p: float) -> None:
    n = 40_000
    row = np.array([1.5, -0.5, 0.7, 0.0, 2.0, -2.0], np.float32)
    u = uniforms(np.arange(n, dtype=np.uint64), np.full(n, 3))
    tokens, _ = draw(np.tile(row, (n, 1)), temperature=temperature, top_p=top_p, uniform=u)
    p = np.exp(row / temperature) / np.exp(row / temperature).sum()
    kept = nucleus(p, top_p)
    p = np.array([v if i in kept else 0.0 for i, v in enumerate(p)])
    p /= p.sum()
    counts = np.bincount(tokens, minlength=len(row))
    assert (counts[p == 0] == 0).all()
    expected = n * p[p > 0]
    assert ((counts[p > 0] - expected) ** 2 / expected).sum() < 25  # at most 5 degrees of freedom


def test_a_token_that_cannot_come_is_never_drawn() -> None:
    logits = np.array([[-np.inf, 0.0, -np.inf, 0.0, -np.inf]] * 3, np.float32)
    tokens, _ = draw(logits, temperature=1.0, uniform=np.array([0.0, 0.5, 1 - 2**-53]))
    assert tokens == [1, 3, 3]


def test_a_very_low_temperature_is_greedy_and_stays_finite() -> None:
    logits = np.array([[1.0, 1.1, 0.9]], np.float32)
    tokens, logprobs = draw(logits, temperature=1e-9, uniform=np.array([0.999]))
    assert tokens == [1]
    assert np.isfinite(logprobs).all()
