"""The options of a decision with why each of them lost, and what the best fixed arm would have cost."""

from __future__ import annotations

import math
from typing import Any

from tts_select.selector.deciding import Decision, Option
from tts_select.selector.exchange import SAMPLES, UNITS
from tts_select.tracing.stored import Stored

MOST_OPTIONS = 8
"""How many options of a decision are listed, the best first; the rest are counted."""


def options_of(decision: Decision, price: float) -> dict[str, Any]:
    """The options of a decision; the chosen one is always among those listed."""
    chosen = decision.option
    listed = list(decision.options[:MOST_OPTIONS])
    if chosen is not None and not any(option is chosen for option in listed):
        listed = [chosen, *listed[: MOST_OPTIONS - 1]]
    return {
        "options": [_option(option, chosen, price) for option in listed],
        "n_options": len(decision.options),
    }


def best_fixed(stored: Stored) -> dict[str, Any] | None:
    """What the router's fallback was expected to cost when it was first weighed, or the whole vote that it
    saves samples of; None where there is neither."""
    history = stored.history
    router, total = history.router, history.bill.total
    n_drawn = sum(len(samples.candidates) for samples in history.gathered.pools.values())
    counted = UNITS.get(router.unit)
    spent = float(n_drawn) if router.unit == SAMPLES else counted.spent(total) if counted else math.nan
    if not router.prices:
        return None
    if router.max_samples and n_drawn:
        share, name = router.max_samples / n_drawn, f"a vote of {router.max_samples} samples"
        tokens = total.policy_generated_tokens * share
        return {"name": name, "unit": router.unit, "cost": spent * share, "tokens": tokens, "spent": spent}
    weighed = (o for taken in stored.taken() for o in taken.decision.options if o.name == router.fallback)
    option = next((o for o in weighed if not math.isnan(o.flops)), None)
    if option is None:
        return None
    facts = {"name": option.name, "unit": router.unit, "cost": option.flops, "tokens": option.tokens}
    return {**facts, "p_correct": option.p_correct, "spent": spent}


def _option(option: Option, chosen: Option | None, price: float) -> dict[str, Any]:
    return {
        "name": option.name,
        "p_correct": option.p_correct,
        "cost": option.flops,
        "dollars": option.dollars,
        "seconds": option.seconds,
        "value": option.value(price),
        "is_chosen": option is chosen,
        "why_not": None if chosen is None or option is chosen else why_not(option, chosen, price),
    }


def why_not(option: Option, chosen: Option, price: float) -> str:
    """Why an option was not taken, in probability: what it gains beside the chosen one, and what its cost is
    worth at the price."""
    gain, cost = option.p_correct - chosen.p_correct, price * (option.flops - chosen.flops)
    if math.isnan(gain - cost):
        return "nothing was known to compare it by"
    gained, spent = "gains" if gain >= 0 else "loses", "costs" if cost >= 0 else "saves"
    words = f"{gained} {abs(gain):.3f}, {spent} {abs(cost):.3f}"
    return f"{words}: more cost for each gain, so not yet" if gain > cost else words
