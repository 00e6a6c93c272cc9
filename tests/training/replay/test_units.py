"""A log in another unit than its own: what samples, PRMs and searches cost, and what cannot be said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.training.made import SIZES, made_log
from tts_select.core.errors import InputError
from tts_select.core.pricing import MILLION, TokenPrice, dollars_of
from tts_select.training.log.records import Manifest, SweepLog
from tts_select.training.replay.cases import Position, cases_of
from tts_select.training.replay.costs import costs_of, in_unit
from tts_select.training.replay.fixed import orders_of
from tts_select.training.replay.orders import replay_of, without_prms

PRICES = {
    "log:weak": TokenPrice(input=1.0, output=4.0, cached=0.5),
    "log:strong": TokenPrice(input=10.0, output=20.0, cached=1.0),
}
N_PROMPT = 30


def with_prices(log: SweepLog, prices: dict[str, TokenPrice]) -> SweepLog:
    models = {name: replace(card, price=prices.get(name)) for name, card in log.manifest.models.items()}
    return replace(log, manifest=replace(log.manifest, models=models))


@pytest.fixture
def sold() -> SweepLog:
    """A log of samples whose policies have prices, with prompts."""
    log = made_log(6, n_samples=4)
    pools = {key: replace(pool, prompt_tokens=N_PROMPT) for key, pool in log.pools.items()}
    return with_prices(replace(log, pools=pools), PRICES)


@pytest.fixture
def swept(synthetic_log: Callable[..., Any]) -> SweepLog:
    log: SweepLog = synthetic_log(4)
    names = {name: TokenPrice(1.0 + k, 3.0 + k, 1.0) for k, name in enumerate(log.manifest.models)}
    return with_prices(log, names)


def test_samples_cost_what_was_written_and_the_prompt_once(sold: SweepLog) -> None:
    for case in cases_of(in_unit(sold, "dollars")):
        for arm in sold.manifest.arms:
            order, price = orders_of([case], 0, 1)[0][0], PRICES[arm.policy]
            written = sum(
                case.pools[arm.pool].samples[k].n_tokens for k in order.samples[arm.pool][: arm.budget]
            )
            expected = price.of(read=N_PROMPT, written=written)
            assert case.outcome(arm, order).flops == pytest.approx(expected)
            rest = case.cost(arm, order, Position().after(arm, 1))
            assert rest <= expected - price.of(read=N_PROMPT) * (1 - 1e-9), "the prompt is not read again"


def test_arrays_of_samples_cost_what_their_cases_do(sold: SweepLog) -> None:
    for unit in ("FLOPs", "tokens", "dollars"):
        asked = in_unit(sold, unit)
        replay, cases = replay_of(asked, n_orders=2, seed=0), cases_of(asked)
        assert replay.unit == unit
        for pool, draws in replay.draws.items():
            (arm,) = [a for a in sold.manifest.arms if a.pool == pool and a.budget > 1]
            alone = [case.outcome(arm, orders_of([case], 0, 1)[0][0]).flops for case in cases]
            assert draws.cost.sum(axis=1)[::2] == pytest.approx(np.array(alone))


def test_a_search_costs_its_bill_at_the_prices(swept: SweepLog) -> None:
    prices = {name: card.price for name, card in swept.manifest.models.items()}
    searches = [arm for arm in swept.manifest.arms if not arm.is_sampling]
    assert searches
    for unit in ("tokens", "dollars"):
        for case in cases_of(in_unit(swept, unit)):
            for arm in searches:
                order = orders_of([case], 0, 1)[0][0]
                cost = swept.runs[case.problem.id, arm.name][order.run % 2].cost
                expected = dollars_of(cost, prices[arm.policy], prices[arm.prm or ""])
                if unit == "tokens":
                    expected = cost.policy_prompt_tokens + cost.policy_generated_tokens + cost.prm_tokens
                assert case.outcome(arm, order).flops == pytest.approx(expected)
                assert expected > 0


def test_what_a_prm_reads_has_its_price(swept: SweepLog) -> None:
    case, own = cases_of(in_unit(swept, "dollars"))[0], cases_of(swept)[0]
    order = orders_of([case], 0, 1)[0][0]
    arm = next(a for a in swept.manifest.arms if a.is_sampling and a.prm)
    plain = replace(arm, prm=None)
    cards = swept.manifest.models
    read = (
        own.sampling_cost(arm, order, Position(), 4)[0] - own.sampling_cost(plain, order, Position(), 4)[0]
    ) / (2.0 * (cards[arm.prm or ""].n_parameters or 0))
    dollars = (
        case.sampling_cost(arm, order, Position(), 4)[0] - case.sampling_cost(plain, order, Position(), 4)[0]
    )
    price = cards[arm.prm or ""].price
    assert price is not None
    assert dollars == pytest.approx(read * price.input / MILLION)


def test_the_logs_own_unit_is_the_default(sold: SweepLog) -> None:
    assert costs_of(sold.manifest).unit == "FLOPs"
    assert in_unit(sold, "FLOPs").manifest == in_unit(sold, None).manifest == sold.manifest
    assert costs_of(in_unit(in_unit(sold, "dollars"), None).manifest) == costs_of(sold.manifest)
    assert costs_of(sold.manifest).per_token["log:weak"] == 2.0 * SIZES["log:weak"]


def test_what_a_log_cannot_express_is_refused(sold: SweepLog, swept: SweepLog) -> None:
    with pytest.raises(InputError, match=r"not say the price of log:strong.*--prices MODEL=0\.15/0\.60"):
        in_unit(with_prices(sold, {"log:weak": PRICES["log:weak"]}), "dollars")
    with pytest.raises(InputError, match=r"not say the size of log:weak.*--params"):
        in_unit(made_log(4, sized=False), "FLOPs")
    assert sold.manifest.imported is not None
    imported = replace(sold.manifest.imported, unit="characters")
    counted = replace(sold, manifest=replace(sold.manifest, imported=imported))
    for unit in ("FLOPs", "tokens", "dollars"):
        with pytest.raises(InputError, match=f"the log counts characters, so its costs in {unit}"):
            in_unit(counted, unit)
    free = {**PRICES, "log:weak": TokenPrice(1.0, 0.0, 1.0)}
    with pytest.raises(InputError, match="log:weak writes for nothing by its price in the log"):
        in_unit(with_prices(sold, free), "dollars")
    reader = next(name for name, card in swept.manifest.models.items() if card.kind == "prm")
    known = {n: c.price for n, c in swept.manifest.models.items() if n != reader and c.price}
    with pytest.raises(InputError, match=f"not say the price of {reader}"):
        in_unit(with_prices(swept, known), "dollars")
    in_unit(without_prms(with_prices(swept, known)), "dollars")


def test_the_unit_that_is_asked_for_is_not_written(sold: SweepLog) -> None:
    from tts_select.training.log.manifest import decode_manifest, encode_manifest

    written = encode_manifest(in_unit(sold, "dollars").manifest, sold.problems.values())
    read: Manifest = decode_manifest(written)
    assert read == sold.manifest, "prices and all"
    assert "price" not in str(encode_manifest(made_log(4).manifest, ()))
