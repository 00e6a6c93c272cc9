from __future__ import annotations

from pathlib import Path

import pytest

from tts_select.config import Config, PolicyEntry
from tts_select.doctor.findings import Finding
from tts_select.doctor.servers import examine_servers
from tts_select.testing import FakeServer

SECRET = "sk-do-not-print-me"  # noqa: S105  it is none


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def examined(url: str, model: str = "fake") -> dict[str, Finding]:
    entry = PolicyEntry(f"openai:{model}", {"base_url": url})
    return {f.about: f for f in examine_servers(Config(Path("c.yaml"), {"served": entry}))}


def test_a_server_that_answers_and_has_the_model_is_fine() -> None:
    with FakeServer(lambda *_: "") as server:
        found = examined(server.url)
        assert server.requests == []  # it is asked for its models, and for no text
    assert found["policies.served"].status == "ok"
    assert "its models: fake" in found["policies.served"].text
    assert found["OPENAI_API_KEY"].status == "note"


def test_a_model_that_the_server_does_not_have_is_a_problem() -> None:
    with FakeServer(lambda *_: "") as server:
        found = examined(server.url, "fak")["policies.served"]
    assert found.status == "problem"
    assert "did you mean 'fake'" in f"{found.text}: {found.remedy}"


def test_a_server_that_is_not_there_is_a_problem() -> None:
    with FakeServer(lambda *_: "") as server:
        url = server.url
    found = examined(url)["policies.served"]
    assert found.status == "problem"
    assert "is it running" in found.remedy


def test_the_key_is_noticed_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with FakeServer(lambda *_: "") as server:
        found = examined(server.url)
    assert found["OPENAI_API_KEY"].status == "ok"
    assert SECRET not in str([f.as_dict() for f in found.values()])


def test_without_a_config_the_server_of_the_environment_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(examine_servers(None)) == []
    with FakeServer(lambda *_: "") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        found = {f.about: f.status for f in examine_servers(None)}
    assert found["OPENAI_BASE_URL"] == "ok"
