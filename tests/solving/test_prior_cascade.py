"""Several policies without a router: the cheapest first, a dearer one where it may know better."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.priors import written_prior
from tts_select import InputError, Solution
from tts_select.config import load_config
from tts_select.core.arm import Arm
from tts_select.core.protocols import SampleRequest
from tts_select.executors.registry import Loaders
from tts_select.selector.routers.prior import PriorRouter
from tts_select.selector.routers.prior_cascade import ASSUMED, PriorCascade, Stage
from tts_select.solving.choosing import selector_for
from tts_select.solving.naming import prior_cascade
from tts_select.solving.selector import Selector
from tts_select.testing import FakePolicy, FakeRewardModel


def agreeing(request: SampleRequest, index: int) -> str:
    return "\\boxed{4}"


def scattered(request: SampleRequest, index: int) -> str:
    return f"\\boxed{{{index + 10}}}"


def silent(request: SampleRequest, index: int) -> str:
    return "no idea"


def cascade(cost: float = 4.0) -> PriorCascade:
    def stage(name: str, cost: float) -> Stage:
        return Stage(PriorRouter(written_prior(), Arm(name, None, "majority", 4)), cost)

    return PriorCascade((stage("cheap", 1.0), stage("dear", cost)))


def solved(cheap: Any, dear: Any, **spending: Any) -> tuple[Solution, dict[str, int]]:
    policies = {"cheap": FakePolicy(cheap, name="cheap"), "dear": FakePolicy(dear, name="dear")}
    loaders = Loaders(policies.__getitem__, lambda _: FakeRewardModel({}))
    found = Selector(cascade(), loaders=loaders).solve("?", **spending)
    return found, {name: sum(r.n for r in policy.requests) for name, policy in policies.items()}


def test_a_cheap_policy_that_agrees_with_itself_is_enough() -> None:
    found, drawn = solved(agreeing, agreeing)
    assert found.answer == "4"
    assert drawn == {"cheap": 2, "dear": 0}


def test_the_dear_one_is_asked_where_the_cheap_one_does_not_know() -> None:
    found, drawn = solved(scattered, agreeing, price=0.01)
    assert found.answer == "4"
    assert found.confidence == 1.0
    assert drawn == {"cheap": 4, "dear": 2}
    assert ASSUMED in found.plan.reason


def test_the_dear_one_is_asked_where_the_cheap_one_gives_no_answer() -> None:
    assert solved(silent, agreeing, price=0.001)[0].answer == "4"


def test_a_price_keeps_the_dear_one_out() -> None:
    assert solved(scattered, agreeing, price=0.5)[1]["dear"] == 0


def test_a_cap_is_kept() -> None:
    found, _ = solved(scattered, agreeing, price=0.0, max_tokens=5)
    assert found.bill.total.policy_generated_tokens <= 5


def test_the_plan_lists_the_dear_one_with_its_cost_in_samples_of_the_cheap_one() -> None:
    policies = {"cheap": FakePolicy(agreeing, name="cheap"), "dear": FakePolicy(agreeing, name="dear")}
    outlook = Selector(cascade(), loaders=Loaders(policies.__getitem__, lambda _: FakeRewardModel({}))).plan(
        "?"
    )
    dear = next(o for o in outlook.options if o.arm is not None and o.arm.policy == "dear")
    assert dear.flops == 2 * 4.0


def config(folder: Path, text: str) -> Path:
    path = folder / "tts-select.yaml"
    path.write_text(text)
    return path


def test_a_config_of_several_policies_is_such_a_cascade(tmp_path: Path) -> None:
    path = config(tmp_path, "policies:\n  big: world:large\n  little: world:small\n")
    selector, _ = selector_for({"config": path})
    assert isinstance(selector.router, PriorCascade)
    assert [stage.router.arm.policy for stage in selector.router.stages] == ["little", "big"]
    assert selector.router.stages[0].cost == 1.0
    assert selector.router.stages[1].cost > 1.0
    found = selector.solve("Start with 14. Multiply by 3. What is the result?")
    assert found.answer == "42"
    assert found.confidence_kind == "prior"


@pytest.mark.parametrize("more", [{"policy": "little"}, {"untrained_rule": True}, {"method": "majority"}])
def test_what_is_named_is_no_cascade(tmp_path: Path, more: dict[str, Any]) -> None:
    path = config(tmp_path, "policies:\n  big: world:large\n  little: world:small\n")
    selector, _ = selector_for({"config": path, **more})
    assert not isinstance(selector.router, PriorCascade)


def test_the_order_has_to_be_known(tmp_path: Path) -> None:
    path = config(tmp_path, "policies:\n  a: openai:a\n  b: openai:b\n")
    nameless = Loaders(_sizeless, lambda _: FakeRewardModel({}))
    with pytest.raises(InputError, match="params"):
        prior_cascade(load_config(path), nameless)


def _sizeless(name: str) -> FakePolicy:
    policy = FakePolicy(agreeing, name=name)
    policy.n_parameters = None  # type: ignore[assignment]
    return policy
