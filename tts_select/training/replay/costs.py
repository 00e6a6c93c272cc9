"""What the tokens of a log cost: in FLOPs, in dollars, in tokens, or in what else the log counts.

A log is in its own unit: FLOPs if the sizes of all policies are known, else what it counts. `in_unit` asks
for another one, which is what replays, reports and ladders then count; a router's price stays in its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tts_select.core.arm import Arm
from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import InputError
from tts_select.core.pricing import TokenPrice, dollars_of
from tts_select.selector.exchange import DOLLARS, FLOPS, TOKENS
from tts_select.training.log.manifest import policies, prms
from tts_select.training.log.records import Manifest, SweepLog

UNITS = (FLOPS, TOKENS, DOLLARS)
"""Those that may be asked for."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What tokens come to in a unit."""

    unit: str
    per_token: Mapping[str, float]
    """What a token comes to that a policy writes, or that a PRM reads; NaN where that is not known."""
    per_prompt_token: Mapping[str, float]
    """What a token of the prompt comes to, which a policy or PRM reads once."""
    prices: Mapping[str, TokenPrice] = field(default_factory=dict)
    """The prices, where the unit is dollars."""

    def of_run(self, arm: Arm, cost: Cost) -> float:
        """What a search of this arm came to, by its bill."""
        if self.unit == DOLLARS:
            return dollars_of(cost, self.prices.get(arm.policy), self.prices.get(arm.prm or ""))
        if self.unit == TOKENS:
            return float(cost.policy_prompt_tokens + cost.policy_generated_tokens + cost.prm_tokens)
        return cost.flops


def costs_of(manifest: Manifest) -> Costs:
    """The costs in the unit that is asked for, else in the log's own."""
    cards = manifest.models
    if manifest.unit == TOKENS:
        each = dict.fromkeys(cards, 1.0)
        return Costs(TOKENS, each, each)
    if manifest.unit == DOLLARS:
        prices = {name: card.price for name, card in cards.items() if card.price is not None}
        read = {name: price.of(read=1) for name, price in prices.items()}
        written = {n: p.of(written=1) if cards[n].kind == "policy" else read[n] for n, p in prices.items()}
        unknown = dict.fromkeys(cards, math.nan)
        return Costs(DOLLARS, {**unknown, **written}, {**unknown, **read}, prices)
    unit, each = _own_unit(manifest)
    return Costs(unit, each, each)


def own_costs_of(manifest: Manifest) -> Costs:
    """The costs in the log's own unit."""
    return costs_of(replace(manifest, unit=None))


def in_unit(log: SweepLog, unit: str | None) -> SweepLog:
    """The log with its costs in a unit of `UNITS`; None is its own.

    Raises:
        InputError: the log cannot express its costs in this unit.
    """
    if unit in (None, own_costs_of(log.manifest).unit):
        return replace(log, manifest=replace(log.manifest, unit=None))
    manifest = log.manifest
    if manifest.imported is not None and manifest.imported.unit != TOKENS:
        raise InputError(f"the log counts {manifest.imported.unit}, so its costs in {unit} are not known")
    if unit == FLOPS:
        unsized = next(name for name in policies(manifest) if manifest.models[name].n_parameters is None)
        raise InputError(
            f"the log does not say the size of {unsized}, so its costs in FLOPs are not known: import it "
            "with --params MODEL=N"
        )
    if unit == DOLLARS:
        _check_prices(manifest)
    return replace(log, manifest=replace(manifest, unit=unit))


def _check_prices(manifest: Manifest) -> None:
    """Check the prices of all models; what the PRMs of an imported log cost is not known in any unit."""
    readers = prms(manifest) if manifest.imported is None else ()
    for name in (*policies(manifest), *readers):
        price = manifest.models[name].price
        if price is None:
            raise InputError(
                f"the log does not say the price of {name}, so its costs in dollars are not known: sweep "
                "with a price in the config, as in price: {input: 0.15, output: 0.60}, or import with "
                "--prices MODEL=0.15/0.60"
            )
        if name not in readers and not price.output:
            raise InputError(
                f"{name} writes for nothing by its price in the log: there are no dollars to weigh"
            )


def _own_unit(manifest: Manifest) -> tuple[str, dict[str, float]]:
    """The log's own unit and what a token of each model comes to: FLOPs if the sizes of all policies are
    known (a character counts as a token, if the log counts those), else what is counted."""
    counted = manifest.imported.unit if manifest.imported else TOKENS
    flops = {name: inference_flops(card.n_parameters, 1) for name, card in manifest.models.items()}
    kinds = {name: card.kind for name, card in manifest.models.items()}
    if any(math.isnan(flops[name]) for name, kind in kinds.items() if kind == "policy"):
        return counted, {name: 1.0 if kind == "policy" else math.nan for name, kind in kinds.items()}
    return FLOPS if counted == TOKENS else f"2 x parameters x {counted}", flops
