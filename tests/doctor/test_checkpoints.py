from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tts_select.config import Config, PolicyEntry, PrmEntry
from tts_select.data.world.artifacts import folder_of
from tts_select.doctor import hub
from tts_select.doctor.checkpoints import examine_checkpoints, unreadable
from tts_select.doctor.findings import Finding
from tts_select.doctor.hub import why_unreadable
from tts_select.executors.prms.head_card import MANIFEST, SCHEMA, WEIGHTS, HeadCard, sha256_of

SMALL, PRM = str(folder_of("policy", "small")), str(folder_of("prm", "prm"))


def policy(spec: str, **options: Any) -> Finding:
    (found,) = examine_checkpoints(Config(Path("c"), {"p": PolicyEntry(spec, options)}))
    assert found.about == "policies.p"
    return found


def prm(spec: str, format: str | None = None) -> Finding:
    (found,) = examine_checkpoints(Config(Path("c"), prms={"r": PrmEntry(spec, format)}))
    assert found.about == "prms.r"
    return found


def test_the_prompt_of_a_policy_is_told() -> None:
    assert policy(SMALL).text == "no chat template, prompt plain@1"
    assert policy(f"vllm:{SMALL}", prompt="boxed@1").text == "no chat template, prompt boxed@1"


def test_a_prompt_that_is_not_there_is_a_problem() -> None:
    found = policy(SMALL, prompt="boxd@1")
    assert (found.status, "did you mean 'boxed@1'" in found.text + found.remedy) == ("problem", True)


def test_embedded_policies_and_servers_have_no_tokenizer_to_look_at() -> None:
    entries = {"w": PolicyEntry("world:small"), "s": PolicyEntry("openai:x")}
    assert list(examine_checkpoints(Config(Path("c"), entries))) == []


def test_the_tokenizer_of_a_prm_must_suit_its_format() -> None:
    assert prm("world:prm").text == "format world"
    assert prm(PRM, "world").status == "ok"
    for spec, format, remedy in [
        (PRM, None, "name it with --prm-format"),
        (PRM, "math-shepherd", "choose another one with --prm-format"),
        (f"vllm:{PRM}", "skywork-o1", "write hf: for vllm:"),
    ]:
        found = prm(spec, format)
        assert found.status == "problem"
        assert remedy in f"{found.text}: {found.remedy}"


def test_any_server_of_chats_may_judge() -> None:
    assert prm("openai:qwen").text == "format judge"
    assert prm("openai:qwen", "generative").text == "format generative"


def test_the_base_of_a_value_head_must_be_there(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / WEIGHTS).write_bytes(b"weights")
    card = HeadCard(str(PRM), "0123", 2, is_chat=False)
    manifest = {"schema": SCHEMA, "reads": card.as_dict(), "sha256": sha256_of(folder)}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert prm(str(folder)).text == f"a value head on {PRM}"
    (folder / MANIFEST).write_text(json.dumps({**manifest, "reads": {**card.as_dict(), "base": "no/where"}}))
    assert prm(str(folder)).status == "problem"
    (folder / WEIGHTS).write_bytes(b"others")
    assert "train it again" in prm(str(folder)).text + prm(str(folder)).remedy
    entry = PrmEntry(str(folder))
    assert unreadable(Config(Path("c"), {}, {"mine": entry})) == {"mine"}


def test_what_cannot_be_read_is_named_once_with_the_reason(tmp_path: Path) -> None:
    config = Config(Path("c"), {"p": PolicyEntry("no/where"), "q": PolicyEntry(SMALL)})
    assert unreadable(config) == {"p"}
    assert "unset HF_HUB_OFFLINE" in f"{policy('no/where').remedy}"
    assert why_unreadable(str(tmp_path)) == f"'{tmp_path}' has no config.json: name a model's folder"
    assert "no hub name" in str(why_unreadable("no/such/folder"))
    assert why_unreadable(SMALL) is None


def test_a_hub_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    for name in hub._PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    assert "127.0.0.1:1 does not answer: connect, or copy it" in str(why_unreadable("no/where"))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    assert why_unreadable("no/where") is None
