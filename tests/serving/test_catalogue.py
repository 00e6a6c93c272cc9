"""What each model's name means, and what a request may name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.serving.fakes import QUESTION, Served, solutions
from tts_select import solve
from tts_select.config import load_config
from tts_select.serving.catalogue import Catalogue, Routed
from tts_select.serving.chat import read_chat
from tts_select.serving.settings import Caps, ServeSettings
from tts_select.testing import FakePolicy, FakeServer

Serve = Callable[..., Served]


def who(catalogue: Catalogue, model: str = "tts-select/auto", **fields: Any) -> Any:
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], **fields}
    request = read_chat(body)
    return catalogue.who(request, request.tts.within(Caps()))


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("tts-select/auto", None, None),
        ("tts-select/auto", "minimal", "low"),
        ("tts-select/auto", "low", "low"),
        ("tts-select/auto", "medium", "medium"),
        ("tts-select/auto", "high", "high"),
        ("tts-select/auto", "xhigh", "high"),
        ("tts-select/low", None, "low"),
        ("tts-select/high", "low", "high"),
    ],
)
def test_an_effort_is_a_price_of_the_router(
    serve: Serve, model: str, effort: str | None, expected: str | None
) -> None:
    choice = who(serve().service.catalogue, model, reasoning_effort=effort)
    assert isinstance(choice, Routed)
    assert choice.options.get("effort") == expected
    assert bool(choice.ignored) == (model == "tts-select/high")


def test_a_price_counts_instead_of_an_effort(serve: Serve) -> None:
    dear = serve().chat(tts={"price": 1.0}, reasoning_effort="high").json()
    cheap = serve().chat(tts={"price": 1e-9}, reasoning_effort="low").json()
    assert len(dear["tts"]["steps"]) < len(cheap["tts"]["steps"])


@pytest.mark.parametrize(
    ("model", "effort"), [("tts-select/fast", None), ("tts-select/auto", "none"), ("fake", None)]
)
def test_one_sample_is_asked_for_as_it_is(serve: Serve, model: str, effort: str | None) -> None:
    served = serve()
    reply = served.chat(model=model, reasoning_effort=effort, temperature=0.2, max_tokens=3, seed=9).json()
    (request,) = served.policy.requests
    assert (request.n, request.temperature, request.max_new_tokens, request.as_is) == (1, 0.2, 3, True)
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["tts"]["plan"]["method"] == "single"
    assert reply["tts"]["ignored"] == []


def test_what_leaves_nothing_to_choose_takes_no_choices(serve: Serve) -> None:
    said = serve().chat(model="fake", tts={"method": "beam"})
    assert (said.status_code, said.json()["error"]["param"]) == (400, "tts.method")


def test_an_unknown_model_is_404_with_those_there_are(serve: Serve) -> None:
    said = serve().chat(model="gpt-9")
    assert (said.status_code, said.json()["error"]["code"]) == (404, "model_not_found")
    assert "tts-select/auto" in said.json()["error"]["message"]


@pytest.mark.parametrize(
    ("tts", "said"),
    [
        ({"policy": "openai:gpt-9"}, "unknown policy 'openai:gpt-9': choose from fake"),
        ({"policy": "/etc/passwd"}, "unknown policy"),
        ({"prm": "hf:someone/prm"}, "this server has no PRM"),
        ({"method": "beam"}, "needs a PRM"),
        ({"method": "majority", "price": 0.1}, "leaves it nothing to choose"),
        ({"method": "majority", "max_flops": 1e9}, "leaves it nothing to choose"),
        ({"price": "0.1/barrel"}, "barrel"),
        ({"max_dollars": 1.0}, "price of fake is not known"),
    ],
)
def test_what_does_not_go_together_is_400(serve: Serve, tts: dict[str, Any], said: str) -> None:
    found = serve().chat(tts=tts)
    assert found.status_code == 400
    assert said in found.json()["error"]["message"]


def test_a_method_may_be_named_as_in_solve(serve: Serve) -> None:
    reply = serve().chat(tts={"method": "majority", "budget": 9, "policy": "fake"}, seed=2).json()
    expected = solve(QUESTION, policy=FakePolicy(solutions), method="majority", budget=9, seed=2)
    assert (reply["tts"]["answer"], reply["tts"]["confidence"]) == (expected.answer, expected.confidence)
    assert reply["tts"]["plan"]["budget"] == 9


def test_selectors_of_named_methods_are_kept_and_not_for_ever(serve: Serve) -> None:
    catalogue = serve().service.catalogue
    first = who(catalogue, tts={"budget": 1, "method": "majority"}).selector
    assert who(catalogue, tts={"budget": 1, "method": "majority"}).selector is first
    for budget in range(2, 80):
        who(catalogue, tts={"budget": budget, "method": "majority"})
    assert who(catalogue, tts={"budget": 1, "method": "majority"}).selector is not first


def test_a_cap_on_flops_that_could_not_be_kept_forbids_to_name_a_method(serve: Serve) -> None:
    said = serve(caps=Caps(max_flops=1e6)).chat(tts={"method": "majority"})
    assert (said.status_code, said.json()["error"]["code"]) == (403, "not_permitted")


def test_a_config_names_the_policies(tmp_path: Path) -> None:
    file = tmp_path / "tts-select.yaml"
    with FakeServer(lambda prompt, seed: "It is \\boxed{2}.") as server:
        file.write_text(
            "policies:\n"
            f"  little: {{spec: openai:fake, options: {{base_url: {server.url}, params: 1e9}}}}\n"
            f"  large: {{spec: openai:fake, options: {{base_url: {server.url}, params: 7e9}}}}\n"
        )
        catalogue = Catalogue.load(ServeSettings(config=load_config(file)))
        try:
            assert catalogue.names[-2:] == ["little", "large"]
            assert catalogue.fast is catalogue.policies["little"]
            assert who(catalogue).selector.router.portfolio.policies == ("little", "large")
            named = who(catalogue, tts={"policy": "large"}).selector
            assert named.models.policy("openai:fake") is catalogue.policies["large"]
        finally:
            for policy in catalogue.policies.values():
                policy.close()  # type: ignore[attr-defined]
