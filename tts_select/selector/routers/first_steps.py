"""The first step of a look-ahead router, chosen by the text alone: whom to ask first, and whether to ask one
who is likely right already.

In training every first step was taken on every problem, and the router went on as it does
(`training/routers/lookahead/first_steps.py`). What came of it, right or wrong and all that it cost, is what
is expected here. So a look at a cheap policy is taken where what it shows is worth it, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.by_text import Expected, Heads
from tts_select.selector.deciding import Caps, Decision, Option, next_samples
from tts_select.selector.portfolio import Portfolio


@dataclass(frozen=True, slots=True)
class FirstStep:
    """An arm of the portfolio to begin with, up to `n` samples of its pool, or the budget of a search."""

    arm: str
    n: int


@dataclass(frozen=True, eq=False)
class FirstSteps:
    """What is expected of a whole course that begins with each step, at some prices."""

    steps: tuple[FirstStep, ...]
    prices: np.ndarray
    """From low to high, in probability per unit of cost."""
    heads: Heads
    """For each price all steps."""

    def at(self, numbers: np.ndarray, price: float) -> Expected:
        """Return what is expected of each step by the numbers of a text, at a price; between two prices it is
        between what is expected at these."""
        shape = len(self.prices), len(self.steps)
        found = self.heads.of(numbers)
        p, cost = found.p_correct.reshape(shape), np.log(np.maximum(found.cost, 1.0)).reshape(shape)
        place = np.interp(np.log(max(price, self.prices[0])), np.log(self.prices), np.arange(shape[0]))
        low, share = int(place), place - int(place)
        high = min(low + 1, shape[0] - 1)
        return Expected(
            (1 - share) * p[low] + share * p[high], np.exp((1 - share) * cost[low] + share * cost[high])
        )

    def courses(self, portfolio: Portfolio, numbers: np.ndarray, price: float) -> list[tuple[Option, int]]:
        """Return an option for each step, with what is expected of all that follows, and how far the step
        goes."""
        found = self.at(numbers, price)
        return [
            (Option(portfolio[step.arm], float(p), float(cost)), step.n)
            for step, p, cost in zip(self.steps, found.p_correct, found.cost, strict=True)
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the record of it for JSON."""
        return {
            "steps": [asdict(step) for step in self.steps],
            "prices": self.prices.tolist(),
            "heads": self.heads.as_dict(),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], n_features: int) -> FirstSteps:
        """The inverse of `as_dict`, for texts of so many numbers beside the constant.

        Raises:
            KeyError, TypeError, ValueError: it is malformed.
        """
        steps = tuple(FirstStep(str(step["arm"]), int(step["n"])) for step in record["steps"])
        prices = np.array(record["prices"], float)
        if not len(prices) or (prices <= 0).any() or (np.diff(prices) <= 0).any():
            raise ValueError("the prices of first steps rise from more than 0")
        return cls(steps, prices, Heads.from_dict(record["heads"], len(prices) * len(steps), n_features))


def first_decision(
    courses: Sequence[tuple[Option, int]], alone: Sequence[Option], price: float, caps: Caps
) -> Decision:
    """Decide what runs first: a step after which it is decided again, or an arm that is worth it by itself.
    Of an arm that is both the better one counts."""
    found = [*courses, *((option, _first_round(option)) for option in alone)]
    timed = [(caps.timed(option, 0), n) for option, n in found]
    by_arm: dict[Arm | None, tuple[Option, int]] = {}
    for option, n in sorted(timed, key=lambda pair: (-pair[0].value(price), pair[0].flops)):
        if caps.allow(option):
            by_arm.setdefault(option.arm, (option, n))
    if not by_arm:
        return Decision(None, tuple(option for option, _ in timed))
    (first, n), *_ = by_arm.values()
    return Decision(first, tuple(option for option, _ in by_arm.values()), n, why=_why(first))


def _first_round(option: Option) -> int:
    assert option.arm is not None
    return next_samples(option.arm, 0) if option.arm.is_sampling else option.arm.budget


def _why(option: Option) -> str:
    return f"by the text, {option.name} first: P(correct) {option.p_correct:.2f} for {option.flops:.2g} FLOPs"
