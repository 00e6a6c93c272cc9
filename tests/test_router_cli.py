"""`tts-select train`, `evaluate` and `plan`, and what `solve` has for a router."""

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

from tts_select.cli import main
from tts_select.executors import registry
from tts_select.selector.artifact import load_router, save_router
from tts_select.training.sweep.manifest import searches
from tts_select.training.sweep.records import SweepLog
from tts_select.training.sweep.writer import Writer

PROBLEM = "Start with 3. Add 14. Add 9. Add 27. What is the result?"
STRANGE = PROBLEM.replace("What", "Whither")
ROOT = Path(__file__).parent.parent


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
    write(synthetic_log(40), folder / "train")
    write(renamed(synthetic_log(30, seed=1)), folder / "test")
    return folder


@pytest.fixture(scope="module")
def trained(sweeps: Path) -> tuple[Path, dict[str, Any]]:
    """A router from the command line, and what it printed."""
    result = invoke("train", str(sweeps / "train"), "--out", str(sweeps / "router"), "--json")
    assert result.exit_code == 0, result.output
    return sweeps / "router", json.loads(result.stdout)


@pytest.fixture
def router(fitted: Any, tmp_path: Path) -> str:
    """The folder of the router that all tests share."""
    save_router(fitted.router, tmp_path / "router", trained_on=fitted.facts)
    return str(tmp_path / "router")


@pytest.fixture
def fakes(lent: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the registry loads."""
    monkeypatch.setattr(registry, "_load_policy", lambda spec, _: lent.policies[spec])
    monkeypatch.setattr(registry, "_load_prm", lambda spec, *_: lent.prms[spec])
    return lent


@pytest.mark.parametrize("command", ["train", "evaluate", "plan", "solve"])
def test_help_shows_examples(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert f"tts-select {command} " in result.output.split("Examples:")[1]


@pytest.mark.slow
def test_what_was_learned_is_printed(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, learned = trained
    router = load_router(folder)
    assert learned["n_problems"] == 40
    assert learned["prices"] == router.prices
    assert learned["best_fixed"] == router.fallback
    assert (router.probe.policy, router.probe.prm, router.probe.n) == ("world:small", "world:prm", 2)
    assert {"ablation", "frontier"} <= set(learned)


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
    assert report["n_problems"] == 30
    assert set(report["router"]["efforts"]) == {"low", "medium", "high"}
    assert (out / "report.html").read_text().lstrip().startswith("<")


@pytest.mark.slow
def test_the_training_problems_are_refused_as_a_test(
    trained: tuple[Path, dict[str, Any]], sweeps: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    result = invoke("evaluate", str(trained[0]), str(sweeps / "train"), "--out", str(out))
    assert result.exit_code == 2
    assert "40 problems of the sweep trained the router" in result.stderr
    assert not out.exists()


@pytest.mark.slow
def test_a_trained_router_plans(trained: tuple[Path, dict[str, Any]]) -> None:
    result = invoke("plan", "-", "--router", str(trained[0]), "--no-probe", "--json")
    assert result.exit_code == 0, result.output
    outlook = json.loads(result.stdout)
    assert outlook["probes"] == 0
    assert outlook["chosen"] == outlook["options"][0]["name"]


@pytest.mark.usefixtures("fakes")
def test_a_plan_says_what_and_why(router: str) -> None:
    record = json.loads(invoke("plan", "-", "--router", router, "--json").stdout)
    assert record["probes"] == 2
    assert record["probe_flops"] > 0
    assert record["chosen"] == record["options"][0]["name"]
    shown = invoke("plan", "-", "--router", router)
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"Plan: {record['chosen']}")
    assert "2 probes" in shown.stdout
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
    assert record["unfamiliar"] == "the word 'whither' was never in training"
    assert record["chosen"] == load_router(Path(router)).fallback


def test_a_routed_answer_has_its_plan_and_the_probes_on_the_bill(router: str, fakes: Any) -> None:
    result = invoke("solve", "-", "--router", router, "--effort", "low", "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert "probe" in record["cost"]["phases"]
    assert 0 <= record["confidence"] <= 1
    assert "best_guess" not in record
    assert record["answer"] == fakes.selector.solve(PROBLEM, effort="low").answer


@pytest.mark.usefixtures("fakes")
def test_a_price_is_passed_on(router: str) -> None:
    record = json.loads(invoke("solve", "-", "--router", router, "--price", "1", "--json").stdout)
    assert set(record["cost"]["phases"]) == {"probe"}


@pytest.mark.usefixtures("fakes")
def test_an_answer_that_is_not_sure_enough_is_withheld(router: str) -> None:
    unsure = next(p for k in range(40) if confidence_of(p := PROBLEM.replace("27", str(k)), router) < 0.99)
    at_a_price = ("solve", "-", "--router", router, "--price", "1")
    result = invoke(*at_a_price, "--min-confidence", "1.0", "--json", stdin=unsure)
    assert result.exit_code == 3
    record = json.loads(result.stdout)
    assert record["answer"] is None
    assert record["best_guess"] is not None
    assert "no confident answer" in result.stderr
    assert result.stderr.count("\n") == 1
    shown = invoke(*at_a_price, "--min-confidence", "1.0", stdin=unsure)
    assert shown.exit_code == 3
    assert "Traceback" not in shown.output
    assert invoke(*at_a_price, "--min-confidence", "0", stdin=unsure).exit_code == 0


def confidence_of(problem: str, router: str) -> float:
    result = invoke("solve", "-", "--router", router, "--price", "1", "--json", stdin=problem)
    return float(json.loads(result.stdout)["confidence"] or 0)


@pytest.mark.usefixtures("fakes")
def test_an_answer_of_unknown_confidence_is_withheld() -> None:
    """One greedy answer without a PRM has no confidence at all."""
    result = invoke("solve", "-", "--method", "cot", "--prm", "none", "--min-confidence", "0.5", "--json")
    assert result.exit_code == 3, result.output
    assert "no confident answer" in result.stderr
    assert json.loads(result.stdout)["best_guess"] is not None


@pytest.mark.usefixtures("fakes")
def test_the_untrained_rule_needs_no_router() -> None:
    result = invoke("solve", "-", "--untrained-rule", "--json")
    assert result.exit_code == 0, result.output
    assert "probe" not in json.loads(result.stdout)["cost"]["phases"]


def test_another_model_than_in_training_is_one_line(router: str, fakes: Any) -> None:
    fakes.policies["world:small"].fingerprint = "another"
    result = invoke("solve", "-", "--router", router)
    assert result.exit_code == 2
    for part in ("fp-world:small", "another", "--untrained-rule"):
        assert part in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--effort", "hihg"), "did you mean 'high'"),
        (("--price", "-1"), "write 0 or more"),
        (("--effort", "low", "--method", "beam"), "'effort' is for the router, and 'method' leaves it"),
        (("--effort", "low", "--untrained-rule"), "'effort' is for the router, and 'untrained_rule'"),
        (("--total-flops", "1e9"), "--total-flops is for --problems"),
        (("--min-confidence", "2"), "--min-confidence"),
        (("--max-tokens", "0"), "allow at least 1"),
    ],
)
@pytest.mark.usefixtures("fakes")
def test_bad_options_are_exit_code_2(router: str, arguments: tuple[str, ...], complaint: str) -> None:
    result = invoke("solve", "-", "--router", router, *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert "Traceback" not in result.output


def test_caps_below_every_arm_are_one_line(router: str) -> None:
    for cap in (("--max-tokens", "1"), ("--max-flops", "1")):
        result = invoke("plan", "-", "--router", router, "--no-probe", *cap)
        assert result.exit_code == 2
        assert "raise --max-flops or --max-tokens" in result.stderr
        assert result.stderr.count("\n") == 1


def spoil_nothing(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def spoil_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


def spoil_schema(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "schema": "tts-select/router@0"}))


def spoil_file(folder: Path) -> None:
    (folder / "cost.txt").write_text("tree")


def spoil_lack(folder: Path) -> None:
    (folder / "success.txt").unlink()


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (spoil_nothing, "no router in"),
        (spoil_manifest, "manifest.json"),
        (spoil_schema, "tts-select/router@0"),
        (spoil_file, "cost.txt"),
        (spoil_lack, "success.txt"),
    ],
)
@pytest.mark.parametrize("command", ["solve", "plan", "batch", "purse", "evaluate"])
def test_a_bad_router_is_one_line(
    router: str, tmp_path: Path, spoil: Callable[[Path], None], named: str, command: str
) -> None:
    spoil(Path(router))
    (tmp_path / "p.jsonl").write_text(json.dumps({"problem": PROBLEM}))
    out = str(tmp_path / "r.jsonl")
    many = ("solve", "--problems", str(tmp_path / "p.jsonl"), "--out", out, "--router", router)
    result = invoke(
        *{
            "solve": ("solve", "-", "--router", router),
            "plan": ("plan", "-", "--router", router),
            "batch": many,
            "purse": (*many, "--total-flops", "1e9"),
            "evaluate": ("evaluate", router, str(tmp_path / "no-sweep"), "--out", out),
        }[command]
    )
    assert result.exit_code == 2
    *progress, line = result.stderr.splitlines()
    assert line.startswith("tts-select: ")
    assert named in line
    assert len(progress) == (command in ("batch", "purse"))  # its bar, at 0
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_bad_sweep_is_one_line(router: str, tmp_path: Path, command: str) -> None:
    (tmp_path / "sweep").mkdir()
    first = (router,) if command == "evaluate" else ()
    result = invoke(command, *first, str(tmp_path / "sweep"), "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert "no sweep log in" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.slow
def test_training_overwrites_nothing_but_a_router(sweeps: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("precious")
    result = invoke("train", str(sweeps / "train"), "--out", str(tmp_path / "notes"))
    assert result.exit_code == 2
    assert "is there and is no router" in result.stderr
    assert (tmp_path / "notes" / "mine.txt").read_text() == "precious"


@pytest.fixture
def many(tmp_path: Path, router: str) -> tuple[str, ...]:
    """The arguments for twelve problems."""
    lines = [{"id": f"q{k}", "problem": PROBLEM.replace("27", str(30 + k)), "answer": "7"} for k in range(12)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    files = ("--problems", str(tmp_path / "p.jsonl"), "--out", str(tmp_path / "r.jsonl"))
    return ("solve", *files, "--router", router, "--json")


@pytest.mark.usefixtures("fakes")
def test_many_problems_are_solved_from_one_purse(many: tuple[str, ...], tmp_path: Path) -> None:
    result = invoke(*many, "--total-flops", "1e9")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["problems"] == 12
    assert summary["cost"]["flops"] <= 1e9
    records = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert len(records) == 12
    assert sum(r["cost"]["flops"] for r in records) == pytest.approx(summary["cost"]["flops"])
    assert all("probe" in r["cost"]["phases"] for r in records)


@pytest.mark.usefixtures("fakes")
def test_a_purse_that_the_probes_empty_is_one_line(many: tuple[str, ...]) -> None:
    result = invoke(*many, "--total-flops", "1000")
    assert result.exit_code == 2
    assert "the probes of 12 problems alone took" in result.stderr
    assert "raise --total-flops" in result.stderr


@pytest.mark.usefixtures("fakes")
def test_resuming_counts_what_the_purse_has_spent(many: tuple[str, ...], tmp_path: Path) -> None:
    out = tmp_path / "r.jsonl"
    assert invoke(*many, "--price", "1").exit_code == 0
    lines = out.read_text().splitlines()
    probes = sum(json.loads(line)["cost"]["flops"] for line in lines)
    dear = json.loads(lines[0])
    dear["cost"]["flops"] = 5e8
    out.write_text(json.dumps(dear) + "\n")
    refused = invoke(*many, "--resume", "--total-flops", str(5e8 + probes / 2))
    assert refused.exit_code == 2
    assert "raise --total-flops" in refused.stderr
    assert len(out.read_text().splitlines()) == 1
    resumed = invoke(*many, "--resume", "--total-flops", str(5e8 + 2 * probes))
    assert resumed.exit_code == 0, resumed.output
    assert len(out.read_text().splitlines()) == 12
    assert json.loads(resumed.stdout)["cost"]["flops"] < 3 * probes


@pytest.mark.usefixtures("fakes")
def test_resuming_what_is_done_is_no_error_even_if_the_purse_was_exceeded(many: tuple[str, ...]) -> None:
    assert invoke(*many, "--price", "1").exit_code == 0
    result = invoke(*many, "--resume", "--total-flops", "1")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "option",
    [("--effort", "low"), ("--method", "beam"), ("--deadline", "3"), ("--max-flops", "1e9"),
     ("--max-tokens", "9"), ("--price", "0"), ("--untrained-rule",)],
)  # fmt: skip
def test_an_option_that_interferes_with_the_purse_is_refused(
    many: tuple[str, ...], option: tuple[str, ...]
) -> None:
    result = invoke(*many, "--total-flops", "1e9", *option)
    assert result.exit_code == 2
    assert f"'{option[0].strip('-').replace('-', '_')}' interferes: drop one" in result.stderr


def test_a_batch_takes_no_least_confidence(many: tuple[str, ...]) -> None:
    result = invoke(*many, "--min-confidence", "0.5")
    assert result.exit_code == 2
    assert "--min-confidence is for one problem" in result.stderr
