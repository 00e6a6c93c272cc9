"""What names of a config become: options of a search, loaders, shares of a GPU, a refusal before loading."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tts_select import InputError, UnknownName, solve
from tts_select.config import Config, as_options, loaders_for, using
from tts_select.config.using import ModelGroup, routed_together, swept_together
from tts_select.executors.placement.devices import Device
from tts_select.executors.placement.fitting import DoesNotFit
from tts_select.solving.options import NAMING as PINS

Read = Callable[[str], Config]
GIB = 1 << 30
PROBLEM = "Start with 14. Multiply by 3. What is the result?"
TWO = """
policies: {tiny: {spec: "world:small", device: cpu, max_new_tokens: 300}, big: {spec: "world:large"}}
prms: {judge: {spec: "world:prm", format: world}}
pairs: {math: {policy: tiny, prm: judge}, alone: {policy: big}}
"""


def options(config: Config, **given: Any) -> dict[str, Any]:
    return as_options(config, given, PINS)


def test_a_pair_is_its_policy_and_its_prm(config: Read) -> None:
    assert options(config(TWO), pair="math", budget=4) == {
        "policy": "world:small",
        "policy_options": {"device": "cpu"},
        "max_new_tokens": 300,
        "prm": "world:prm",
        "prm_options": {},
        "prm_format": "world",
        "budget": 4,
    }
    with pytest.raises(UnknownName, match=r"unknown pair of the config .* did you mean 'math'"):
        options(config(TWO), pair="mth")


def test_the_first_pair_is_taken_where_no_policy_is_named(config: Read) -> None:
    assert options(config(TWO))["policy"] == "world:small"
    assert options(config(TWO), method="beam")["prm"] == "world:prm"
    assert options(config(TWO), method="majority")["prm"] is None
    assert options(config(TWO), policy="big")["policy"] == "world:large"
    assert "prm" not in options(config(TWO), policy="big")


def test_without_pairs_the_first_policy_is_taken_and_no_embedded_model(config: Read) -> None:
    mine = "mine: {spec: 'hf:no/where', max_new_tokens: 9}"
    only = config(f"policies: {{{mine}, other: {{spec: 'hf:else/where'}}}}")
    for given in ({}, {"method": "majority"}, {"budget": 4}, {"effort": "low"}):
        found = options(only, **given)
        assert (found["policy"], found["max_new_tokens"]) == ("hf:no/where", 9)
        assert "prm" not in found
    assert options(only, router="r") == {"router": "r"}
    of_prms = config("prms: {judge: {spec: 'world:prm'}}")
    assert options(of_prms, prm="judge")["prm"] == "world:prm"
    assert options(of_prms) == {}


def test_what_is_said_overrides_the_config(config: Read) -> None:
    found = options(
        config(TWO),
        pair="math",
        prm="world:prm-narrow",
        max_new_tokens=7,
        policy_options={"device": "cuda:0"},
    )
    assert found["policy_options"] == {"device": "cuda:0"}
    assert (found["max_new_tokens"], found["prm"]) == (7, "world:prm-narrow")
    assert "prm_format" not in found


def test_the_router_of_a_config_answers_unless_something_is_pinned(config: Read, tmp_path: Path) -> None:
    routed = config(TWO + "router: r")
    assert options(routed, effort="low") == {"router": tmp_path / "r", "effort": "low"}
    assert options(routed, router="other") == {"router": "other"}
    assert options(routed, method="cot")["policy"] == "world:small"
    assert options(config("policies: {}")) == {}


def test_names_are_solved_with(config: Read) -> None:
    found = solve(PROBLEM, config=config(TWO), policy="tiny", prm="judge", method="best_of_n", budget=2)
    assert (found.answer, found.plan.policy, found.plan.prm) == ("42", "world:small", "world:prm")
    assert found.plan.settings.max_new_tokens == 300
    with pytest.raises(InputError, match="'math' is a name of a config: name its file with --config"):
        solve(PROBLEM, pair="math")


def test_names_and_specs_are_loaded(config: Read) -> None:
    found = loaders_for(config(TWO), [])
    assert found.policy("tiny").name == found.policy("world:small").name == "world:small"
    assert found.prm("judge").name == "world:prm"
    fresh = loaders_for(config(TWO), [], fresh=True)
    assert found.policy("tiny") is found.policy("tiny")
    assert fresh.policy("tiny") is not fresh.policy("tiny")


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the machine have these GPUs, in GiB."""

    def have(*sizes: float) -> None:
        found = tuple(Device(f"cuda:{k}", int(s * GIB), int(s * GIB)) for k, s in enumerate(sizes))
        monkeypatch.setattr(using, "devices_here", lambda: (*found, Device("cpu", 48 * GIB, 48 * GIB)))

    return have


@pytest.fixture
def placed(config: Read, tmp_path: Path) -> Config:
    """A policy in vLLM beside a PRM, as large as Qwen2.5-7B each."""
    shape = {
        "model_type": "qwen2",
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152064,
        "max_position_embeddings": 4096,
        "torch_dtype": "bfloat16",
    }
    for name in ("policy", "prm"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(shape))
    return config(
        "policies: {qwen: {spec: 'vllm:./policy'}}\n"
        "prms: {judge: {spec: 'hf:./prm', format: qwen2.5-math-prm}}\n"
        "pairs: {math: {policy: qwen, prm: judge}}\n"
        "placement: {concurrency: 64, context: 4096}\n"
    )


def test_vllm_is_given_its_share_of_the_gpu(placed: Config, gpus: Callable[..., None]) -> None:
    gpus(79)
    # 0.95 of 79 GiB, without the 17.3 of the PRM
    assert options(placed, pair="math")["policy_options"] == {"gpu_memory_utilization": 0.73}
    said = options(placed, pair="math", policy_options={"gpu_memory_utilization": 0.5})
    assert said["policy_options"] == {"gpu_memory_utilization": 0.5}
    with pytest.raises(DoesNotFit, match=r"gpu_memory_utilization=0\.2"):
        options(placed, pair="math", policy_options={"gpu_memory_utilization": 0.2})


def test_what_does_not_fit_is_refused_before_anything_is_loaded(
    placed: Config, gpus: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("tts_select.solving.naming.load_policy", load)
    gpus(40)
    with pytest.raises(DoesNotFit, match=r"qwen and judge do not fit on cuda:0 \(40.0 GiB"):
        solve(PROBLEM, config=placed, pair="math", method="beam")
    with pytest.raises(DoesNotFit, match="What fits: concurrency"):
        loaders_for(placed, [ModelGroup(["qwen"], ["judge"])])
    gpus()
    with pytest.raises(DoesNotFit, match="cpu"):  # two models of 7B in 48 GiB, the PRM in float32
        loaders_for(placed, [ModelGroup(["qwen"], ["judge"])])


def test_what_is_not_known_is_not_refused(
    config: Read, gpus: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    gpus(24)
    unknown = config("policies: {a: {spec: 'vllm:no/where'}}\nplacement: {}")
    assert options(unknown, policy="a")["policy_options"] == {}
    assert "whether it fits is not checked" in caplog.text


def test_a_sweep_has_one_policy_at_a_time_and_a_router_all(config: Read) -> None:
    arms = "[{pair: math, method: beam}, {policy: big, method: cot}, {policy: tiny, method: cot}]"
    portfolio = config(f"{TWO}portfolio: {{arms: {arms}}}").portfolio
    assert portfolio is not None
    assert swept_together(portfolio) == [ModelGroup(["tiny"], ["judge"]), ModelGroup(["big"], [])]
    assert routed_together(portfolio) == [ModelGroup(("tiny", "big"), ("judge",))]
