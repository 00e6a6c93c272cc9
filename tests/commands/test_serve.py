"""`tts-select serve` before it serves: what it refuses, and new keys."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from tts_select.cli import main
from tts_select.core import extras


def run(*arguments: str) -> tuple[int, str]:
    found = CliRunner().invoke(main, ["serve", *arguments])
    return found.exit_code, found.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "needs keys"),  # noqa: S104  it is refused
        (["--host", "example.org"], "needs keys"),
        (["--api-key-file", "nowhere.yaml"], "nowhere.yaml"),
        (["--daily-tokens", "5"], "--purses"),
        (["--purses", "p.sqlite", "--daily-tokens", "5"], "needs --max-tokens"),
        (["--purses", "no/such/folder/p.sqlite"], "cannot be used"),
        (["--port", "70000"], "70000"),
        (["--max-dollars", "0"], "0"),
    ],
)
def test_what_cannot_be_served_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, output = run(*arguments)
    assert code == 2
    assert said in output
    assert "Traceback" not in output


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, output = run("--port", str(port))
    assert code == 2
    assert f"cannot listen at 127.0.0.1, port {port}" in output


def test_a_router_that_cannot_be_loaded_ends_the_server_with_the_reason(tmp_path: Path) -> None:
    code, output = run("--port", "0", "--router", str(tmp_path))
    assert code == 2
    assert "serving at http://127.0.0.1:" in output
    assert str(tmp_path) in output.splitlines()[-1]


def test_a_new_key_comes_with_the_entry_of_its_file(tmp_path: Path) -> None:
    from tts_select.serving.keys import read_keys
    from tts_select.serving.settings import Daily

    code, output = run("--new-key", "alice")
    first, _, entry = output.splitlines()
    file = tmp_path / "keys.yaml"
    file.write_text(f"keys:\n{entry}\n")
    key = read_keys(file, Daily()).named({"authorization": f"Bearer {first.split()[-1]}"})
    assert (code, key.name) == (0, "alice")


def test_the_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    code, output = run()
    assert code == 2
    assert "pip install 'tts-select[serve]'" in output
