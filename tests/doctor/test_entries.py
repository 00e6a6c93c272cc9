from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tts_select.config import Config, Pair, PolicyEntry, PrmEntry
from tts_select.doctor.entries import examine_entries
from tts_select.doctor.servers import examine_servers
from tts_select.testing import FakeServer


def examined(**entries: Any) -> dict[str, Any]:
    return {finding.about: finding for finding in examine_entries(Config(Path("c.yaml"), **entries))}


@pytest.mark.parametrize(
    ("spec", "options", "is_known"),
    [
        ("openai:gpt-x", {}, False),
        ("openai:gpt-x", {"params": 7e9}, True),
        ("openai:Qwen2.5-7B", {}, True),
        ("vllm:some/where", {}, False),
        ("vllm:some/where-3B", {}, True),
        ("hf:some/where", {}, True),
        ("world:small", {}, True),
    ],
)
def test_a_size_that_is_not_known_is_said_with_the_remedy(
    spec: str, options: dict[str, Any], is_known: bool
) -> None:
    found = examined(policies={"mine": PolicyEntry(spec, options)})
    assert bool(found) is not is_known
    if not is_known:
        said = found["policies.mine"]
        assert (said.status, "params: 7e9" in said.remedy) == ("note", True)


def test_a_prm_without_a_size_is_a_problem_since_it_is_not_loaded() -> None:
    found = examined(prms={"judge": PrmEntry("served:judge"), "known": PrmEntry("served:judge-7B")})
    assert {about: f.status for about, f in found.items()} == {"prms.judge": "problem"}


def test_models_of_two_worlds_in_a_pair_are_said() -> None:
    found = examined(
        policies={"mine": PolicyEntry("hf:a/b")},
        prms={"judge": PrmEntry("world:prm")},
        pairs={"odd": Pair("mine", "judge"), "fine": Pair("world:small", "judge"), "none": Pair("mine")},
    )
    assert {about: f.status for about, f in found.items()} == {"pairs.odd": "note"}
    assert "world:prm is of the embedded world" in found["pairs.odd"].text


def test_the_size_of_a_served_model_is_said_without_a_config(monkeypatch: pytest.MonkeyPatch) -> None:
    for model, is_known in (("fake", False), ("fake-7B", True)):
        with FakeServer(lambda *_: "", model=model) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.url)
            *_, found = examine_servers(None)
        assert found.status == "ok"
        assert ("--policy-option params=7e9" in found.text) is not is_known
