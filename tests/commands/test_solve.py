"""The command line: what it prints, its exit codes, and one clear line for every bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tts_select.cli import _spent, main
from tts_select.core.cost import Bill, Cost
from tts_select.core.errors import BackendError
from tts_select.testing import FakeServer

PROBLEM = "Start with 14. Multiply by 3. What is the result?"
ROOT = Path(__file__).parent.parent


def invoke(*args: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, list(args), input=stdin)


@pytest.fixture
def problem_file(tmp_path: Path) -> str:
    path = tmp_path / "problem.txt"
    path.write_text(PROBLEM)
    return str(path)


@pytest.mark.parametrize("command", [(), ("solve",), ("models",), ("world",), ("world", "problems"),
                                     ("world", "train"), ("world", "report")])  # fmt: skip
def test_help_shows_examples(command: tuple[str, ...]) -> None:
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    if command not in ((), ("world",)):
        assert f"tts-select {' '.join(command)}" in result.output


def test_a_problem_from_a_file_is_answered(problem_file: str) -> None:
    result = invoke("solve", problem_file, "--show-candidates")
    assert result.exit_code == 0
    assert result.stdout.startswith("Answer: 42")
    assert "candidate 1" in result.stdout


def test_a_problem_from_standard_input_is_answered_as_json() -> None:
    result = invoke("solve", "-", "--json", "--method", "cot", stdin=PROBLEM)
    assert result.exit_code == 0
    record = json.loads(result.stdout)
    assert (record["answer"], record["plan"]["method"], record["plan"]["budget"]) == ("42", "cot", 1)


def test_a_prm_whose_format_is_not_known_or_does_not_suit_it_is_refused_in_one_line(
    problem_file: str, tiny_llama: Any
) -> None:
    folder = tiny_llama.model.config.name_or_path
    for more, complaint in [
        ((), "name it with --prm-format, one of eurus, generative, judge, math-shepherd"),
        (("--prm-format", "math-sheperd"), "did you mean 'math-shepherd'?"),
        (("--prm-format", "skywork-o1"), "has no weights v_head.summary.weight"),
        (("--prm-format", "world", "--prm-option", "dtype=int8"), "unknown dtype 'int8'"),
    ]:
        result = invoke("solve", problem_file, "--prm", folder, "--method", "best_of_n", *more)
        assert result.exit_code == 2
        assert complaint in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_no_answer_is_exit_code_3(problem_file: str) -> None:
    result = invoke("solve", problem_file, "--method", "cot", "--max-tokens", "2", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["answer"] is None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"a\0b", "binary"),
        (b"\xff\xfea", "UTF-8"),
        (b"a" * 1_000_001, "at most a million"),
        (b"How many bananas are there?", "does not know 'bananas', 'are', 'there'"),
        (b"Start with 14. " + b"Add 1. " * 300 + b"What is the result?", "reads at most 512"),
    ],
)
def test_a_bad_problem_file_is_one_line_that_says_why(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "problem.txt"
    path.write_bytes(content)
    result = invoke("solve", str(path))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert complaint in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("solve",),
        ("solve", "no-such-file.txt"),
        ("solve", "-", "--budget", "0"),
        ("solve", "-", "--budget", "many"),
        ("solve", "-", "--method", "bean"),
        ("solve", "-", "--policy", "world:huge"),
        ("solve", "-", "--prm", "none", "--method", "beam"),
        ("solve", "-", "--problems", "p.jsonl"),
        ("solve", "--problems", "no-such.jsonl", "--out", "r.jsonl"),
        ("solve", "--problems", "p.jsonl"),
        ("solve", "-", "--answer-field", "key"),
        ("world", "problems", "--family", "riddle"),
        ("world", "problems", "--level", "9"),
        ("world", "problems", "--out", "/no/such/folder/p.jsonl"),
        ("world", "train", "--out", "x", "--stage", "huge"),
        ("nonsense",),
    ],
)
def test_bad_usage_is_exit_code_2_without_a_traceback(arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments, stdin=PROBLEM)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert result.stderr.strip()


def test_world_problems_are_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    assert invoke("world", "problems", "-n", "6", "--level", "2", "--out", str(path)).exit_code == 0
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(records) == 6
    for record in records:
        assert set(record) == {"id", "problem", "answer", "level", "family", "steps"}
        assert record["level"] == 2


def batch(tmp_path: Path, n: int, *more: str) -> tuple[Result, Path]:
    source, out = tmp_path / "p.jsonl", tmp_path / "r.jsonl"
    if not source.exists():
        invoke("world", "problems", "-n", str(n), "--level", "1", "--out", str(source))
    arguments = ["solve", "--problems", str(source), "--out", str(out), "--method", "majority"]
    return invoke(*arguments, "--budget", "2", *more), out


def test_a_batch_is_solved_graded_and_summed_up(tmp_path: Path) -> None:
    result, out = batch(tmp_path, 5, "--json")
    assert result.exit_code == 0
    records = [json.loads(line) for line in out.read_text().splitlines()]
    summary = json.loads(result.stdout)
    assert len({r["id"] for r in records}) == summary["answered"] == summary["graded"] == 5
    assert summary["correct"] == sum(r["correct"] for r in records)


def test_the_fields_of_a_batch_may_be_named(tmp_path: Path) -> None:
    row = {"key": "q1", "text": PROBLEM, "value": "42", "answer": "not this one"}
    (tmp_path / "p.jsonl").write_text(json.dumps(row) + "\n")
    named = ("--problem-field", "text", "--answer-field", "value", "--id-field", "key")
    result, out = batch(tmp_path, 0, *named)
    assert result.exit_code == 0, result.stderr
    record = json.loads(out.read_text())
    assert (record["id"], record["correct"]) == ("q1", record["answer"] == "42")


def test_a_batch_overwrites_nothing_and_resumes(tmp_path: Path) -> None:
    _, out = batch(tmp_path, 4)
    lines = out.read_text().splitlines()
    refused, _ = batch(tmp_path, 4)
    assert refused.exit_code == 2
    assert "--resume" in refused.stderr
    out.write_text("\n".join(lines[:2]) + '\n{"id": "torn')
    resumed, _ = batch(tmp_path, 4, "--resume")
    assert resumed.exit_code == 0
    again = out.read_text().splitlines()
    assert again[:2] == lines[:2]

    def untimed(line: str) -> Any:
        record = json.loads(line)
        return record["id"], record["answer"], record["text"]

    assert sorted(map(untimed, again)) == sorted(map(untimed, lines))


def test_results_are_in_the_order_of_the_problems_also_after_resuming(tmp_path: Path) -> None:
    _, out = batch(tmp_path, 6, "--concurrency", "4")
    ids = [json.loads(line)["id"] for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    lines = out.read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ids
    old = {"id": ids[4], "answer": "7", "correct": False, "cost": {}}  # as earlier versions wrote it
    out.write_text(json.dumps(old) + "\n" + lines[1] + "\n")
    resumed, _ = batch(tmp_path, 6, "--resume", "--with-candidates")
    assert resumed.exit_code == 0, resumed.output
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [r["id"] for r in records] == ids
    assert records[4] == old
    assert len(records[0]["candidates"]) == 2
    assert "solving: 4 of 4" in resumed.stderr


def test_a_malformed_line_is_named_and_the_others_are_solved(tmp_path: Path) -> None:
    source = tmp_path / "p.jsonl"
    source.write_text(json.dumps({"problem": PROBLEM, "answer": "42"}) + "\nnot json\n")
    result, out = batch(tmp_path, 0)
    assert result.exit_code == 2
    assert "line 2" in result.stderr
    assert len(out.read_text().splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    source = tmp_path / "p.jsonl"
    source.write_text(json.dumps({"problem": PROBLEM}))
    result = invoke("solve", "--problems", str(source), "--out", "/dev/full", "--method", "cot")
    assert result.exit_code == 2
    assert "No space left" in result.stderr
    assert "Traceback" not in result.output


def test_an_interruption_keeps_what_is_solved(tmp_path: Path) -> None:
    source, out = tmp_path / "p.jsonl", tmp_path / "r.jsonl"
    invoke("world", "problems", "-n", "200", "--level", "3", "--out", str(source))
    command = [sys.executable, "-m", "tts_select", "solve", "--problems", str(source), "--out", str(out)]
    process = subprocess.Popen(
        [*command, "--method", "majority", "--budget", "64", "--concurrency", "1"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    while process.poll() is None and (not out.exists() or out.read_text().count("\n") < 2):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in stderr
    assert "Traceback" not in stderr
    for line in out.read_text().splitlines():
        json.loads(line)


def test_a_server_is_a_policy(problem_file: str) -> None:
    with FakeServer(lambda *_: "It is \\boxed{42}.") as server:
        chosen = ("--policy", "openai:fake", "--base-url", server.url, "--policy-option", "params=7e9")
        result = invoke("solve", problem_file, *chosen, "--policy-option", "prompt=qwen-math@1", "--json")
    solution = json.loads(result.output)
    assert (solution["answer"], solution["plan"]["policy"]) == ("42", "openai:fake")
    assert solution["cost"]["flops"] == 2 * 7e9 * sum(
        solution["cost"][f"policy_{name}_tokens"] for name in ("prompt", "generated")
    )
    assert server.requests[-1]["messages"][0]["content"].startswith("Please reason step by step")


HOSTILE = r"[asy]x[/asy] \[ 1 + 3 \] [/b] " + "\x1b[31m \r \u202e \\boxed{[/i]\x07}."


@pytest.mark.parametrize("more", [(), ("--show-candidates",), ("--min-confidence", "1")])
def test_what_a_model_writes_is_shown_to_the_letter(problem_file: str, more: tuple[str, ...]) -> None:
    with FakeServer(lambda _, seed: f"{HOSTILE}{seed}") as server:
        chosen = (
            "--policy",
            "openai:fake",
            "--base-url",
            server.url,
            "--method",
            "majority",
            "--budget",
            "2",
        )
        result = invoke("solve", problem_file, *chosen, *more)
    assert result.exit_code in (0, 3)
    assert r"[asy]x[/asy] \[ 1 + 3 \] [/b] \x1b[31m \r \u202e" in result.stdout
    assert r"[/i]\x07" in result.stdout.splitlines()[0]
    assert not {"\x1b", "\r", "\u202e", "\x07"} & set(result.output)


def test_what_is_typed_and_what_files_are_called_is_safe_in_errors(tmp_path: Path) -> None:
    missing = invoke("solve", str(tmp_path / "p\x1b[31m[/b].txt"))
    assert missing.exit_code == 2
    assert r"p\x1b[31m[/b].txt" in missing.stderr
    unknown = invoke("solve", "--\x1b[31m")
    assert unknown.exit_code == 2
    assert "\x1b" not in missing.stderr + unknown.stderr


def test_a_failed_search_says_what_was_spent() -> None:
    error = BackendError("the server is gone")
    error.bill = Bill({"search": Cost(policy_generated_tokens=1200, policy_calls=3)})
    assert _spent(error) == " (spent so far: 1,200 tokens in 3 requests)"
    assert _spent(BackendError("never begun")) == ""


@pytest.mark.parametrize("pair", ["params", "=7e9"])
def test_an_option_without_name_or_value_is_refused(problem_file: str, pair: str) -> None:
    result = invoke("solve", problem_file, "--policy-option", pair)
    assert result.exit_code == 2
    assert "is not NAME=VALUE" in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["problem.txt", "--engine", "ray"], "--engine ray is for --problems"),
        (["problem.txt", "--workers", "2"], "--workers goes with --engine ray"),
    ],
)
def test_what_ray_cannot_do_is_refused(options: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["solve", *options])
    assert result.exit_code == 2
    assert said in result.stderr
