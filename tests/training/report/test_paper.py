"""The paper's tables: their arithmetic, and what they say of a sweep that was made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tts_select import InputError
from tts_select.cli import main
from tts_select.commands import paper as paper_cli
from tts_select.training.log import reading as sweep_log
from tts_select.training.log.records import ImportFacts, SweepLog
from tts_select.training.replay.cases import cases_of
from tts_select.training.report.paper import RULES, flops_table, paper_tables
from tts_select.training.report.published import TABLE_2, TABLE_3, TABLE_4, TABLE_5


@pytest.fixture(scope="module")
def log(synthetic_log: Callable[..., SweepLog]) -> SweepLog:
    return synthetic_log(48)


@pytest.fixture(scope="module")
def tables(log: SweepLog) -> dict[str, Any]:
    return paper_tables(log)


def test_the_flops_of_table_4_are_reproduced() -> None:
    for ours, row in zip(flops_table(), TABLE_4, strict=True):
        assert ours["training"] == pytest.approx(row.training, rel=0.01)
        # 500 problems: a sample of 405B has about a thousand tokens, one of R1 some thousands
        assert 500 * 500 < ours["tokens_of_inference"] < 500 * 250_000


def test_inference_of_table_4_is_what_the_answers_of_math_500_take() -> None:
    tokens = {row["model"]: row["tokens_of_inference"] / 500 for row in flops_table()}
    assert tokens["Llama-3.1-405B"] == pytest.approx(1_050, rel=0.01)
    assert tokens["R1"] == pytest.approx(6_000, rel=0.01)
    assert tokens["Llama-3.2-3B"] / tokens["Llama-3.1-405B"] == pytest.approx(97.5, rel=0.01)


def test_the_papers_gains_are_those_of_its_accuracies() -> None:
    for row in TABLE_5:
        assert row.gain == pytest.approx(100 * (row.optimal / row.cot - 1), abs=0.2)


def test_the_papers_headlines_are_those_of_its_table_3() -> None:
    ahead = {(row.small, row.large) for row in TABLE_3 if row.optimal > row.cot}
    assert {("Llama-3.2-3B", "Llama-3.1-405B"), ("Qwen2.5-0.5B", "GPT-4o"), ("R1-Distill-7B", "o1")} <= ahead


def test_strategies_are_those_of_the_log(tables: dict[str, Any], log: SweepLog) -> None:
    small, medium, large = tables["strategies"]["measured"]
    assert [row["policy"] for row in (small, medium, large)] == ["world:small", "world:medium", "world:large"]
    greedy = np.mean([log.pools[id_, "world:small temperature=0"].samples[0].correct for id_ in log.problems])
    assert small["cot"]["accuracy"] == pytest.approx(greedy)
    pass_at_1 = np.mean([case.pass_at_1("world:small") for case in cases_of(log)])
    assert small["pass_at_1"]["value"] == pytest.approx(pass_at_1)
    assert small["gain"]["value"] == pytest.approx(small["optimal"]["accuracy"] / greedy - 1)
    assert [point["n"] for point in small["optimal_by_n"]] == [1, 2, 4, 16]
    assert set(small["optimal_by_prm"]) == {"world:prm", "world:prm-narrow"}
    by_bin = small["optimal_by_prm"]["world:prm"]["by_bin"]
    assert by_bin["easy"]["accuracy"] > by_bin["hard"]["accuracy"]
    assert small["optimal"]["low"] <= small["optimal"]["accuracy"] <= small["optimal"]["high"]


def test_a_sharp_prm_makes_tts_more_efficient_than_votes(tables: dict[str, Any]) -> None:
    for row in tables["strategies"]["measured"]:
        assert row["optimal"]["accuracy"] > row["majority"]["accuracy"]
        assert row["efficiency"]["value"] > 1


def test_every_smaller_policy_meets_every_larger_one(tables: dict[str, Any]) -> None:
    rows = tables["small_against_large"]["measured"]
    assert {(row["small"][6:], row["large"][6:]) for row in rows} == {
        ("small", "medium"),
        ("small", "large"),
        ("medium", "large"),
    }
    for row in rows:
        for part in (row, *row["by_bin"].values()):
            gap = part["optimal"]["accuracy"] - part["cot"]["accuracy"]
            assert part["difference"]["value"] == pytest.approx(gap)
        shares = [(part["problems"], part["difference"]["value"]) for part in row["by_bin"].values()]
        assert sum(n for n, _ in shares) == 48
        assert sum(n * gap for n, gap in shares) / 48 == pytest.approx(row["difference"]["value"])


def test_every_problem_is_in_one_bin_of_each_policy(tables: dict[str, Any]) -> None:
    rows = tables["difficulty"]["measured"]
    for policy in {row["policy"] for row in rows}:
        mine = [row for row in rows if row["policy"] == policy]
        assert sum(row["problems"] for row in mine) == 48
        easy, *_, hard = mine
        assert easy["methods"]["cot"]["value"] > hard["methods"]["cot"]["value"]
    assert all(row["methods"][row["best"]]["value"] >= row["methods"]["cot"]["value"] for row in rows)


def test_votes_are_measured_for_each_prm_in_every_way(tables: dict[str, Any]) -> None:
    rows = tables["votes"]["measured"]
    assert {(row["policy"], row["prm"]) for row in rows} == {
        (f"world:{policy}", prm)
        for policy in ("small", "medium", "large")
        for prm in ("world:prm", "world:prm-narrow")
    }
    assert all(set(row["by_rule"]) == set(RULES) == set(TABLE_2[0].by_rule) for row in rows)
    assert all(row["n"] == 16 for row in rows)


def test_an_imported_log_has_no_counterparts(log: SweepLog) -> None:
    imported = ImportFacts("jsonl", (), "tokens", 1, 0, 0, 1)
    with pytest.raises(InputError, match="need a sweep with cot and majority arms"):
        paper_tables(replace(log, manifest=replace(log.manifest, imported=imported)))


def test_the_command_prints_every_table_with_the_papers_numbers(
    tables: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts_select.training.report.paper.paper_tables", lambda *_, **__: tables)
    monkeypatch.setattr(sweep_log, "read_log", lambda folder: folder)
    result = CliRunner().invoke(main, ["paper"], env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.stderr
    for table in ("Table 5", "with one PRM", "Table 3", "By difficulty", "Table 2", "Table 4"):
        assert table in result.stdout
    assert "154.6 %" in result.stdout  # the paper's gain of Llama-3.2-1B
    assert "world:small" in result.stdout
    record = json.loads(CliRunner().invoke(main, ["paper", "--json"]).stdout)
    assert record["flops"][0]["model"] == "Llama-3.2-3B"
    assert paper_cli.SWEEP.is_dir()
