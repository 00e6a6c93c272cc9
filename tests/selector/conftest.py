"""A small router that no sweep taught: its trees are grown on random numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from tts_select.selector.calibration import Calibration
from tts_select.selector.familiarity import TextRanges, words_of
from tts_select.selector.portfolio import Portfolio, parse_portfolio
from tts_select.selector.routers.lookahead import (
    CalibratedModel,
    DifficultyModel,
    LookaheadRouter,
    Probe,
    layout_of,
)
from tts_select.selector.text_features import text_features

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
        {"policy": "p", "prm": "r", "method": "best_of_n", "temperature": 0},
        {"policy": ["p", "q"], "method": "majority", "budget": [2, 4, 8]},
        {"policy": "p", "prm": ["r", "s"], "method": "best_of_n", "budget": [2, 4]},
        {"policy": "q", "prm": "r", "method": "beam", "budget": 4},
    ]
    return parse_portfolio({"name": "small", "arms": arms}, "small")


def router_of(portfolio: Portfolio, new_model: Callable[[int, str], object]) -> LookaheadRouter:
    """`new_model` gets the number of features and what is modelled."""
    strengths = {arm.name: 0.1 + 0.8 / (1 + k) for k, arm in enumerate(portfolio.arms)}
    layout = layout_of(portfolio, strengths)
    n_state, n_answer, n_option = map(len, (layout.state_names, layout.answer_names, layout.option_names))
    curve = Calibration((0.0, 0.5, 1.0), (0.05, 0.4, 0.95))
    text = text_features(PROBLEM)
    return LookaheadRouter(
        portfolio=portfolio,
        probe=Probe("p", "r", 2),
        mend=CalibratedModel(new_model(n_option, "mend"), curve),
        spoil=CalibratedModel(new_model(n_option, "spoil"), curve),
        confidence=CalibratedModel(new_model(n_answer, "confidence"), curve),
        cost=new_model(n_option, "cost"),
        difficulty={
            policy: DifficultyModel(
                CalibratedModel(new_model(n_state, "difficulty"), curve),
                ((-1.0, -0.2, 0.3), (0.5, -0.1, 0.1)),
            )
            for policy in portfolio.policies
        },
        prices={"low": 3e-9, "medium": 1e-9, "high": 1e-10},
        fallback=portfolio.arms[-1].name,
        familiarity=TextRanges(tuple((0.5 * value, 1.5 * value) for value in text), words_of(PROBLEM)),
        mean_tokens=dict.fromkeys(portfolio.policies, 20.0),
        strengths=strengths,
        fingerprints={"p": "fp-p", "q": "fp-q", "r": "fp-r", "s": "fp-s", "grader": "g"},
    )


@pytest.fixture(scope="session")
def router(portfolio: Portfolio) -> LookaheadRouter:
    import lightgbm

    def grow(n_features: int, what: str) -> object:
        rng = np.random.default_rng([n_features, *what.encode()])
        rows = rng.uniform(0, 60, (300, n_features))
        labels = 6 + 3 * rng.random(300) if what == "cost" else rng.random(300)
        parameters = {
            "objective": "regression" if what == "cost" else "cross_entropy",
            "verbosity": -1,
            "num_threads": 1,
        }
        data = lightgbm.Dataset(rows, labels, params={"verbosity": -1})
        return lightgbm.train(parameters, data, num_boost_round=5)

    return router_of(portfolio, grow)


@pytest.fixture(scope="session")
def constant_router() -> Callable[..., LookaheadRouter]:
    """A router whose models say the same of everything, by default 0.5 and a million FLOPs."""

    def make(arms: Sequence[dict[str, object]], **said: float) -> LookaheadRouter:
        small = parse_portfolio({"name": "constant", "arms": list(arms)}, "constant")
        values = {"cost": 6.0, **said}
        return router_of(small, lambda _, what: Constant(values.get(what, 0.5)))

    return make
