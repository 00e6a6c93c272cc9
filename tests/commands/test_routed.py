"""What `solve` has for a router, for one problem and for many."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tts_select.cli import main

PROBLEM = "Start with 3. Add 14. Add 9. Add 27. What is the result?"


def invoke(*args: str, stdin: str = PROBLEM) -> Result:
    return CliRunner().invoke(main, list(args), input=stdin)


@pytest.fixture
def router(router_folder: Path) -> str:
    return str(router_folder)


def test_a_routed_answer_has_its_plan_and_the_probes_on_the_bill(router: str, in_registry: Any) -> None:
    result = invoke("solve", "-", "--router", router, "--effort", "low", "--json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert "probe" in record["cost"]["phases"]
    assert 0 <= record["confidence"] <= 1
    assert "best_guess" not in record
    assert record["answer"] == in_registry.selector.solve(PROBLEM, effort="low").answer


@pytest.mark.usefixtures("in_registry")
def test_a_price_is_passed_on(router: str) -> None:
    record = json.loads(invoke("solve", "-", "--router", router, "--price", "1", "--json").stdout)
    assert set(record["cost"]["phases"]) == {"probe", "grading"}


@pytest.mark.usefixtures("in_registry")
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


@pytest.mark.usefixtures("in_registry")
def test_an_answer_of_unknown_confidence_is_withheld() -> None:
    """One greedy answer without a PRM has no confidence at all."""
    result = invoke("solve", "-", "--method", "cot", "--prm", "none", "--min-confidence", "0.5", "--json")
    assert result.exit_code == 3, result.output
    assert "no confident answer" in result.stderr
    assert json.loads(result.stdout)["best_guess"] is not None


@pytest.mark.usefixtures("in_registry")
def test_the_untrained_rule_needs_no_router() -> None:
    result = invoke("solve", "-", "--untrained-rule", "--json")
    assert result.exit_code == 0, result.output
    assert "probe" not in json.loads(result.stdout)["cost"]["phases"]


def test_another_model_than_in_training_is_one_line(router: str, in_registry: Any) -> None:
    in_registry.policies["world:small"].fingerprint = "another"
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
        (("--price", "1", "--method", "beam"), "'price' is for the router, and 'method' leaves it"),
        (("--price", "1", "--untrained-rule"), "'price' is for the router, and 'untrained_rule'"),
        (("--total-flops", "1e9"), "--total-flops is for --problems"),
        (("--total-tokens", "9"), "--total-tokens is for --problems"),
        (("--min-confidence", "2"), "--min-confidence"),
        (("--max-tokens", "0"), "allow at least 1"),
    ],
)
@pytest.mark.usefixtures("in_registry")
def test_bad_options_are_exit_code_2(router: str, arguments: tuple[str, ...], complaint: str) -> None:
    result = invoke("solve", "-", "--router", router, *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert "Traceback" not in result.output


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
    (folder / "mend.txt").unlink()


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (spoil_nothing, "no router in"),
        (spoil_manifest, "manifest.json"),
        (spoil_schema, "tts-select/router@0"),
        (spoil_file, "cost.txt"),
        (spoil_lack, "mend.txt"),
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
    (line,) = result.stderr.splitlines()
    assert line.startswith("tts-select: ")
    assert named in line
    assert "Traceback" not in result.output
    assert not Path(out).exists(), "what cannot begin leaves nothing behind"


@pytest.fixture
def many(tmp_path: Path, router: str) -> tuple[str, ...]:
    """The arguments for twelve problems."""
    lines = [{"id": f"q{k}", "problem": PROBLEM.replace("27", str(30 + k)), "answer": "7"} for k in range(12)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    files = ("--problems", str(tmp_path / "p.jsonl"), "--out", str(tmp_path / "r.jsonl"))
    return ("solve", *files, "--router", router, "--json")


@pytest.mark.usefixtures("in_registry")
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


@pytest.mark.usefixtures("in_registry")
def test_a_purse_of_tokens_counts_what_was_generated_before(many: tuple[str, ...], tmp_path: Path) -> None:
    assert invoke(*many, "--price", "1").exit_code == 0
    out = tmp_path / "r.jsonl"
    lines = out.read_text().splitlines()
    tokens = sum(json.loads(line)["cost"]["policy_generated_tokens"] for line in lines)
    out.write_text(lines[0] + "\n")
    refused = invoke(*many, "--resume", "--total-tokens", str(tokens // 2))
    assert refused.exit_code == 2
    assert "raise --total-tokens" in refused.stderr
    resumed = invoke(*many, "--resume", "--total-tokens", str(tokens))
    assert resumed.exit_code == 0, resumed.output
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert sum(r["cost"]["policy_generated_tokens"] for r in records) <= tokens


@pytest.mark.usefixtures("in_registry")
def test_two_purses_are_refused(many: tuple[str, ...]) -> None:
    result = invoke(*many, "--total-flops", "1e9", "--total-tokens", "100")
    assert result.exit_code == 2
    assert "name one" in result.stderr


@pytest.mark.usefixtures("in_registry")
def test_a_purse_that_the_probes_empty_is_one_line(many: tuple[str, ...]) -> None:
    result = invoke(*many, "--total-flops", "1000")
    assert result.exit_code == 2
    assert "the probes of 12 problems alone took" in result.stderr
    assert "raise --total-flops" in result.stderr


@pytest.mark.usefixtures("in_registry")
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


@pytest.mark.usefixtures("in_registry")
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


def test_a_batch_that_cannot_begin_leaves_no_file(many: tuple[str, ...], tmp_path: Path) -> None:
    for more in (("--effort", "hihg"), ("--max-flops", "0"), ("--total-flops", "1", "--price", "1")):
        assert invoke(*many, *more).exit_code == 2
        assert not (tmp_path / "r.jsonl").exists()


def test_a_batch_takes_no_least_confidence(many: tuple[str, ...]) -> None:
    result = invoke(*many, "--min-confidence", "0.5")
    assert result.exit_code == 2
    assert "--min-confidence is for one problem" in result.stderr
