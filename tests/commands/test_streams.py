"""Closed streams, readers that go away, full disks, foreign line ends: real processes, no tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tts_select.commands._problem_text import read_problem_text
from tts_select.testing import FakeServer

PROGRAM = f"'{sys.executable}' -m tts_select"
ROOT = Path(__file__).parent.parent.parent
MANY = f"{PROGRAM} world problems -n 1000"
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("{program} --version >&-", 0),
        ("{program} --help | true; exit ${{PIPESTATUS[0]}}", 0),
        ("{program} models <&- >&- 2>&-", 0),
        ("{program} solve - <&-", 2),
        ("{program} nonsense 2>&-", 2),
        ("{program} nonsense 2>&1 | true; exit ${{PIPESTATUS[0]}}", 2),
        ("{many} | head -1; exit ${{PIPESTATUS[0]}}", 0),
        ("{many} >&-", 0),
        pytest.param("{many} >/dev/full", 2, marks=needs_full),
        pytest.param("{program} --help >/dev/full", 2, marks=needs_full),
    ],
)
def test_a_stream_that_is_not_there_is_no_traceback(tmp_path: Path, command: str, code: int) -> None:
    assert shell(command.format(program=PROGRAM, many=MANY), tmp_path).returncode == code


def test_an_unbuffered_pipe_may_close_too(tmp_path: Path) -> None:
    done = shell(f"{MANY} | head -1; exit ${{PIPESTATUS[0]}}", tmp_path, PYTHONUNBUFFERED="1")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1


def test_a_closed_input_is_said_to_be_empty(tmp_path: Path) -> None:
    done = shell(f"{PROGRAM} plan - --no-probe <&-", tmp_path)
    assert done.stderr == "tts-select: standard input is empty: write the problem into it\n"


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"problem": "1 + 1?", "answer": "2"}')
    with FakeServer(lambda *_: "It is \\boxed{2}.") as server:
        policy = f"--policy openai:fake --base-url {server.url} --method cot"
        command = f"{PROGRAM} solve --problems p.jsonl --out r.jsonl {policy} <&- >&-"
        assert shell(command, tmp_path).returncode == 0
    record = json.loads((tmp_path / "r.jsonl").read_text())
    assert (record["answer"], record["correct"]) == ("2", True)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_of_any_system_are_read(tmp_path: Path, end: str, mark: str) -> None:
    (tmp_path / "p.txt").write_bytes(f"{mark}one{end}{end}two{end}".encode())
    assert read_problem_text(str(tmp_path / "p.txt")) == "one\n\ntwo"


def test_a_terminal_without_unicode_is_written_to_in_escapes(tmp_path: Path) -> None:
    (tmp_path / "√.yaml").write_text(
        "name: 数\narms: [{policy: 'world:small', method: cot}]", encoding="utf-8"
    )
    done = shell(f"{PROGRAM} portfolio show √.yaml", tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "\\u6570: 1 arms" in done.stdout
