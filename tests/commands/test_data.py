from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tts_select.cli import main


@pytest.fixture
def exam(tmp_path: Path) -> Path:
    path = tmp_path / "exam.csv"
    path.write_text("text,key\n[b]1+1?,2\n2+2?,\n[b]1+1?,2\n3+3?,6\n")
    return path


def test_the_first_problems_and_all_that_is_remarkable_are_shown(exam: Path) -> None:
    done = CliRunner().invoke(
        main, ["data", "show", str(exam), "--problem-field", "text", "--answer-field", "key", "-n", "2"]
    )
    assert done.exit_code == 0, done.output
    assert "3 problems" in done.stdout
    assert "[b]1+1?" in done.stdout
    assert "3+3?" not in done.stdout
    assert "line 3: no answer" in done.stderr
    assert "line 4: the id" in done.stderr


def test_json_has_it_all(exam: Path) -> None:
    done = CliRunner().invoke(
        main, ["data", "show", str(exam), "--problem-field", "text", "--json", "-n", "1"]
    )
    found = json.loads(done.stdout)
    assert found["n_problems"] == 3
    assert [p["problem"] for p in found["problems"]] == ["[b]1+1?"]
    assert [n["left_out"] for n in found["notes"] if n["place"] == "line 4"] == [True]


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["exam.csv"], "its fields are text, key", 2),
        (["gsm9k"], "known are", 2),
        (["aime"], "needs a network", 4),
    ],
)
def test_errors_are_one_line_with_a_remedy(
    exam: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str, code: int
) -> None:
    monkeypatch.chdir(exam.parent)
    done = CliRunner().invoke(main, ["data", "show", *arguments])
    assert done.exit_code == code
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    rows = [
        {"id": "a", "answer": "1/2", "prediction": "It is \\boxed{\\frac12}."},
        {"id": "b", "answer": "5 m", "prediction": "[red]5 s[/red]\x1b[31m"},
        {"id": "c", "answer": "5 m", "prediction": "<think>Hm"},
        {"id": "d", "answer": "0.5", "prediction": "50%"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "not JSON\n")
    return path


def test_each_row_is_graded_with_what_was_read_and_why(log: Path) -> None:
    done = CliRunner().invoke(main, ["data", "grade", str(log)])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith("equivalent")
    assert "\\frac12 (box) for 1/2" in lines[0]
    assert "[red]5 s[/red]\\x1b[31m" in lines[1]
    assert "the thought is not over" in lines[2]
    assert lines[4].startswith("left out")
    assert lines[5] == "2 equivalent, 2 different, 1 no answer, 1 left out"


def test_rows_of_one_verdict_are_shown_alone_and_strictly(log: Path) -> None:
    done = CliRunner().invoke(main, ["data", "grade", str(log), "--only", "different", "--strict", "--json"])
    found = json.loads(done.stdout)
    assert [row["id"] for row in found["rows"]] == ["b", "c", "d"]
    assert found["summary"]["different"] == 3


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"answer": "1"}', "--prediction-field"),
        ('{"prediction": "1"}', "--answer-field"),
    ],
)
def test_fields_that_are_not_there_are_said_with_a_remedy(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(row)
    done = CliRunner().invoke(main, ["data", "grade", str(path)])
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
