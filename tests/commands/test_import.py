"""`tts-select import`: what it prints, its exit codes, a line for bad input."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from tts_select.cli import main
from tts_select.training.log.reading import read_log

ROWS = [
    {
        "pid": f"p{k % 4}",
        "model": model,
        "n": k // 4,
        "answer": str(k % 3),
        "gold": "1",
        "output_tokens": 10 + k,
    }
    for model in ("small", "large")
    for k in range(24)
]
MAP = ("--map", "id=pid,sample=n")


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, ["import", *args])


@pytest.fixture
def samples(tmp_path: Path) -> str:
    path = tmp_path / "samples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return str(path)


def test_help_shows_examples() -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    assert "tts-select import out/*/samples_gsm8k_*.jsonl --format lm-eval --out log/" in result.output


def test_an_import_is_summed_up(samples: str, tmp_path: Path) -> None:
    args = (samples, "--format", "jsonl", *MAP, "--params", "small=0.5e9")
    result = invoke(*args, "--out", str(tmp_path / "a"))
    assert result.exit_code == 0, result.stderr
    assert "4 problems from 48 rows, 0 duplicates, 0 bad" in result.stdout
    assert "log:small" in result.stdout
    assert "not known" in result.stdout  # the size of the other
    summary = json.loads(invoke(*args, "--out", str(tmp_path / "b"), "--json").stdout)
    assert (summary["problems"], summary["unit"], summary["n_duplicates"]) == (4, "tokens", 0)
    (small, large) = summary["policies"]
    assert (small["n_parameters"], large["n_parameters"]) == (5 * 10**8, None)
    assert small["pass_at_1"] == pytest.approx(1 / 3)


def test_the_three_formats_of_rows_say_the_same(samples: str, tmp_path: Path) -> None:
    with (tmp_path / "s.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(ROWS)
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "s.parquet")
    logs = []
    for path, format_ in (
        (samples, "jsonl"),
        (tmp_path / "s.csv", "csv"),
        (tmp_path / "s.parquet", "parquet"),
    ):
        result = invoke(str(path), "--format", format_, *MAP, "--out", str(tmp_path / format_))
        assert result.exit_code == 0, result.stderr
        logs.append(read_log(tmp_path / format_))
    assert logs[0].pools == logs[1].pools == logs[2].pools
    assert len(logs[0].pools) == 8


def test_several_files_are_one_log(samples: str, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl"
    again.write_text("".join(json.dumps({**row, "n": row["n"] + 3}) + "\n" for row in ROWS))
    result = invoke(samples, str(again), "--format", "jsonl", *MAP, "--out", str(tmp_path / "log"), "--json")
    summary = json.loads(result.stdout)
    assert (summary["n_rows"], summary["n_duplicates"]) == (96, 24)  # the numbers 3 to 5 are in both
    assert summary["files"] == ["samples.jsonl", "again.jsonl"]


def test_bad_rows_are_named_and_too_many_are_exit_code_2(samples: str, tmp_path: Path) -> None:
    path = Path(samples)
    path.write_text(path.read_text() + '{"pid": \n')
    skipping = invoke(samples, "--format", "jsonl", *MAP, "--out", str(tmp_path / "a"))
    assert skipping.exit_code == 0
    assert "skipped" in skipping.stderr
    assert "line 49: not JSON" in skipping.stderr
    strict = invoke(samples, "--format", "jsonl", *MAP, "--out", str(tmp_path / "b"), "--strict")
    assert strict.exit_code == 2
    assert "line 49: not JSON" in strict.stderr
    path.write_text(path.read_text() + "{}\n" * 4)
    many = invoke(samples, "--format", "jsonl", *MAP, "--out", str(tmp_path / "c"))
    assert many.exit_code == 2
    assert "5 of 53 rows cannot be used, more than 5%" in many.stderr
    assert "Traceback" not in many.output


def test_every_sample_that_is_dropped_is_counted_and_said(tmp_path: Path) -> None:
    rows = [
        {
            "id": f"p{k}",
            "model": "m",
            "completions": ["1", "2", "3"],
            "correct": [1, 0, 1],
            "tokens": [5, 6, 7],
        }
        for k in range(600)
    ]
    for row in rows[:25]:
        row["tokens"] = [5, -1, 7]
    rows[30]["tokens"] = [5, None, 7]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = invoke(str(tmp_path / "s.jsonl"), "--format", "jsonl", "--out", str(tmp_path / "log"))
    assert "600 problems from 1,800 rows, 0 duplicates, 26 bad" in result.stdout
    assert "line 1, sample 2: the field 'tokens' (tokens): -1 is no count" in result.stderr
    assert "skipped 6 more" in result.stderr


@pytest.mark.parametrize(("option", "p"), [((), 0.0), (("--filter", "two"), 1.0), (("--metric", "b"), 1.0)])
def test_the_filter_and_the_metric_are_options(tmp_path: Path, option: tuple[str, ...], p: float) -> None:
    rows = [
        {"doc_id": 0, "target": "7", "resps": [["7"]], "filter": name, "metrics": ["a", "b"], "a": a, "b": 1}
        for name, a in (("one", 0), ("two", 1))
    ]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    args = ("--format", "lm-eval", "--model", "m", "--json", *option, "--out", str(tmp_path / "log"))
    summary = json.loads(invoke(str(tmp_path / "s.jsonl"), *args).stdout)
    assert summary["policies"][0]["pass_at_1"] == p


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (("--map", "id"), "'id' in --map is not KEY=FIELD"),
        (("--map", "idd=pid"), "unknown key of --map 'idd': did you mean 'id'?"),
        (("--params", "small"), "'small' in --params is not MODEL=PARAMETERS"),
        (("--params", "small=-1"), "is not MODEL=PARAMETERS"),
        (("--id-field", "x"), "are for --problems"),
        (("--problem-ids", "row"), "are for --problems"),
        (("--map", "tokens=words"), "no field 'words' for --map tokens="),
        (("--filter", "strict-match"), "--filter is for --format lm-eval"),
        (("--metric", "acc"), "--metric is for --format lm-eval and inspect: use --map correct=FIELD"),
    ],
)
def test_bad_options_are_exit_code_2(
    samples: str, tmp_path: Path, args: tuple[str, ...], complaint: str
) -> None:
    result = invoke(samples, "--format", "jsonl", *args, "--out", str(tmp_path / "log"))
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_a_missing_file_is_exit_code_2(tmp_path: Path) -> None:
    result = invoke(str(tmp_path / "none.jsonl"), "--format", "jsonl", "--out", str(tmp_path / "log"))
    assert result.exit_code == 2
    assert "No such file" in result.stderr


@pytest.mark.parametrize(("option", "spec"), [("--policy", "log:small"), ("--prm", "log:judge")])
def test_a_model_of_an_imported_log_cannot_be_run(option: str, spec: str, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("1 + 1?")
    result = CliRunner().invoke(
        main, ["solve", str(tmp_path / "p.txt"), "--method", "best_of_n", option, spec]
    )
    assert result.exit_code == 2
    assert f"'{spec}' is a model of an imported log: there is nothing to run" in result.stderr


def test_problems_come_from_a_file_with_fields_of_any_name(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("key,text,value\nq1,1 + 0?,1\nq2,1 + 1?,2\n")
    rows: list[dict[str, Any]] = [{"id": "q2", "model": "m", "answer": "2"}]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    fields = ("--problem-field", "text", "--answer-field", "value", "--id-field", "key")
    source = ("--problems", str(tmp_path / "p.csv"))
    out = ("--format", "jsonl", "--out", str(tmp_path / "log"))
    assert invoke(str(tmp_path / "s.jsonl"), *out, *source, *fields).exit_code == 0
    problem = read_log(tmp_path / "log").problems["q2"]
    assert (problem.problem, problem.answer) == ("1 + 1?", "2")
