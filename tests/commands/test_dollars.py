"""Money on the command line: prices of models, what is shown, caps and budgets in dollars."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.ladders import ladder_router
from tts_select.cli import main
from tts_select.core.pricing import MILLION, TokenPrice
from tts_select.selector.routers.artifact import save_router
from tts_select.testing import FakeServer
from tts_select.training.log.reading import read_log

PRICE = '{"input": 1, "output": 4}'


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.fixture
def problem(tmp_path: Path) -> str:
    path = tmp_path / "problem.txt"
    path.write_text("What is it?")
    return str(path)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with FakeServer(lambda prompt, seed: f"{'word ' * 60} \\boxed{{{42 if seed % 4 else 7}}}") as found:
        yield found


@pytest.fixture
def named(server: FakeServer) -> tuple[str, ...]:
    return ("--policy", "openai:fake", "--base-url", server.url, "--method", "majority", "--budget", "4")


@pytest.fixture
def bound(server: FakeServer, tmp_path: Path) -> Path:
    """A config with a ladder router, whose models have prices."""
    router = ladder_router(policies=("log:small", "log:big"))
    save_router(router, tmp_path / "router", trained_on={"n_problems": 30})
    options = {"base_url": server.url, "params": 1e6}
    small = {"spec": "openai:fake", "options": options, "price": {"input": 1, "output": 4}}
    policies = {"small": small, "big": {**small, "price": {"input": 5, "cached": 1, "output": 20}}}
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"policies": policies, "router": str(tmp_path / "router")}))
    return path


def test_what_is_known_of_the_price_is_shown(problem: str, named: tuple[str, ...]) -> None:
    priced = ("solve", problem, *named, "--policy-option", f"price={PRICE}")
    cost = json.loads(invoke(*priced, "--json").stdout)["cost"]
    assert cost["dollars"] == pytest.approx(
        (cost["policy_prompt_tokens"] + 4 * cost["policy_generated_tokens"]) / MILLION
    )
    assert "price          $0.00" in invoke(*priced).stdout
    without = invoke("solve", problem, *named)
    assert "price" not in without.stdout
    assert json.loads(invoke("solve", problem, *named, "--json").stdout)["cost"]["dollars"] is None


def test_a_cap_in_dollars_is_kept_and_said(problem: str, named: tuple[str, ...]) -> None:
    capped = invoke(
        "solve", problem, *named, "--policy-option", f"price={PRICE}", "--max-dollars", "0.0005",
        "--max-new-tokens", "70", "--json",
    )  # fmt: skip
    solution = json.loads(capped.stdout)
    assert solution["finished"] == "cap"
    assert 0 < solution["cost"]["policy_generated_tokens"] * 4 / MILLION <= 0.0005


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--max-dollars", "1"), "the price of openai:fake is not known"),
        (("--max-dollars", "0"), "0.0 is not in the range x>0"),
        (("--max-dollars", "nan"), "is not a number"),
        (("--policy-option", "price=0.5"), "the option price of openai policies is 0.5: write {input: 0.15"),
        (("--policy-option", 'price={"input": -1, "output": 1}'), "input is -1: write dollars per million"),
        (("--total-dollars", "1"), "--total-dollars is for --problems: for one problem it is --max-dollars"),
        (("--price", "1/dollar"), "'price' is for the router"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(
    problem: str, named: tuple[str, ...], args: tuple[str, ...], says: str
) -> None:
    result = invoke("solve", problem, *named, *args)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.output


def test_an_unknown_unit_of_a_price_is_corrected(problem: str) -> None:
    result = invoke("solve", problem, "--price", "1/dolar")
    assert result.exit_code == 2
    assert "unknown unit of a price 'dolar': did you mean 'dollar'?" in result.stderr


def test_a_price_in_the_config_is_checked_there(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("policies:\n  a: {spec: openai:m, price: {input: .nan, output: 1}}\n")
    result = invoke("models", "--config", str(path))
    assert result.exit_code == 2
    assert "policies.a: the option price of openai policies, input is nan" in result.stderr
    path.write_text("policies:\n  a: {spec: openai:m, price: {input: 1, output: 1}, options: {price: 1}}\n")
    assert "price is there and in options too: drop one" in invoke("models", "--config", str(path)).stderr
    path.write_text('prms:\n  a: {spec: "served:m", price: {input: 0.02}}\n')
    assert invoke("models", "--config", str(path)).exit_code == 0, "a PRM writes nothing that is billed"


def test_a_plan_shows_dollars_where_they_are_known(problem: str, bound: Path) -> None:
    planned = invoke("plan", problem, "--config", str(bound), "--max-dollars", "1", "--price", "100/dollar")
    assert planned.exit_code == 0, planned.output
    assert "dollars" in planned.stdout
    options = json.loads(
        invoke("plan", problem, "--config", str(bound), "--max-dollars", "1", "--json").stdout
    )
    assert all(option["dollars"] > 0 for option in options["options"])


def test_a_batch_shares_dollars_and_goes_on_with_what_is_left(bound: Path, tmp_path: Path) -> None:
    problems, out = tmp_path / "problems.jsonl", tmp_path / "out.jsonl"
    problems.write_text("".join(json.dumps({"id": k, "problem": f"What is {k}?"}) + "\n" for k in range(3)))
    args = ("solve", "--problems", str(problems), "--config", str(bound), "--out", str(out))
    done = invoke(*args, "--total-dollars", "0.02", "--json")
    assert done.exit_code == 0, done.output
    spent = json.loads(done.stdout)["cost"]["dollars"]
    assert 0 < spent <= 0.02
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert math.fsum(record["cost"]["dollars"] for record in records) == pytest.approx(spent)
    both = invoke(*args, "--total-dollars", "1", "--total-tokens", "9", "--resume")
    assert "--total-tokens and --total-dollars are 2 budgets: name one" in both.stderr
    more = "".join(json.dumps({"id": k, "problem": f"What is {k}?"}) + "\n" for k in range(4))
    problems.write_text(more)
    broke = invoke(*args, "--total-dollars", str(spent / 2), "--resume")
    assert broke.exit_code == 2, "those that were solved before have spent it"


def test_an_import_takes_prices(tmp_path: Path) -> None:
    rows = [
        {"id": f"p{k}", "model": model, "answer": "1", "gold": "1", "tokens": 10}
        for model in ("small", "large")
        for k in range(3)
    ]
    path = tmp_path / "samples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    args = ("import", str(path), "--format", "jsonl", "--out", str(tmp_path / "log"))
    for wrong, says in (
        ("small=1", "'small=1' in --prices is not MODEL=IN/OUT, as in Qwen3-4B=0.15/0.60"),
        ("small=1/2/3", "is not MODEL=IN/OUT"),
        ("small=-1/2", "the price of small in --prices, input is -1.0"),
        ("smal=1/2", "unknown model in --prices 'smal': did you mean 'small'?"),
    ):
        refused = invoke(*args, "--prices", wrong)
        assert refused.exit_code == 2
        assert says in refused.stderr
    made = invoke(*args, "--prices", "small=0.15/0.60")
    assert made.exit_code == 0, made.output
    models = read_log(tmp_path / "log").manifest.models
    assert models["log:small"].price == TokenPrice(input=0.15, output=0.6, cached=0.15)
    assert models["log:large"].price is None
