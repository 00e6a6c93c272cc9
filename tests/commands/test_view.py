"""`solve --trace` and `tts-select view`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tts_select.cli import main
from tts_select.testing.server import FakeServer
from tts_select.tracing.recording import SCHEMA

PROBLEM = "Start with 14. Multiply by 3. What is the result?"


def invoke(*args: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [*map(str, args)], input=stdin)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("solved") / "traces"
    assert invoke("solve", "-", "--trace", folder, stdin=PROBLEM).exit_code == 0
    return folder


def test_solve_writes_one_trace_and_none_without_being_asked(traces: Path) -> None:
    (path,) = traces.iterdir()
    trace = json.loads(path.read_text())
    assert trace["schema"] == SCHEMA
    assert trace["answer"] == "42"
    assert trace["router"]["kind"] == "look-ahead"
    assert trace["best_fixed"]["cost"] > 0
    assert trace["what_if"]["states"]


def test_a_batch_writes_one_a_problem(tmp_path: Path) -> None:
    problems = tmp_path / "p.jsonl"
    lines = [{"id": f"a/{k}", "problem": f"Start with {k}. Add 3. What is the result?"} for k in range(3)]
    problems.write_text("".join(json.dumps(line) + "\n" for line in lines))
    asked = ("solve", "--problems", problems, "--out", tmp_path / "r.jsonl", "--trace", tmp_path / "t")
    assert invoke(*asked).exit_code == 0
    found = {json.loads(path.read_text())["problem"]["id"] for path in (tmp_path / "t").iterdir()}
    assert found == {"a/0", "a/1", "a/2"}


def test_so_does_a_purse(tmp_path: Path) -> None:
    problems = tmp_path / "p.jsonl"
    problems.write_text(json.dumps({"id": "one", "problem": PROBLEM}) + "\n")
    asked = ("solve", "--problems", problems, "--out", tmp_path / "r.jsonl", "--trace", tmp_path / "t")
    assert invoke(*asked, "--total-flops", "1e10").exit_code == 0
    assert [path.name for path in (tmp_path / "t").iterdir()] == ["one.trace.json"]


def test_no_address_and_no_key_is_in_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-very-secret-key")
    with FakeServer(lambda prompt, k: "so\n\n\\boxed{42}") as server:
        asked = ("solve", "-", "--policy", "openai:fake", "--base-url", server.url, "--budget", "2")
        invoke(*asked, "--trace", tmp_path / "t", stdin=PROBLEM)
        (path,) = (tmp_path / "t").iterdir()
        text = path.read_text()
        assert "a-very-secret-key" not in text
        assert server.url not in text


def test_view_writes_a_page(traces: Path, tmp_path: Path) -> None:
    result = invoke("view", traces, "--out", tmp_path / "page.html")
    assert result.exit_code == 0
    html = (tmp_path / "page.html").read_text()
    assert html.startswith("<!doctype html>")
    assert "page.html" in result.stderr


def test_what_cannot_be_viewed_is_one_line(tmp_path: Path) -> None:
    result = invoke("view", tmp_path / "nothing")
    assert result.exit_code == 2
    assert "there is no" in result.stderr
    assert result.stderr.count("\n") == 1
