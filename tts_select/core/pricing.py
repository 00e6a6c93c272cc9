"""What tokens cost in dollars: the price list of a model, and the bill that it makes.

A price is what hosted models publish: dollars per million tokens that are read, read again from a cache, and
written. A model without one costs an unknown amount, never nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tts_select.core.cost import Cost
from tts_select.core.errors import InputError, UnknownName

MILLION = 1e6
_EXAMPLE = "write {input: 0.15, cached: 0.03, output: 0.60}, in dollars per million tokens"


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """Dollars per million tokens. A PRM writes nothing that is billed, so its `output` counts for nothing."""

    input: float
    output: float
    cached: float

    @classmethod
    def read(cls, given: Any, what: str, *, writes: bool = True) -> TokenPrice:
        """The price that a mapping or a `TokenPrice` says; `what` is for messages, as in `the price of qwen`.
        What does not write needs no `output`; `cached` is `input` where it is not said.

        Raises:
            InputError: a part is missing, unknown, negative or no number.
        """
        if isinstance(given, TokenPrice):
            given = asdict(given)
        if not isinstance(given, Mapping):
            raise InputError(f"{what} is {given!r}: {_EXAMPLE}")
        known = [f.name for f in fields(cls)]
        for name in given:
            if name not in known:
                raise UnknownName(f"part of {what}", str(name), known)
        for name in ("input", "output") if writes else ("input",):
            if name not in given:
                raise InputError(f"{what} lacks {name}: {_EXAMPLE}")
        parts = {name: _dollars(value, f"{what}, {name}") for name, value in given.items()}
        return cls(parts["input"], parts.get("output", 0.0), parts.get("cached", parts["input"]))

    def as_dict(self) -> dict[str, float]:
        """The mapping that `read` takes."""
        return asdict(self)

    def of(self, *, read: float = 0.0, reused: float = 0.0, written: float = 0.0) -> float:
        """The dollars of so many tokens.

        >>> TokenPrice(input=0.5, output=2.0, cached=0.25).of(read=1000, written=500)
        0.0015
        """
        return (read * self.input + reused * self.cached + written * self.output) / MILLION


def price_of_tokens(model: object) -> TokenPrice | None:
    """The price of a policy or PRM; None if it is not known.

    A model says so in an attribute of the name `price`, which it need not have.

    Raises:
        InputError: it says something else there.
    """
    found = getattr(model, "price", None)
    if found is None or isinstance(found, TokenPrice):
        return found
    name = getattr(model, "name", type(model).__name__)
    return TokenPrice.read(found, f"the price of {name}", writes=hasattr(model, "sample"))


def dollars_of(cost: Cost, policy: TokenPrice | None, prm: TokenPrice | None) -> float:
    """What the tokens of a cost come to; NaN where a model took part whose price is not known."""
    written = cost.policy_prompt_tokens + cost.policy_reused_tokens + cost.policy_generated_tokens
    scored = cost.prm_tokens + cost.prm_reused_tokens
    if (written and policy is None) or (scored and prm is None):
        return math.nan
    dollars = 0.0
    if policy is not None:
        dollars += policy.of(
            read=cost.policy_prompt_tokens,
            reused=cost.policy_reused_tokens,
            written=cost.policy_generated_tokens,
        )
    if prm is not None:
        dollars += prm.of(read=cost.prm_tokens, reused=cost.prm_reused_tokens)
    return dollars


def unknown_price(model: str) -> str:
    """What is said where dollars are needed and a model's price is not known."""
    return (
        f"the price of {model} is not known, so its dollars cannot be counted: specify it, as in "
        '--policy-option price=\'{"input": 0.15, "output": 0.6}\' (a PRM: --prm-option), or as '
        "price: {input: 0.15, output: 0.60} in the config; 0 is a price, too"
    )


def _dollars(value: Any, what: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < 0:
        raise InputError(f"{what} is {value!r}: write dollars per million tokens, a number from 0 on")
    return float(value)
