from __future__ import annotations

import json
import math
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.cost import Bill, Cost, inference_flops, training_flops

counts = st.integers(0, 2**40)
costs = st.builds(
    Cost,
    **{f.name: counts.map(float) if f.name in ("flops", "seconds") else counts for f in fields(Cost)},
)


@pytest.mark.parametrize(
    ("n_parameters", "n_tokens", "flops"),
    [
        pytest.param(3e9, 9e12, 1.62e23, id="Llama-3.2-3B"),
        pytest.param(405e9, 15e12, 3.65e25, id="Llama-3.1-405B"),
        pytest.param(7e9, 18e12, 7.56e23, id="R1-Distill-7B"),
        pytest.param(671e9, 14.8e12, 5.96e25, id="R1"),
    ],
)
def test_training_flops_reproduce_table_4_of_the_paper(
    n_parameters: float, n_tokens: float, flops: float
) -> None:
    assert training_flops(n_parameters, n_tokens) == pytest.approx(flops, rel=0.01)


def test_a_forward_pass_costs_a_third_of_a_training_step() -> None:
    assert inference_flops(3e9, 1000) == 6e12
    assert 3 * inference_flops(3e9, 1000) == training_flops(3e9, 1000)


@given(costs, costs, costs)
def test_costs_are_a_monoid(a: Cost, b: Cost, c: Cost) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + Cost() == a == Cost() + a
    assert a + b == b + a


@given(costs, costs)
def test_every_field_of_a_cost_is_added(a: Cost, b: Cost) -> None:
    for field in fields(Cost):
        assert getattr(a + b, field.name) == getattr(a, field.name) + getattr(b, field.name)


@given(st.dictionaries(st.text(), costs, max_size=5))
def test_the_total_of_a_bill_is_the_sum_of_its_phases(phases: dict[str, Cost]) -> None:
    total = Bill(phases).total
    for field in fields(Cost):
        assert getattr(total, field.name) == sum(getattr(c, field.name) for c in phases.values())


def test_a_bill_becomes_json_with_its_total_and_its_phases() -> None:
    bill = Bill({"probe": Cost(prm_tokens=2), "search": Cost(prm_tokens=3, flops=1.5)})
    record = json.loads(json.dumps(bill.as_dict()))
    assert record["prm_tokens"] == 5
    assert record["flops"] == 1.5
    assert record["phases"]["probe"]["prm_tokens"] == 2


def test_flops_of_a_model_without_a_size_are_unknown_and_so_is_every_sum() -> None:
    total = Cost(flops=inference_flops(None, 10)) + Cost(policy_calls=1, flops=6.0)
    assert math.isnan(total.flops)
    assert total.as_dict()["flops"] is None
    assert total.policy_calls == 1
    json.dumps(total.as_dict(), allow_nan=False)
