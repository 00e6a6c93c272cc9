from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from tts_select.core.certainty import token_certainty
from tts_select.executors.runtime.sampling import sample_tokens, token_certainties, uniforms

LOGITS = [0.3, 2.0, -1.0, 1.2, 0.0, -4.0]
GRID = (np.arange(4000) + 0.5) / 4000
"""Evenly spread uniforms: the share of them that draws a token is the token's probability."""

seeds = st.integers(0, 2**64 - 1)
positions = st.integers(0, 10_000)


def uniform_of(seed: int, position: int) -> float:
    return float(uniforms(np.array([seed], dtype=np.uint64), np.array([position]))[0])


def shares(*, temperature: float, top_p: float) -> np.ndarray:
    """How often each token of LOGITS is drawn over the grid."""
    n = len(GRID)
    logits = torch.tensor(LOGITS).repeat(n, 1)
    tokens, _ = sample_tokens(logits, np.full(n, temperature), np.full(n, top_p), GRID)
    return np.bincount(tokens.numpy(), minlength=len(LOGITS)) / n


def softmax(temperature: float) -> np.ndarray:
    weights = np.exp(np.array(LOGITS) / temperature)
    expected: np.ndarray = weights / weights.sum()
    return expected


def nucleus(probabilities: np.ndarray, top_p: float) -> np.ndarray:
    """The likeliest tokens, one by one until they hold `top_p`, renormalised."""
    kept, held = np.zeros_like(probabilities), 0.0
    for token in np.argsort(-probabilities):
        if held >= top_p:
            break
        kept[token] = probabilities[token]
        held += float(probabilities[token])
    renormalised: np.ndarray = kept / kept.sum()
    return renormalised


@given(st.lists(st.tuples(seeds, positions), min_size=1, max_size=8))
def test_a_uniform_depends_only_on_its_own_seed_and_position(rows: list[tuple[int, int]]) -> None:
    together = uniforms(np.array([s for s, _ in rows], dtype=np.uint64), np.array([p for _, p in rows]))
    assert together.tolist() == [uniform_of(s, p) for s, p in rows]
    assert ((together >= 0) & (together < 1)).all()


@pytest.mark.parametrize("along", ["seeds", "positions"])
def test_uniforms_are_spread_evenly(along: str) -> None:
    many, one = np.arange(20_000), np.full(20_000, 7)
    drawn = uniforms(many, one) if along == "seeds" else uniforms(one, many)
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    assert np.histogram(drawn, bins=10, range=(0, 1))[0] / 20_000 == pytest.approx(np.full(10, 0.1), abs=0.01)
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.03
    assert len(np.unique(drawn)) == len(drawn)


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0, 2.0])
def test_tokens_are_drawn_as_often_as_the_softmax_says(temperature: float) -> None:
    assert shares(temperature=temperature, top_p=1.0) == pytest.approx(softmax(temperature), abs=1e-3)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.0])
@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.7, 0.9, 0.99])
def test_top_p_keeps_exactly_the_nucleus(temperature: float, top_p: float) -> None:
    expected = nucleus(softmax(temperature), top_p)
    drawn = shares(temperature=temperature, top_p=top_p)
    assert (drawn > 0).tolist() == (expected > 0).tolist()
    assert drawn == pytest.approx(expected, abs=1e-3)


@given(st.integers(0, 1000), st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=6))
def test_greedy_and_sampled_rows_share_a_batch(seed: int, temperatures: list[float]) -> None:
    n = len(temperatures)
    logits = torch.randn((n, 9), generator=torch.Generator().manual_seed(seed)) * 2
    heat, top_p = np.array(temperatures), np.array([0.8 if k % 2 else 1.0 for k in range(n)])
    uniform = uniforms(np.full(n, seed), np.arange(n))
    tokens, _ = sample_tokens(logits, heat, top_p, uniform)
    for k in range(n):
        row = slice(k, k + 1)
        alone, _ = sample_tokens(logits[row], heat[row], top_p[row], uniform[row])
        assert tokens[k] == alone[0]
        if heat[k] == 0:
            assert tokens[k] == logits[k].argmax()


@given(st.integers(0, 1000), st.lists(st.sampled_from([0, 2, 5, 20]), min_size=1, max_size=6))
def test_certainties_are_those_of_each_row_alone(seed: int, top: list[int]) -> None:
    """The vocabulary has 9 tokens, so that 20 of them are 9."""
    logits = torch.randn((len(top), 9), generator=torch.Generator().manual_seed(seed)) * 3
    assume(any(top))
    found = token_certainties(logits, np.array(top)).tolist()
    logprobs = torch.log_softmax(logits.double(), -1)
    for value, row, k in zip(found, logprobs.tolist(), top, strict=True):
        assert value == pytest.approx(token_certainty(row, k), abs=1e-5, nan_ok=True)


@pytest.mark.parametrize("temperature", [0.0, 0.4, 1.0, 3.0])
@pytest.mark.parametrize("top_p", [0.6, 1.0])
def test_logprobs_are_those_at_temperature_1(temperature: float, top_p: float) -> None:
    n = 50
    logits = torch.tensor(LOGITS).repeat(n, 1)
    tokens, logprobs = sample_tokens(logits, np.full(n, temperature), np.full(n, top_p), GRID[::80])
    assert logprobs.numpy() == pytest.approx(np.log(softmax(1.0))[tokens.numpy()], abs=1e-5)
