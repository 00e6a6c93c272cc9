"""A router whose models are written down instead of learned, and policies that cost what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tts_select.core.cost import Cost
from tts_select.core.protocols import Continuation, Meter, SampleRequest
from tts_select.data.grading import GRADER
from tts_select.selector.calibration import Calibration
from tts_select.selector.familiarity import TextRanges
from tts_select.selector.features import SUREST
from tts_select.selector.portfolio import parse_portfolio
from tts_select.selector.routers.lookahead import (
    CalibratedModel,
    DifficultyModel,
    LookaheadRouter,
    Probe,
    layout_of,
)
from tts_select.selector.text_features import text_features
from tts_select.testing import FakePolicy

SAMPLE_FLOPS = 1e6


class ExactPolicy(FakePolicy):
    """Every sample costs the same, and the prompt nothing."""

    factor = 1.0

    async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        return await super().sample(request, Repriced(meter, self.factor * SAMPLE_FLOPS * request.n))


@dataclass(frozen=True)
class Repriced:
    """Charges so many FLOPs, whatever the cost is."""

    meter: Meter
    flops: float

    def charge(self, cost: Cost) -> None:
        self.meter.charge(replace(cost, flops=self.flops))


@dataclass(frozen=True)
class Formula:
    """A model of the router that is written down instead of learned."""

    of: Callable[[np.ndarray], np.ndarray]

    def predict(self, rows: np.ndarray, num_threads: int) -> np.ndarray:
        return self.of(rows)


def exact_router() -> LookaheadRouter:
    """Knows the cost of its arms: `SAMPLE_FLOPS` a sample. The answer at hand is the surer the more samples
    there are, and the less sure the longer the problem is; an arm is expected to make it just so."""
    arms = [
        {"policy": "p", "method": "majority", "budget": [4, 8, 16]},
        {"policy": "p", "prm": "r", "method": "best_of_n", "budget": 1},  # the probes' PRM has its place
    ]
    portfolio = parse_portfolio({"name": "exact", "arms": arms}, "exact")
    strengths = dict.fromkeys((arm.name for arm in portfolio.arms), 0.5)
    layout = layout_of(portfolio, strengths)
    n_seen, n_words = (layout.answer_names.index(name) for name in ("answer/answering", "text/words"))
    surest, log2_n, more, words = (
        layout.option_names.index(name) for name in (SUREST, "arm/log2_n", "arm/more_samples", "text/words")
    )

    def confidence(rows: np.ndarray) -> np.ndarray:
        return 1 - np.exp(-rows[:, n_seen] / rows[:, n_words])

    def mend(rows: np.ndarray) -> np.ndarray:
        later = 1 - np.exp(-(2 ** rows[:, log2_n]) / rows[:, words])
        return np.maximum(0.0, later - rows[:, surest]) / (1 - rows[:, surest])

    return LookaheadRouter(
        portfolio=portfolio,
        probe=Probe("p", "r", 2),
        mend=written_down(mend),
        spoil=written_down(lambda rows: np.zeros(len(rows))),
        confidence=written_down(confidence),
        cost=Formula(lambda rows: np.log10(SAMPLE_FLOPS * np.maximum(rows[:, more], 1e-9))),  # type: ignore[arg-type]
        difficulty={
            "p": DifficultyModel(written_down(lambda rows: np.full(len(rows), 0.5)), ((-1.0, -0.2, 0.2),))
        },
        prices={"low": 1e-7, "medium": 1e-8, "high": 1e-9},
        fallback="majority@16 p",
        familiarity=TextRanges(tuple((0.0, 1e3) for _ in text_features("")), frozenset()),
        mean_tokens={"p": 6.0},
        strengths=strengths,
        fingerprints={"p": "fp-p", "r": "fp-r", "grader": GRADER},
    )


def written_down(of: Callable[[np.ndarray], np.ndarray]) -> CalibratedModel:
    """Says what the formula gives."""
    return CalibratedModel(Formula(of), Calibration((0.0, 1.0), (0.0, 1.0)))  # type: ignore[arg-type]
