"""`tts-select sweep` and `tts-select portfolio`: what they print, their exit codes, a line for bad input."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tts_select.cli import main
from tts_select.core.pricing import TokenPrice
from tts_select.executors import registry
from tts_select.executors.backend_options import Backend, WorldOptions
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.testing.server import FakeServer
from tts_select.training.log.reading import read_log

PORTFOLIO = """
name: mine
arms:
  - {policy: "fake:a", method: cot}
  - {policy: "fake:a", method: majority, budget: [1, 2]}
  - {policy: "fake:a", prm: "fake:p", method: best_of_n, budget: 2, aggregation: min}
  - {policy: "fake:a", prm: "fake:p", method: beam, budget: 2}
"""
PROBLEMS = [
    {"id": "one", "problem": "1 + 1?", "answer": "2", "level": 1, "family": "story", "steps": ["x"]},
    {"problem": "1 + 2?", "answer": 3},
]

FIRST = "Add them.\n\n"


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = FakePolicy(lambda request, _: f"{'' if request.steps else FIRST}It is \\boxed{{2}}")
    prm = FakeRewardModel(lambda _, steps: [0.5] * len(steps))
    monkeypatch.setitem(registry.POLICIES, "fake", Backend(lambda *_: policy, WorldOptions, "random"))
    monkeypatch.setitem(registry.PRMS, "fake", Backend(lambda *_: prm, WorldOptions, "random"))


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    """The options that name the files."""
    (tmp_path / "arms.yaml").write_text(PORTFOLIO)
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(p) + "\n" for p in PROBLEMS))
    problems, arms, out = (str(tmp_path / name) for name in ("p.jsonl", "arms.yaml", "log"))
    return ("--problems", problems, "--portfolio", arms, "--out", out, "--samples", "2")


@pytest.mark.parametrize("command", [("sweep",), ("portfolio", "show")])
def test_help_shows_examples(command: tuple[str, ...]) -> None:
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    assert f"tts-select {' '.join(command)}" in result.output


def test_a_sweep_is_summed_up_and_goes_on_where_it_was(files: tuple[str, ...], tmp_path: Path) -> None:
    result = invoke("sweep", *files, "--json")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert (summary["problems"], summary["pools"], summary["runs"]) == (2, 4, 4)
    names = ("fake:a temperature=0", "fake:a", "beam@2 fake:a fake:p")
    assert {r["name"]: r["accuracy"] for r in summary["results"]} == dict.fromkeys(names, 0.5)
    log = read_log(tmp_path / "log")
    assert (log.problems["one"].level, log.problems["one"].family) == (1, "story")
    again = invoke("sweep", *files)
    assert again.exit_code == 0
    assert "fake:a temperature=0" in again.stdout
    assert "0.500 (n = 2)" in again.stdout
    assert read_log(tmp_path / "log") == log


def test_the_fields_of_problems_may_be_named_and_levels_be_words(
    files: tuple[str, ...], tmp_path: Path
) -> None:
    lines = [
        {"key": "q1", "text": "1 + 1?", "value": "2", "level": "Level 3"},
        {"key": "q2", "text": "1 + 2?", "value": "3", "level": "Level ?"},
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    named = ("--problem-field", "text", "--answer-field", "value", "--id-field", "key")
    result = invoke("sweep", *files, *named)
    assert result.exit_code == 0, result.stderr
    problems = read_log(tmp_path / "log").problems
    assert [(p.id, p.problem, p.answer, p.level) for p in problems.values()] == [
        ("q1", "1 + 1?", "2", 3),
        ("q2", "1 + 2?", "3", None),
    ]


def test_another_sweep_into_the_same_folder_is_refused(files: tuple[str, ...]) -> None:
    invoke("sweep", *files)
    result = invoke("sweep", *files, "--seed", "1")
    assert result.exit_code == 2
    assert "its seed is 0, not 1" in result.stderr
    assert "Traceback" not in result.output


def test_a_sweep_keeps_the_prices_of_its_models(files: tuple[str, ...], tmp_path: Path) -> None:
    """They are no part of what is measured: other prices reuse every record, into a folder of their own."""

    def config(output: float) -> tuple[str, str]:
        price = {"input": 1.0, "cached": 0.5, "output": output}
        models = {"policies": {"a": {"spec": "fake:a", "price": price}}, "prms": {"r": {"spec": "fake:p"}}}
        (tmp_path / "c.yaml").write_text(json.dumps(models))
        return ("--config", str(tmp_path / "c.yaml"))

    arms = PORTFOLIO.replace('"fake:a"', "a").replace('"fake:p"', "r")
    (tmp_path / "arms.yaml").write_text(arms)
    first = invoke("sweep", *files, *config(4.0))
    assert first.exit_code == 0, first.stderr
    log = read_log(tmp_path / "log")
    assert log.manifest.models["a"].price == TokenPrice(input=1.0, output=4.0, cached=0.5)
    assert log.manifest.models["r"].price is None
    assert invoke("sweep", *files, *config(4.0)).exit_code == 0
    other = invoke("sweep", *files, *config(8.0))
    assert other.exit_code == 2
    assert "its model a is fake-script (1,000 parameters) for 1/4 dollars, not fake-script" in other.stderr
    elsewhere = (*files[:4], "--out", str(tmp_path / "again"), *files[6:], "--reuse", str(tmp_path / "log"))
    assert invoke("sweep", *elsewhere, *config(8.0)).exit_code == 0
    again = read_log(tmp_path / "again")
    assert (again.pools, again.runs) == (log.pools, log.runs)
    assert again.manifest.models["a"].price == TokenPrice(input=1.0, output=8.0, cached=0.5)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ({"id": "nine", "problem": "1 + 1?"}, "the problem 'nine' in '"),
        ({"id": "nine", "problem": "1 + 1?", "answer": " "}, "has no answer"),
        ({"id": "nine", "problem": "1 + 1?", "answer": "2", "level": "hard"}, "level = 'hard'"),
        ({"id": "nine", "answer": "2"}, "line 3: no text"),
        ({"id": "one", "problem": "1 + 1?", "answer": "2"}, "the id 'one' was there before"),
    ],
)
def test_a_bad_problem_stops_the_sweep_before_it_begins(
    files: tuple[str, ...], tmp_path: Path, line: dict[str, Any], complaint: str
) -> None:
    with (tmp_path / "p.jsonl").open("a") as stream:
        stream.write(json.dumps(line) + "\n")
    result = invoke("sweep", *files)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert not (tmp_path / "log").exists()


def test_an_interruption_is_exit_code_130_and_says_how_to_go_on(
    files: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    interruptions = iter([signal.SIGINT])

    def writes_until_interrupted(*_: Any) -> str:
        for interruption in interruptions:
            signal.raise_signal(interruption)
        return "It is \\boxed{2}"

    interrupted = Backend(lambda *_: FakePolicy(writes_until_interrupted), WorldOptions, "random")
    monkeypatch.setitem(registry.POLICIES, "fake", interrupted)
    result = invoke("sweep", *files)
    assert result.exit_code == 130
    assert "the same command goes on" in result.stderr


def test_a_portfolio_is_shown_arm_by_arm(tmp_path: Path) -> None:
    path = tmp_path / "arms.yaml"
    path.write_text(PORTFOLIO)
    shown = invoke("portfolio", "show", str(path))
    assert shown.exit_code == 0
    assert "mine: 5 arms" in shown.stdout
    assert "aggregation=min" in shown.stdout
    record = json.loads(invoke("portfolio", "show", str(path), "--json").stdout)
    assert [arm["arm"] for arm in record["arms"]][:2] == ["cot@1 fake:a", "majority@1 fake:a"]
    assert record["arms"][0]["settings"]["temperature"] == 0.7


def test_the_embedded_portfolio_is_shown_without_a_file() -> None:
    record = json.loads(invoke("portfolio", "show", "--json").stdout)
    assert record["name"] == "embedded"
    assert {"world:small", "world:large"} <= {arm["policy"] for arm in record["arms"]}


def test_a_portfolio_that_is_none_is_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "arms.yaml").write_text("arms: []")
    for name in ("arms.yaml", "none.yaml"):
        assert invoke("portfolio", "show", str(tmp_path / name)).exit_code == 2


def test_every_arm_has_the_limit_that_is_asked_for(files: tuple[str, ...], tmp_path: Path) -> None:
    assert invoke("sweep", *files, "--max-new-tokens", "7").exit_code == 0
    log = read_log(tmp_path / "log")
    assert {arm.settings.max_new_tokens for arm in log.manifest.arms} == {7}
    assert {s.n_tokens for pool in log.pools.values() for s in pool.samples} <= set(range(8))
    assert invoke("sweep", *files).exit_code == 2  # it is another sweep


def test_names_of_a_config_are_swept(files: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "policies: {mine: {spec: 'fake:a', max_new_tokens: 50}}\n"
        "prms: {judge: {spec: 'fake:p'}}\n"
        "pairs: {math: {policy: mine, prm: judge}}\n"
        "portfolio: {arms: [{policy: mine, method: cot}, {pair: math, method: beam, budget: 2}]}\n"
    )
    problems, samples = files[:2], files[4:]
    result = invoke("sweep", "--config", str(path), *problems, *samples)
    assert result.exit_code == 0, result.stderr
    log = read_log(tmp_path / "log")
    assert set(log.manifest.models) == {"mine", "judge"}
    assert [arm.name for arm in log.manifest.arms] == [
        "cot@1 mine max_new_tokens=50",
        "beam@2 mine judge max_new_tokens=50",
    ]
    shown = json.loads(invoke("portfolio", "show", "--config", str(path), "--json").stdout)
    assert [arm["arm"] for arm in shown["arms"]] == [arm.name for arm in log.manifest.arms]


def test_a_size_is_told_to_the_model_that_has_none(tmp_path: Path) -> None:
    portfolio = tmp_path / "arms.yaml"
    portfolio.write_text("arms: [{policy: 'openai:tiny', method: majority, budget: 2}]")
    problems = tmp_path / "problems.jsonl"
    problems.write_text('{"id": "a", "problem": "1 + 1?", "answer": "2"}\n')
    asked = ["sweep", "--problems", str(problems), "--portfolio", str(portfolio), "--samples", "2"]
    with FakeServer(lambda *_: "\\boxed{2}", model="tiny") as server:
        env = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "k"}
        without = CliRunner(env=env).invoke(main, [*asked, "--out", str(tmp_path / "a")])
        assert without.exit_code == 2
        assert "for a sweep: --params MODEL=7e9" in without.output
        told = CliRunner(env=env).invoke(
            main, [*asked, "--out", str(tmp_path / "b"), "--params", "openai:tiny=7e9"]
        )
        assert told.exit_code == 0, told.output
    strange = CliRunner().invoke(main, [*asked, "--out", str(tmp_path / "c"), "--params", "openai:tny=7e9"])
    assert strange.exit_code == 2
    assert "did you mean 'openai:tiny'" in strange.output
