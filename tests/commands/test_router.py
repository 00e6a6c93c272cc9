"""`tts-select train`, `evaluate` and `plan`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.training.synthetic import FEW_ARMS
from tts_select import InputError
from tts_select.cli import main
from tts_select.selector.routers.artifact import load_router
from tts_select.selector.routers.lookahead import Probe
from tts_select.training.evaluation import evaluate as evaluating
from tts_select.training.log.manifest import searches
from tts_select.training.log.records import SweepLog
from tts_select.training.log.writer import Writer
from tts_select.training.routers.lookahead import fit as routing_fit

PROBLEM = "Start with 3. Add 14. Add 9. Add 27. What is the result?"
STRANGE = r"Whither goes $\frac{x}{y}$, if $x \equiv 3 \pmod 7$?"
ROOT = Path(__file__).parent.parent
N_PROBLEMS = 30


def invoke(*args: str, stdin: str = PROBLEM) -> Result:
    return CliRunner().invoke(main, list(args), input=stdin)


def write(log: SweepLog, folder: Path) -> None:
    asked = {(arm.name, seed) for arm, seed in searches(log.manifest.arms, log.manifest.n_runs, 0)}
    runs = [run for found in log.runs.values() for run in found if (run.arm, run.seed) in asked]
    with Writer(folder, log.manifest, list(log.problems.values())) as writer:
        for record in (*log.pools.values(), *runs):
            writer.write(record)
        writer.finish()


def renamed(log: SweepLog) -> SweepLog:
    """With other ids, of other problems."""
    return replace(
        log,
        problems={
            f"t{id_}": replace(p, id=f"t{id_}", problem=p.problem.replace("Start with ", "Start with 4"))
            for id_, p in log.problems.items()
        },
        pools={(f"t{id_}", policy): replace(p, problem=f"t{id_}") for (id_, policy), p in log.pools.items()},
        runs={
            (f"t{id_}", arm): tuple(replace(run, problem=f"t{id_}") for run in runs)
            for (id_, arm), runs in log.runs.items()
        },
    )


@pytest.fixture(scope="module")
def sweeps(synthetic_log: Callable[..., SweepLog], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the logs `train` and `test`."""
    folder = tmp_path_factory.mktemp("sweeps")
    few: dict[str, Any] = {"n_samples": 4, "arms": FEW_ARMS}
    write(synthetic_log(N_PROBLEMS, **few), folder / "train")
    write(renamed(synthetic_log(N_PROBLEMS, seed=1, **few)), folder / "test")
    return folder


@pytest.fixture(scope="module")
def trained(sweeps: Path) -> tuple[Path, dict[str, Any]]:
    """A router from the command line, and what it printed."""
    result = invoke("train", str(sweeps / "train"), "--out", str(sweeps / "router"), "--json")
    assert result.exit_code == 0, result.output
    return sweeps / "router", json.loads(result.stdout)


@pytest.fixture
def router(router_folder: Path) -> str:
    return str(router_folder)


@pytest.mark.parametrize("command", ["train", "evaluate", "plan", "solve"])
def test_help_shows_examples(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert f"tts-select {command} " in result.output.split("Examples:")[1]


@pytest.mark.slow
def test_what_was_learned_is_printed(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, learned = trained
    router = load_router(folder)
    assert learned["n_problems"] == N_PROBLEMS
    assert learned["prices"] == router.prices
    assert learned["best_fixed"] == router.fallback
    assert router.probe == Probe("world:small", None, 1, 0.0)
    assert {"ablation", "frontier"} <= set(learned)


@pytest.mark.parametrize(
    ("options", "probe"),
    [
        ((), Probe("world:small", None, 1, 0.0)),
        (("--probe-policy", "world:large"), Probe("world:large", None, 1, 0.0)),
        (("--probe-prm", "world:prm"), Probe("world:small", "world:prm", 1, 0.0)),
        (("--probes", "1"), Probe("world:small", None, 1)),
        (("--probes", "4", "--probe-prm", "world:prm-narrow"), Probe("world:small", "world:prm-narrow", 4)),
    ],
)
def test_probes_are_one_greedy_solution_of_the_smallest_policy_unless_others_are_asked_for(
    sweeps: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], probe: Probe
) -> None:
    asked: list[Probe] = []

    def fit(_: SweepLog, found: Probe, **__: Any) -> None:
        asked.append(found)
        raise InputError("enough")

    monkeypatch.setattr(routing_fit, "fit_router", fit)
    assert invoke("train", str(sweeps / "train"), "--out", str(sweeps / "x"), *options).exit_code == 2
    assert asked == [probe]


def test_probes_that_were_not_swept_are_one_line(sweeps: Path) -> None:
    out = sweeps / "unswept"
    result = invoke("train", str(sweeps / "train"), "--out", str(out), "--probe-policy", "world:huge")
    assert result.exit_code == 2
    assert "the probes are of world:huge temperature=0, which the sweep does not have" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not out.exists()


@pytest.mark.slow
def test_a_router_is_evaluated_on_other_problems(
    trained: tuple[Path, dict[str, Any]], sweeps: Path, tmp_path: Path
) -> None:
    folder, _ = trained
    out = tmp_path / "report"
    result = invoke("evaluate", str(folder), str(sweeps / "test"), "--out", str(out), "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == json.loads((out / "report.json").read_text())
    assert report["n_problems"] == N_PROBLEMS
    assert report["shift"] is None
    assert set(report["router"]["efforts"]) == {"low", "medium", "high"}
    assert (out / "report.html").read_text().lstrip().startswith("<")


def test_a_shift_is_measured_against_the_sweep_that_trained(
    router: str, sweeps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def measure(_: Any, log: SweepLog, __: Any, *, trained: SweepLog, **___: Any) -> None:
        asked.append((set(log.problems), set(trained.problems)))
        raise InputError("enough")

    monkeypatch.setattr(evaluating, "evaluate", measure)
    more = ("--out", str(tmp_path / "report"), "--shift", str(sweeps / "train"))
    assert invoke("evaluate", router, str(sweeps / "test"), *more).exit_code == 2
    assert asked == [({f"tp{k}" for k in range(N_PROBLEMS)}, {f"p{k}" for k in range(N_PROBLEMS)})]


@pytest.mark.slow
def test_the_training_problems_are_refused_as_a_test(
    trained: tuple[Path, dict[str, Any]], sweeps: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    result = invoke("evaluate", str(trained[0]), str(sweeps / "train"), "--out", str(out))
    assert result.exit_code == 2
    assert f"{N_PROBLEMS} problems of the log trained the router" in result.stderr
    assert not out.exists()


@pytest.mark.slow
def test_a_trained_router_plans(trained: tuple[Path, dict[str, Any]]) -> None:
    result = invoke("plan", "-", "--router", str(trained[0]), "--no-probe", "--json")
    assert result.exit_code == 0, result.output
    outlook = json.loads(result.stdout)
    assert outlook["probes"] == 0
    assert outlook["chosen"] == outlook["options"][0]["name"]


@pytest.mark.usefixtures("in_registry")
def test_a_plan_says_what_and_why(router: str) -> None:
    record = json.loads(invoke("plan", "-", "--router", router, "--json").stdout)
    assert record["probes"] == 2
    assert record["probe_flops"] > 0
    assert record["chosen"] == record["options"][0]["name"]
    shown = invoke("plan", "-", "--router", router)
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"Plan: {record['chosen']}")
    assert "probes: 2" in shown.stdout
    assert "why not" in shown.stdout


def test_a_plan_without_probes_loads_no_model_library(router: str) -> None:
    code = (
        "import sys; from tts_select.cli import main\n"
        "try: main(['plan', '-', '--no-probe', '--json', '--router', sys.argv[1]])\n"
        "finally: assert not {'torch', 'transformers', 'tokenizers'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, router]
    done = subprocess.run(command, input=PROBLEM, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["unfamiliar"] is None


def test_a_plan_of_a_strange_problem_names_the_reason(router: str) -> None:
    record = json.loads(invoke("plan", "-", "--router", router, "--no-probe", "--json", stdin=STRANGE).stdout)
    assert record["unfamiliar"] == load_router(Path(router)).unfamiliar(STRANGE)
    assert record["unfamiliar"] is not None
    assert record["chosen"] == load_router(Path(router)).fallback


def test_caps_below_every_arm_are_one_line(router: str) -> None:
    for cap in (("--max-tokens", "1"), ("--max-flops", "1")):
        result = invoke("plan", "-", "--router", router, "--no-probe", *cap)
        assert result.exit_code == 2
        assert "raise --max-flops or --max-tokens" in result.stderr
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_bad_sweep_is_one_line(router: str, tmp_path: Path, command: str) -> None:
    (tmp_path / "sweep").mkdir()
    first = (router,) if command == "evaluate" else ()
    result = invoke(command, *first, str(tmp_path / "sweep"), "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert "no sweep log in" in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_is_no_router_is_left_alone_and_said_to_be_before_any_training(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("precious")
    result = invoke("train", str(tmp_path / "no-sweep"), "--out", str(tmp_path / "notes"))
    assert result.exit_code == 2
    assert "is there and is no router" in result.stderr
    assert (tmp_path / "notes" / "mine.txt").read_text() == "precious"
