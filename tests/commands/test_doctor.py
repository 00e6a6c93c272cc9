"""`tts-select doctor` and `tts-select models`: what they print, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tts_select.cli import main

HEALTHY = """
policies: {small: {spec: "world:small", device: cpu}}
prms: {judge: {spec: "world:prm"}}
pairs: {math: {policy: small, prm: judge}}
placement: {concurrency: 1, context: 64}
"""


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(HEALTHY)
    return path


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "TTS_SELECT_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_a_healthy_machine_is_exit_code_0(config: Path) -> None:
    result = invoke("doctor", "--config", str(config), "--json")
    report: dict[str, Any] = json.loads(result.stdout)
    assert report["config"] == str(config)
    statuses = {f["about"]: f["status"] for f in report["findings"]}
    assert statuses["the shipped router"] == statuses["placement of pairs.math"] == "ok"
    problems = [f for f in report["findings"] if f["status"] == "problem"]
    assert (problems, result.exit_code) == ([], 0)


def test_a_problem_is_exit_code_5_with_what_to_do(config: Path) -> None:
    config.write_text(HEALTHY + "router: lost\n")
    result = invoke("doctor", "--config", str(config))
    assert result.exit_code == 5
    assert result.stdout.startswith(f"config: {config}")
    assert "PROBLEM" in result.stdout
    assert "train it again" in " ".join(result.stdout.split())


def test_a_config_that_cannot_be_read_is_exit_code_2_in_one_line(config: Path) -> None:
    config.write_text("policy: {}")
    for command in ("doctor", "models"):
        result = invoke(command, "--config", str(config))
        assert result.exit_code == 2
        assert "did you mean 'policies'?" in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["doctor", "models"])
def test_help_shows_examples(command: str) -> None:
    assert f"tts-select {command} --config" in invoke(command, "--help").output


def test_models_lists_what_the_package_holds() -> None:
    found = json.loads(invoke("models", "--json").stdout)
    kinds = {r["spec"]: r["kind"] for r in found["embedded"]}
    assert kinds == {
        "world:small": "policy",
        "world:medium": "policy",
        "world:large": "policy",
        "world:base": "policy",
        "world:base-story": "policy",
        "world:medium-machine": "policy",
        "world:base-shopping": "policy",
        "world:prm": "prm",
        "world:prm-narrow": "prm",
    }
    assert len({r["fingerprint"] for r in found["embedded"]}) == len(kinds)
    assert found["config"] == []
    assert "world:small" in invoke("models").stdout


def test_models_says_what_runs_here_and_why_something_does_not(config: Path) -> None:
    config.write_text(HEALTHY.replace("policies: {", "policies: {fast: {spec: 'vllm:x'}, "))
    found = json.loads(invoke("models", "--config", str(config), "--json").stdout)
    why = {(b["kind"], b["scheme"]): b["why_not"] for b in found["backends"]}
    assert why["policy", "hf"] is why["prm", "world"] is why["policy", "openai"] is None
    formats = {f["format"]: f["runs_in"] for f in found["prm_formats"]}
    assert formats["qwen2.5-math-prm"] == ["hf", "vllm"]
    assert formats["skywork-o1"] == ["hf"]
    entries = {e["name"]: (e["kind"], e["why_not"]) for e in found["config"]}
    assert entries["fast"] == ("policy", why["policy", "vllm"])
    assert entries["judge"] == ("prm", None)
    assert entries["math"] == ("pair", None)
    assert "math-?shepherd" in invoke("models", "--config", str(config)).stdout


def test_the_config_in_the_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "tts-select.yaml").write_text(HEALTHY)
    names = {e["name"] for e in json.loads(invoke("models", "--json").stdout)["config"]}
    assert names == {"small", "judge", "math"}
