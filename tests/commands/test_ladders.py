"""`tts-select import`, `train` and `evaluate` on a log that others wrote."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tts_select.cli import main

N_PROBLEMS, N_SAMPLES = 24, 4
MAP = "id=problem,tokens=length"


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def write_rows(path: Path, first: int, n_problems: int = N_PROBLEMS) -> None:
    rng = np.random.default_rng(first)
    rows = []
    for k in range(first, first + n_problems):
        for model, skill in (("small", 0.4), ("big", 0.7)):
            for sample in range(N_SAMPLES):
                right = bool(rng.random() < skill)
                answer = str(k) if right else f"{rng.integers(500, 505)}"
                length = int(rng.integers(50, 90 if right else 200))
                rows.append(
                    {
                        "problem": f"q{k}",
                        "model": model,
                        "sample": sample,
                        "answer": answer,
                        "gold": str(k),
                        "correct": right,
                        "length": length,
                    }
                )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def imported(folder: Path, name: str, first: int, n_problems: int = N_PROBLEMS) -> str:
    write_rows(folder / f"{name}.jsonl", first, n_problems)
    out = str(folder / name)
    result = invoke(
        "import", str(folder / f"{name}.jsonl"), "--format", "jsonl", "--map", MAP, "--out", out,
        "--params", "small=1e6,big=4e6",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    imported(folder, "train", 1000)
    imported(folder, "test", 2000)
    imported(folder, "single", 3000, 1)
    return folder


@pytest.mark.slow
def test_a_router_is_trained_and_measured_on_imported_logs(logs: Path, tmp_path: Path) -> None:
    router = str(tmp_path / "router")
    trained = invoke("train", str(logs / "train"), "--out", router, "--json")
    assert trained.exit_code == 0, trained.output
    learned = json.loads(trained.stdout)
    assert learned["n_problems"] == N_PROBLEMS
    assert set(learned["prices"]) == {"low", "medium", "high"}
    out = tmp_path / "report"
    measured = invoke("evaluate", router, str(logs / "test"), "--out", str(out))
    assert measured.exit_code == 0, measured.output
    report = json.loads((out / "report.json").read_text())
    assert (report["kind"], report["split"], report["n_trained"]) == ("staged", "test", N_PROBLEMS)
    assert "What the router buys" in (out / "report.html").read_text()
    assert (out / "plots" / "frontier.png").stat().st_size > 0
    again = invoke("evaluate", router, str(logs / "train"), "--out", str(out))
    assert again.exit_code == 2
    assert "trained the router" in again.stderr


@pytest.mark.slow
def test_folds_need_no_router(logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    result = invoke(
        "evaluate", str(logs / "train"), "--folds", "2", "--policies", "big", "--out", str(out), "--json"
    )
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["policies"] == ["log:big"]
    assert report["split"] == "2 folds over problems"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("train", "single"), "the log has 1 problem with samples of every policy"),
        (("train", "train", "--probes", "2"), "leave --probe... out"),
        (("train", "train", "--policies", "bigg"), "did you mean 'big'"),
        (("evaluate", "single", "--folds", "5"), "the log has 1 problem with samples of every policy"),
        (("evaluate", "train"), "--folds 5"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    logs: Path, tmp_path: Path, args: tuple[str, ...], said: str
) -> None:
    command, log, *options = args
    result = invoke(command, str(logs / log), *options, "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.strip().count("\n") <= 1
    assert not (tmp_path / "out").exists()
