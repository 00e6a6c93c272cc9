"""A small router that no sweep taught: its trees are grown on random numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from tts_select.selector.calibration import Calibration
from tts_select.selector.features import text_features
from tts_select.selector.portfolio import Portfolio, parse_portfolio
from tts_select.selector.router import Calibrated, DifficultyModel, Probe, Router, layout_of, words_of

PROBLEM = "Start with 12. Add 30. What is the result?"


@dataclass(frozen=True)
class Constant:
    """Says the same of every row."""

    value: float

    def predict(self, rows: np.ndarray, num_threads: int) -> np.ndarray:
        return np.full(len(rows), self.value)


@pytest.fixture(scope="session")
def problem() -> str:
    return PROBLEM


@pytest.fixture(scope="session")
def portfolio() -> Portfolio:
    arms = [
        {"policy": ["p", "q"], "method": "cot"},
        {"policy": ["p", "q"], "method": "majority", "budget": [2, 4, 8]},
        {"policy": "p", "prm": ["r", "s"], "method": "best_of_n", "budget": [2, 4]},
        {"policy": "q", "prm": "r", "method": "beam", "budget": 4},
    ]
    return parse_portfolio({"name": "small", "arms": arms}, "small")


def router_of(portfolio: Portfolio, new_model: Callable[[int, bool], object]) -> Router:
    """`new_model` gets the number of features and whether it is of probabilities."""
    layout = layout_of(portfolio)
    n_state, n_arm, n_outcome = map(len, (layout.state_names, layout.arm_names, layout.outcome_names))
    curve = Calibration((0.0, 0.5, 1.0), (0.05, 0.4, 0.95))
    text = text_features(PROBLEM)
    return Router(
        portfolio=portfolio,
        probe=Probe("p", "r", 2),
        success=Calibrated(new_model(n_arm, True), curve),
        confidence=Calibrated(new_model(n_outcome, True), curve),
        cost=new_model(n_arm, False),
        difficulty={
            policy: DifficultyModel(
                Calibrated(new_model(n_state, True), curve), ((-1.0, -0.2, 0.3), (0.5, -0.1, 0.1))
            )
            for policy in portfolio.policies
        },
        prices={"low": 3e-9, "medium": 1e-9, "high": 1e-10},
        fallback=portfolio.arms[-1].name,
        text_ranges=tuple((0.5 * value, 1.5 * value) for value in text),
        words=words_of(PROBLEM),
        mean_tokens=dict.fromkeys(portfolio.policies, 20.0),
        fingerprints={"p": "fp-p", "q": "fp-q", "r": "fp-r", "s": "fp-s", "grader": "g"},
    )


@pytest.fixture(scope="session")
def router(portfolio: Portfolio) -> Router:
    import lightgbm

    def grow(n_features: int, probability: bool) -> object:
        rng = np.random.default_rng(n_features)
        rows = rng.uniform(0, 60, (300, n_features))
        labels = rng.random(300) if probability else 6 + 3 * rng.random(300)
        parameters = {
            "objective": "cross_entropy" if probability else "regression",
            "verbosity": -1,
            "num_threads": 1,
        }
        data = lightgbm.Dataset(rows, labels, params={"verbosity": -1})
        return lightgbm.train(parameters, data, num_boost_round=5)

    return router_of(portfolio, grow)


@pytest.fixture(scope="session")
def constant_router() -> Callable[..., Router]:
    """A router whose models say the same of everything."""

    def make(arms: Sequence[dict[str, object]], *, p: float = 0.5, log10_flops: float = 6.0) -> Router:
        small = parse_portfolio({"name": "constant", "arms": list(arms)}, "constant")
        return router_of(small, lambda _, probability: Constant(p if probability else log10_flops))

    return make
