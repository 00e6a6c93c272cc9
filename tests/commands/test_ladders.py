"""`tts-select import`, `train` and `evaluate` on a log that others wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.ladders import by_certainty, ladder_router
from tts_select.cli import main
from tts_select.commands.train import _mute_greedy, train
from tts_select.core.arm import pool_name
from tts_select.selector.routers.kinds import KINDS
from tts_select.testing.server import FakeServer

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
        "--params", "small=1e6,big=4e6", "--prices", "small=0.1/0.4,big=0.5/2",
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
    assert (learned["kind"], learned["n_problems"]) == ("ladder", N_PROBLEMS)
    assert set(learned["prices"]) == {"low", "medium", "high"}
    out = tmp_path / "report"
    measured = invoke("evaluate", router, str(logs / "test"), "--out", str(out))
    assert measured.exit_code == 0, measured.output
    report = json.loads((out / "report.json").read_text())
    assert (report["split"], report["n_trained"]) == ("test", N_PROBLEMS)
    assert "What the router saves" in (out / "report.html").read_text()
    assert (out / "plots" / "frontier.png").stat().st_size > 0
    again = invoke("evaluate", router, str(logs / "train"), "--out", str(out))
    assert again.exit_code == 2
    assert "trained the router" in again.stderr


@pytest.mark.slow
def test_a_ladder_is_trained_and_measured_in_dollars(logs: Path, tmp_path: Path) -> None:
    router, out = str(tmp_path / "router"), tmp_path / "report"
    trained = invoke("train", str(logs / "train"), "--out", router, "--unit", "dollars", "--json")
    assert trained.exit_code == 0, trained.output
    assert json.loads(trained.stdout)["unit"] == "dollars"
    in_flops = invoke("evaluate", router, str(logs / "test"), "--out", str(out))
    assert in_flops.exit_code == 2
    assert "measure it with --unit dollars" in in_flops.stderr
    measured = invoke("evaluate", router, str(logs / "test"), "--out", str(out), "--unit", "dollars")
    assert measured.exit_code == 0, measured.output
    report = json.loads((out / "report.json").read_text())
    assert report["unit"] == "dollars"
    assert 0 < report["best_fixed"]["cost"] < 0.01
    wrong = invoke("train", str(logs / "train"), "--out", router, "--kind", "look-ahead", "--unit", "dollars")
    assert wrong.exit_code == 2
    assert "a look-ahead router weighs FLOPs: use --kind ladder for dollars" in wrong.stderr


def test_every_kind_of_router_can_be_trained() -> None:
    (kind,) = (option for option in train.params if option.name == "kind")
    assert set(kind.type.choices) == set(KINDS)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def router(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("routers") / "router"
    trained = invoke("train", str(logs / "train"), "--out", str(folder))
    assert trained.exit_code == 0, trained.output
    assert "effort medium" in trained.stdout
    return folder


@pytest.fixture
def bound(router: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A config that binds the log's models to one on a server, which answers like `write_rows`."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def write(prompt: str, seed: int) -> str:
        return f"{'word ' * 60} \\boxed{{{42 if seed % 4 else 7}}}"

    with FakeServer(write) as server:
        entry = {"spec": "openai:fake", "options": {"base_url": server.url, "params": 1e6}}
        policies = {"small": entry, "log:big": {**entry, "max_new_tokens": 300}}
        path = tmp_path / "c.yaml"
        path.write_text(json.dumps({"policies": policies, "router": str(router)}))
        yield path


@pytest.mark.slow
def test_from_an_imported_log_to_a_live_answer(bound: Path, tmp_path: Path) -> None:
    """Every command that routes knows such a router."""
    problem = tmp_path / "problem.txt"
    problem.write_text("What is it?")
    solved = invoke("solve", str(problem), "--config", str(bound), "--effort", "high", "--json")
    assert solved.exit_code == 0, solved.output
    solution = json.loads(solved.stdout)
    assert (solution["answer"], solution["confidence_kind"]) == ("42", "calibrated")
    assert {step["arm"].split()[1] for step in solution["steps"]} <= {"log:small", "log:big"}
    assert solution["plan"]["reason"].startswith("the ladder for this price: ")
    planned = invoke("plan", str(problem), "--config", str(bound), "--json")
    assert json.loads(planned.stdout)["reason"].startswith("the ladder for this price: ")
    unsure = invoke("solve", str(problem), "--config", str(bound), "--effort", "low", "--min-confidence", "1")
    assert unsure.exit_code == 3
    assert "is below 1.00" in unsure.stderr


@pytest.mark.slow
def test_a_batch_shares_a_budget_with_such_a_router(bound: Path, tmp_path: Path) -> None:
    problems = tmp_path / "problems.jsonl"
    problems.write_text(
        "".join(json.dumps({"id": f"p{k}", "problem": f"What is {k}?"}) + "\n" for k in range(3))
    )
    out = tmp_path / "results.jsonl"
    args = ("--config", str(bound), "--out", str(out), "--total-tokens", "1000", "--json")
    ran = invoke("solve", "--problems", str(problems), *args)
    assert ran.exit_code == 0, ran.output
    summary = json.loads(ran.stdout)
    assert (summary["answered"], summary["failed"]) == (3, 0)
    assert 180 <= summary["cost"]["policy_generated_tokens"] <= 1000


@pytest.mark.slow
def test_the_doctor_says_that_a_logs_models_are_taken_as_they_are(bound: Path) -> None:
    found = json.loads(invoke("doctor", "--config", str(bound), "--json").stdout)["findings"]
    (finding,) = (f for f in found if f["about"] == "router")
    assert finding["status"] == "note"
    assert "no log knows its models' weights" in finding["text"]
    bound.write_text(json.dumps({k: v for k, v in json.loads(bound.read_text()).items() if k == "router"}))
    found = json.loads(invoke("doctor", "--config", str(bound), "--json").stdout)["findings"]
    (finding,) = (f for f in found if f["about"] == "router")
    assert finding["status"] == "problem"
    assert "openai:MODEL" in finding["text"] + finding["remedy"]


@pytest.mark.slow
def test_a_model_of_a_log_that_nothing_is_bound_to_is_refused_in_a_line(router: Path, tmp_path: Path) -> None:
    problem = tmp_path / "problem.txt"
    problem.write_text("What is it?")
    refused = invoke("solve", str(problem), "--router", str(router))
    assert refused.exit_code == 2
    assert "is a model of an imported log" in refused.stderr
    assert "bind its name to a model in a config" in refused.stderr
    assert refused.stderr.strip().count("\n") == 0


@pytest.mark.slow
def test_folds_need_no_router(logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    result = invoke(
        "evaluate", str(logs / "train"), "--folds", "6", "--policies", "big", "--out", str(out), "--json"
    )
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["policies"] == ["log:big"]
    assert report["split"] == "6 folds over problems"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("train", "single"), "the log has 1 problem with samples of every policy"),
        (("train", "train", "--probes", "2"), "leave --probe... out"),
        (("train", "train", "--policies", "bigg"), "did you mean 'big'"),
        (("train", "train", "--kind", "look-ahead"), "a router needs at least 30"),
        (("evaluate", "single", "--folds", "5"), "the log has 1 problem with samples of every policy, which"),
        (("evaluate", "train", "--folds", "2"), "12 of 24 problems are left to train on"),
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


@pytest.mark.slow
def test_a_ladder_says_which_prior_it_starts_from(logs: Path, tmp_path: Path) -> None:
    known = {}
    for prior in ("shipped", "none"):
        option = ["--prior", prior] if prior == "none" else []
        trained = invoke("train", str(logs / "train"), "--out", str(tmp_path / prior), *option, "--json")
        assert trained.exit_code == 0, trained.output
        known[prior] = json.loads(trained.stdout)["prior"]
    assert known["none"] is None
    assert len(known["shipped"]) == 16
    files = [(tmp_path / prior / "router.json").read_text() for prior in known]
    assert files[0] != files[1]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["train", "LOG", "--out", "OUT", "--prior", "nowhere"], "nowhere"),
        (["train", "LOG", "--out", "OUT", "--kind", "prior", "--prior", "none"], "leave it out for a prior"),
        (
            ["evaluate", "LOG", "--folds", "3", "--out", "OUT", "--kind", "prior", "--prior", "none"],
            "ladders",
        ),
        (["evaluate", "prior", "LOG", "--out", "OUT", "--prior", "none"], "leave it or the router out"),
    ],
)
def test_what_a_ladder_starts_from_is_for_ladders(
    logs: Path, tmp_path: Path, args: list[str], message: str
) -> None:
    known = {"LOG": str(logs / "train"), "OUT": str(tmp_path / "out")}
    found = invoke(*(known.get(arg, arg) for arg in args))
    assert found.exit_code == 2, found.output
    assert message in found.output


def test_greedy_solutions_of_unknown_certainty_beside_samples_that_tell_theirs_are_named() -> None:
    router = by_certainty(ladder_router())
    assert _mute_greedy(router) == []
    usual, mute = router.usual["large"], replace(router.usual["large"], certainty=None, certainty_spread=None)
    greedy = pool_name("large", 0)
    assert _mute_greedy(replace(router, usual={**router.usual, greedy: usual})) == []
    assert _mute_greedy(replace(router, usual={**router.usual, greedy: mute})) == ["large"]
    nobody_tells = {"small": router.usual["small"], "large": mute, greedy: mute}
    assert _mute_greedy(replace(router, usual=nobody_tells)) == []
