"""What a problem may cost, and what a router thinks of it after a look."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tts_select.core.errors import InputError, UnknownName
from tts_select.selector.deciding import Decision, Option
from tts_select.selector.difficulty import Difficulty
from tts_select.selector.exchange import DOLLARS, FLOPS, Price
from tts_select.selector.routers.protocol import Router

DEFAULT_EFFORT = "medium"


@dataclass(frozen=True, slots=True)
class Spending:
    """What a problem may cost. `effort` is a price fitted in training; `price` overrides it."""

    effort: str = DEFAULT_EFFORT
    price: float | str | None = None
    """The price in probability per unit of the router's costs, or per another one, as in `0.1/dollar`."""
    max_tokens: int | None = None
    max_flops: float | None = None
    max_dollars: float | None = None
    deadline: float | None = None
    """Seconds from the first probe."""

    def check(self) -> None:
        """Check the limits.

        Raises:
            InputError: a limit allows nothing.
        """
        if self.max_tokens is not None and self.max_tokens < 1:
            raise InputError(f"the cap is {self.max_tokens} tokens: allow at least 1")
        if self.max_flops is not None and not self.max_flops > 0:
            raise InputError(f"the cap is {self.max_flops} FLOPs: allow more than 0")
        if self.max_dollars is not None and not self.max_dollars > 0:
            raise InputError(f"the cap is {self.max_dollars} dollars: allow more than 0")
        if self.price is not None:
            Price.read(self.price)
        if self.deadline is not None and not self.deadline > 0:
            raise InputError(f"the deadline is {self.deadline} seconds: allow more than 0")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the router thinks of a problem after looking at it; all that `plan` prints."""

    difficulty: Mapping[str, Difficulty]
    """The difficulty by policy."""
    options: tuple[Option, ...]
    """The options, best first; the first one is the plan."""
    price: float
    reason: str
    unfamiliar: str | None
    n_probes: int
    probe_flops: float
    unit: str = FLOPS
    """The unit of the options' costs and of the price."""

    @property
    def chosen(self) -> Option:
        """What will be done."""
        return self.options[0]

    def as_dict(self) -> dict[str, object]:
        """Return the record of the outlook for JSON."""
        return {
            "chosen": self.chosen.name,
            "reason": self.reason,
            "unfamiliar": self.unfamiliar,
            "price": self.price,
            "unit": self.unit,
            "probes": self.n_probes,
            "probe_flops": self.probe_flops,
            "difficulty": {policy: found.as_dict() for policy, found in self.difficulty.items()},
            "options": [
                {
                    "name": o.name,
                    "p_correct": _known(o.p_correct),
                    "flops": _known(o.flops),
                    "dollars": _known(o.dollars),
                    "seconds": o.seconds,
                    "value": _known(o.value(self.price)),
                }
                for o in self.options
            ],
        }


def _known(value: float) -> float | None:
    """JSON has no NaN: what is not known is None."""
    return None if math.isnan(value) else value


def check_unit(router: Router, spending: Spending) -> None:
    """Check that the caps suit the router's unit.

    Raises:
        InputError: a cap is in FLOPs, and the router counts something else.
    """
    if spending.max_flops is not None and router.unit != FLOPS:
        raise InputError(
            f"the cap is in FLOPs, and the router counts {router.unit}: cap the tokens with --max-tokens, "
            "or the dollars with --max-dollars"
        )


def price_of(router: Router, spending: Spending) -> Price:
    """Return the price to decide at.

    Raises:
        InputError: the effort or the price's unit is unknown, or the price is negative.
    """
    if spending.price is not None:
        return Price.read(spending.price)
    if not router.prices:
        return Price(0.0)  # a named arm costs what it costs
    if spending.effort not in router.prices:
        raise UnknownName("effort", spending.effort, router.prices)
    return Price(router.prices[spending.effort])


def caps_too_low(decision: Decision, unit: str) -> str:
    """What is said where the caps allow none of the options of a decision."""
    cheapest = min(decision.options, key=lambda o: o.flops)
    has_dollars = unit != DOLLARS and not math.isnan(cheapest.dollars)
    return (
        f"the caps are below the cheapest arm, {cheapest.name}, which takes about "
        f"{cheapest.flops:.3g} {unit} and {cheapest.tokens:.0f} tokens"
        f"{f' ({cheapest.dollars:.2g} dollars)' if has_dollars else ''}: raise --max-flops or --max-tokens"
        f"{' or --max-dollars' if has_dollars else ''}"
    )
