"""A prior at the command line: trained on several logs, measured on another, solving with a served model."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

import pytest
from click.testing import CliRunner, Result

from tests.commands.test_ladders import imported
from tests.training.made import made_log, scored
from tts_select.cli import main
from tts_select.data.prior.artifacts import PRIOR
from tts_select.testing import FakeServer


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prior-logs")
    imported(folder, "one", 1000)
    imported(folder, "two", 2000)
    return folder


def test_the_shipped_prior_is_measured_on_an_imported_log(logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    result = invoke(
        "evaluate", "prior", str(logs / "one"), "--policy", "big", "--max-samples", "3", "--out", str(out)
    )
    assert result.exit_code == 0, result.output
    report = json.loads((out / "report.json").read_text())
    assert report["kind"] == "prior"
    assert report["n_problems"] == 24
    budgets = {int(arm["name"].split("@")[1].split()[0]) for arm in report["arms"]}
    assert budgets == {1, 2, 3}
    for rule in ("margin", "beta", "doubling"):
        for name in ("big", "log:big"):
            row = report["baselines"][f"{rule} {name}"]
            assert 0 <= row["accuracy"] <= 1
            assert row["cost"] > 0
    dearest = max(report["router"]["frontier"], key=lambda point: point["cost"])
    vote = next(arm for arm in report["arms"] if arm["name"].startswith("majority@3 "))
    assert dearest["price"] == 0.0
    assert dearest["cost"] == pytest.approx(vote["cost"])
    assert dearest["accuracy"] == pytest.approx(vote["accuracy"])
    assert set(report["router"]["efforts"]) == {"low", "medium", "high"}
    assert "confidence" in report["calibration"]
    assert (out / "report.html").is_file()


def test_one_policy_at_a_time(logs: Path, tmp_path: Path) -> None:
    result = invoke("evaluate", "prior", str(logs / "one"), "--out", str(tmp_path / "r"))
    assert result.exit_code == 2
    assert "specify --policy, one of small, big" in result.output


def test_a_prior_is_trained_on_several_logs(logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    result = invoke(
        "train", str(logs / "one"), str(logs / "two"), "--kind", "prior", "--out", str(out), "--json"
    )
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert shown["kind"] == "prior"
    assert {(p["log"], p["policy"]) for p in shown["policies"]} == {
        (log, f"log:{policy}") for log in ("one", "two") for policy in ("big", "small")
    }
    assert set(shown["efforts"]) == {"low", "medium", "high"}
    again = tmp_path / "again"
    invoke("train", str(logs / "one"), str(logs / "two"), "--kind", "prior", "--out", str(again))
    for file in out.iterdir():
        assert file.read_bytes() == (again / file.name).read_bytes()
    measured = invoke(
        "evaluate", str(out), str(logs / "one"), "--policy", "big", "--out", str(tmp_path / "report")
    )
    assert measured.exit_code == 0, measured.output


def test_a_prior_learns_what_prm_scores_add(tmp_path: Path) -> None:
    log = scored(made_log(24, n_samples=6), "log:r", skill=4.0)
    rows = [
        {
            "problem_id": problem,
            "model": policy.removeprefix("log:"),
            "sample": k,
            "answer": s.answer,
            "correct": s.correct,
            "tokens": s.n_tokens,
            "scores": {"r": s.scores["log:r"]},
        }
        for (problem, policy), pool in log.pools.items()
        for k, s in enumerate(pool.samples)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    read = ("import", str(tmp_path / "rows.jsonl"), "--format", "jsonl")
    result = invoke(*read, "--out", str(tmp_path / "scored"))
    assert result.exit_code == 0, result.output
    out, again = tmp_path / "with-prm", tmp_path / "again"
    for folder in (out, again):
        train = ("train", str(tmp_path / "scored"), "--kind", "prior", "--onto", "prior")
        result = invoke(*train, "--out", str(folder), "--json")
        assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert [(p["policy"], p["prm"]) for p in shown["prm"]["pairs"]] == [
        ("log:weak", "log:r"),
        ("log:strong", "log:r"),
    ]
    for name in ("change.txt", "correct.txt"):
        assert (out / name).read_bytes() == (PRIOR / name).read_bytes()
    facts, shipped = (json.loads((folder / "prior.json").read_text()) for folder in (out, PRIOR))
    assert facts.pop("prm") != shipped.pop("prm")
    assert facts == shipped
    for file in out.iterdir():
        assert file.read_bytes() == (again / file.name).read_bytes()


def test_only_a_prior_is_taught_onto(logs: Path, tmp_path: Path) -> None:
    args = ("train", str(logs / "one"), "--kind", "ladder", "--onto", "prior", "--out", str(tmp_path / "r"))
    result = invoke(*args)
    assert result.exit_code == 2
    assert "--onto is the prior that learns more" in " ".join(result.output.split())


def test_a_log_without_scores_teaches_no_prm(logs: Path, tmp_path: Path) -> None:
    args = ("train", str(logs / "one"), "--kind", "prior", "--onto", "prior", "--out", str(tmp_path / "r"))
    result = invoke(*args)
    assert result.exit_code == 2
    assert "no PRM of the logs has scored" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--kind", "ladder"], "several logs train a prior alone"),
        (["--kind", "prior", "--unit", "dollars"], "a prior weighs samples"),
        (["--kind", "prior", "--probes", "2"], "takes no probes"),
    ],
)
def test_what_does_not_go_together(logs: Path, tmp_path: Path, args: list[str], complaint: str) -> None:
    result = invoke("train", str(logs / "one"), str(logs / "two"), *args, "--out", str(tmp_path / "r"))
    assert result.exit_code == 2
    assert complaint in result.output


def test_a_served_model_is_sampled_as_long_as_it_pays(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("How many?")
    with FakeServer(lambda *_: "So it is \\boxed{4}.") as server:
        args = ["--policy", "openai:fake", "--base-url", server.url, "--effort", "low"]
        result = invoke("solve", str(tmp_path / "p.txt"), *args)
        assert result.exit_code == 0, result.output
        assert "by what was learned from other models" in " ".join(result.output.split())
        assert "2 samples of 16" in result.output
        found = json.loads(invoke("solve", str(tmp_path / "p.txt"), *args, "--json").stdout)
    assert found["answer"] == "4"
    assert found["confidence_kind"] == "prior"
    assert found["max_samples"] == 16


def test_a_price_in_seconds_and_a_prior_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("How many?")
    own = tmp_path / "my-prior"
    copytree(PRIOR, own)
    with FakeServer(lambda *_: "So it is \\boxed{4}.") as server:
        args = [str(tmp_path / "p.txt"), "--policy", "openai:fake", "--base-url", server.url]
        args += ["--prior", str(own), "--price", "0.01/second"]
        planned = json.loads(invoke("plan", *args, "--json").stdout)
        assert planned["unit"] == "samples"
        assert planned["price"] > 0
        assert all(option["seconds"] is not None for option in planned["options"] if option["name"] != "stop")
        solved = json.loads(invoke("solve", *args, "--json").stdout)
        missing = invoke("plan", *args[:-4], "--prior", str(tmp_path / "none"))
    assert solved["answer"] == "4"
    assert missing.exit_code == 2
    assert "no router in" in missing.output


def test_a_cascade_is_named_with_a_config(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("Start with 14. Multiply by 3. What is the result?")
    config = tmp_path / "two.yaml"
    config.write_text("policies:\n  big: world:large\n  little: world:small\n")
    args = ("solve", str(tmp_path / "p.txt"), "--method", "cascade", "--json")
    found = json.loads(invoke(*args, "--config", str(config)).stdout)
    assert (found["answer"], found["plan"]["method"]) == ("42", "margin")
    alone = invoke(*args)
    assert alone.exit_code == 2
    assert "asks two policies of a config, and there is none" in alone.output
