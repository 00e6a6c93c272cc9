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
