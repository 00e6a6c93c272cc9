"""Units of cost, and what one is in another: for prices such as `0.1/dollar`, and for the dollars of options.

A router decides at a price in its own unit. Another unit is exchanged by what a token of its policies comes
to in both; where that is not known, by what this problem has cost in both. Seconds are those that the caller
waits: of the round that comes next, where they can be predicted. A unit is a line of `UNITS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import InputError, UnknownName, unknown_size
from tts_select.core.pricing import TokenPrice, unknown_price

if TYPE_CHECKING:
    from tts_select.selector.deciding import Option

FLOPS, TOKENS, DOLLARS, SAMPLES, SECONDS = "FLOPs", "tokens", "dollars", "samples", "seconds"
CHARACTERS_A_TOKEN = 3.0
"""The usual number of characters in a token of a solution to a problem of mathematics."""


@dataclass(frozen=True, slots=True)
class ModelRate:
    """What is known of the costs of a model."""

    n_parameters: int | None = None
    price: TokenPrice | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """How a unit counts."""

    of_token: Callable[[ModelRate], float]
    """What a token that a policy writes comes to; NaN where that is not known."""
    spent: Callable[[Cost], float] = lambda _: math.nan
    """What a bill comes to; NaN where it does not say."""


def _flops_of_token(model: ModelRate) -> float:
    return inference_flops(model.n_parameters, 1)


def _dollars_of_token(model: ModelRate) -> float:
    return math.nan if model.price is None else model.price.of(written=1)


UNITS: dict[str, Counted] = {
    FLOPS: Counted(_flops_of_token, lambda cost: cost.flops),
    TOKENS: Counted(lambda _: 1.0, lambda cost: cost.policy_generated_tokens),
    DOLLARS: Counted(_dollars_of_token, lambda cost: cost.dollars),
    SECONDS: Counted(lambda _: math.nan, lambda cost: cost.seconds),
    "characters": Counted(lambda _: CHARACTERS_A_TOKEN),
    "2 x parameters x characters": Counted(lambda model: CHARACTERS_A_TOKEN * _flops_of_token(model)),
}
"""The units by name, as routers name theirs; a price may be said per one of those in `PRICED`."""
PRICED = {"FLOP": FLOPS, "token": TOKENS, "dollar": DOLLARS, "second": SECONDS}
"""One of each unit that a price may be said per."""


class Price(NamedTuple):
    """What a unit of cost is worth, in probability of being right."""

    worth: float
    unit: str | None = None
    """A name in `UNITS`; None: the router's own."""

    @classmethod
    def read(cls, said: float | str) -> Price:
        """A number, or a number per a unit, as in `0.1/dollar`.

        Raises:
            InputError: it is neither, negative, or the unit is not known.
        """
        number, slash, unit = str(said).partition("/")
        try:
            worth = float(number)
        except ValueError:
            worth = math.nan
        if not 0 <= worth < math.inf:
            raise InputError(
                f"the price is {said}: write 0 or more, in probability per FLOP (or what the router counts), "
                "or per another unit, as in 0.1/dollar or 0.01/second"
            )
        return cls(worth, _unit_named(unit.strip()) if slash else None)

    def is_in(self, unit: str) -> bool:
        """Whether it needs no exchange for a router that counts this unit."""
        return self.unit in (None, unit) or self.worth == 0


class Round(NamedTuple):
    """Samples that are about to be drawn at once."""

    policy: str
    n: int
    tokens: float
    """The expected tokens of all of them."""
    seconds: float
    """How long the caller is predicted to wait for them, scoring too."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a router's models cost, as far as it is known."""

    unit: str = FLOPS
    """The unit that the router counts."""
    policies: Mapping[str, ModelRate] = field(default_factory=dict)
    prms: Mapping[str, ModelRate] = field(default_factory=dict)
    n_samples: int = 0
    """How many samples the bill is of, for a router that counts these."""
    ahead: Round | None = None
    """The next round, for a price in seconds; None where nothing can be predicted."""

    def without_price(self, policies: Iterable[str], prms: Iterable[str]) -> str | None:
        """The first of these models whose tokens have no known price."""
        known = {**self.policies, **self.prms}
        return next((m for m in (*policies, *prms) if known.get(m, ModelRate()).price is None), None)

    def in_own_unit(self, price: Price, spent: Cost) -> float:
        """The price per unit that the router counts; NaN where the exchange rate is not known yet."""
        if price.unit is None or price.is_in(self.unit):
            return price.worth
        if price.unit == SECONDS and (rate := self._seconds_ahead()) > 0:
            return price.worth * rate
        return price.worth * self._rate(UNITS[price.unit], spent)

    def exchanged(self, price: Price, spent: Cost, *, may_wait: bool = False) -> float:
        """`in_own_unit`; what is not known is NaN only where it may wait for a bill that shows it.

        Raises:
            InputError: the exchange rate is not known.
        """
        found = self.in_own_unit(price, spent)
        if not math.isnan(found):
            return found
        if reason := self.lacks(price):
            raise InputError(f"the price cannot be exchanged: {reason}")
        if not may_wait and price.unit == SECONDS:
            raise InputError(
                "the price is in seconds, and how long a policy takes is not known before it has run: take a "
                f"first look, or say the price in {self.unit}, as a number alone, or use --effort"
            )
        if not may_wait:
            raise InputError(
                f"the price is in {price.unit}, and what these are in {self.unit}, which the router counts, "
                "is not known: say the price in that unit, as a number alone, or use --effort"
            )
        return found

    def lacks(self, price: Price) -> str | None:
        """What a model does not say that an exchange needs; no bill will show it."""
        for name, model in self.policies.items():
            if price.unit == DOLLARS and model.price is None:
                return unknown_price(name)
            if FLOPS in (price.unit, self.unit) and model.n_parameters is None:
                return unknown_size(name)
        return None

    def dollars(self, option: Option) -> float:
        """The expected dollars of an option; NaN where a price or a number is not known.

        What the router expects beyond the tokens that are written is taken to be read: by the PRM if there is
        one, else by the policy.
        """
        if option.arm is None:
            return 0.0
        if self.unit == DOLLARS:
            return option.flops
        policy, prm = self._of(option.arm.policy), self.prms.get(option.arm.prm or "", ModelRate())
        if policy.price is None or (option.arm.prm and prm.price is None):
            return math.nan
        if option.later is not None:
            return self._of_both(option, policy, self._of(option.later))
        reader, price = (prm, prm.price) if prm.price is not None else (policy, policy.price)
        return policy.price.of(written=option.tokens) + price.of(read=self._n_read(option, policy, reader))

    def _of(self, policy: str) -> ModelRate:
        return self.policies.get(policy, ModelRate())

    def _rate(self, wanted: Counted, spent: Cost) -> float:
        """How much of another unit is in one of the router's own."""
        own = UNITS.get(self.unit, Counted(lambda _: math.nan))
        if self.unit == SAMPLES:
            return wanted.spent(spent) / self.n_samples if self.n_samples else math.nan
        by_models = [sum(unit.of_token(m) for m in self.policies.values()) for unit in (wanted, own)]
        for amount, per in (by_models, [unit.spent(spent) for unit in (wanted, own)]):
            if amount > 0 and 0 < per < math.inf:
                return amount / per
        return math.nan

    def _seconds_ahead(self) -> float:
        """How many seconds the next round takes for each of the router's own units; NaN where that is not
        known."""
        if self.ahead is None:
            return math.nan
        own = UNITS.get(self.unit, Counted(lambda _: math.nan)).of_token(self._of(self.ahead.policy))
        units = self.ahead.n if self.unit == SAMPLES else self.ahead.tokens * own
        return self.ahead.seconds / units if units > 0 else math.nan

    def _n_read(self, option: Option, policy: ModelRate, reader: ModelRate) -> float:
        """The tokens that the router expects to be read, by its costs; 0 where these do not show it. Where it
        counts samples a PRM reads what is written."""
        if self.unit == SAMPLES:
            return option.tokens if option.arm is not None and option.arm.prm else 0.0
        if self.unit not in (FLOPS, TOKENS):
            return 0.0
        own = UNITS[self.unit]
        each = own.of_token(reader)
        return max(0.0, (option.flops - option.tokens * own.of_token(policy)) / each) if each else 0.0

    def _of_both(self, option: Option, first: ModelRate, later: ModelRate) -> float:
        """Of two policies that write one after the other: who writes how much shows in the FLOPs; else half
        is taken for each."""
        if first.price is None or later.price is None:
            return math.nan
        share, tokens = 0.5, option.tokens
        if self.unit == FLOPS and tokens:
            of_first, more = _flops_of_token(first), _flops_of_token(later) - _flops_of_token(first)
            share = min(1.0, max(0.0, (option.flops / tokens - of_first) / more)) if more else share
        return first.price.of(written=(1 - share) * tokens) + later.price.of(written=share * tokens)


def _unit_named(said: str) -> str:
    found = {one.lower(): unit for one, unit in PRICED.items()}
    unit = found.get(said.lower()) or found.get(said.lower().removesuffix("s"))
    if unit is None:
        raise UnknownName("unit of a price", said, PRICED)
    return unit
