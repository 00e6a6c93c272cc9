"""Traces and results as pages: their lists, filters and frontiers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.traced import sampled, votes
from tests.tracing.pages import results
from tts_select import InputError
from tts_select.core.protocols import SampleRequest
from tts_select.solving.batch import wilson
from tts_select.tracing.folder import SUFFIX
from tts_select.tracing.listing import Flag
from tts_select.tracing.sources import page_of
from tts_select.tracing.traces import read_trace


def wrong(_: SampleRequest, index: int) -> str:
    return f"so\n\n\\boxed{{{50 if index % 3 else 53}}}"


def stored(folder: Path, *traces: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for trace in traces:
        (folder / f"{trace['problem']['id']}{SUFFIX}").write_text(json.dumps(trace))
    return folder


def test_one_trace_is_a_page_alone(tmp_path: Path) -> None:
    folder = stored(tmp_path / "traces", sampled(name="a"))
    for path in (folder, folder / f"a{SUFFIX}"):
        page = page_of(path)
        assert page.data["kind"] == "one"
        assert page.records[0]["problem"]["id"] == "a"


def test_a_folder_of_traces_is_a_list_with_what_went_wrong(tmp_path: Path) -> None:
    folder = stored(tmp_path / "t", sampled(name="good"), sampled(name="wrong", script=wrong))
    page = page_of(folder)
    (view,) = page.data["views"]
    assert page.data["items"]["id"] == ["good", "wrong"]
    assert view["correct"] == [True, False]
    assert [bool(flags & Flag.WRONG) for flags in view["flags"]] == [False, True]
    assert view["cost"] == [r["bill"]["policy_generated_tokens"] for r in page.records]


def test_overspent_is_what_another_price_had_for_half(tmp_path: Path) -> None:
    spent, cheap = sampled(name="spent", effort="high"), sampled(name="cheap", price=1.0)
    page = page_of(stored(tmp_path / "t", spent, cheap))
    flags = dict(zip(page.data["items"]["id"], page.data["views"][0]["flags"], strict=True))
    half = spent["bill"]["policy_generated_tokens"] / 2
    states = [spent["what_if"]["states"][row[-1]] for row in spent["what_if"]["grid"]]
    assert any(s["answer"] == spent["answer"] and s["tokens"] <= half for s in states)
    assert flags["spent"] & Flag.OVERSPENT
    assert not flags["cheap"] & Flag.OVERSPENT


def test_results_keep_what_they_hold(tmp_path: Path) -> None:
    page = page_of(results(tmp_path / "r.jsonl", 40))
    (view,) = page.data["views"]
    assert len(page.records) == len(view["flags"]) == 40
    assert sum(bool(f & Flag.NO_ANSWER) for f in view["flags"]) == 4
    assert sum(bool(f & Flag.WRONG) for f in view["flags"]) == sum(
        c is False and a is not None for c, a in zip(view["correct"], view["answer"], strict=True)
    )
    assert set(page.data["filters"]) == {"wrong", "cut", "no_answer"}


def test_the_frontier_of_a_batch_is_accuracy_by_least_confidence(tmp_path: Path) -> None:
    page = page_of(results(tmp_path / "r.jsonl", 40))
    (view,), points = page.data["views"], page.data["frontier"]["series"][0]["points"]
    given = [c for c, a in zip(view["correct"], view["answer"], strict=True) if a is not None]
    assert (points[0]["accuracy"], points[0]["low"], points[0]["high"]) == wilson(sum(given), len(given))
    assert points[0]["cost"] == pytest.approx(len(given) / 40)
    assert [p["cost"] for p in points] == sorted((p["cost"] for p in points), reverse=True)


def test_failed_problems_are_in_the_list(tmp_path: Path) -> None:
    path = results(tmp_path / "r.jsonl", 2)
    failed = {"id": "x", "problem": "?", "gold": None, "answer": None, "error": "the server is gone"}
    path.write_text(path.read_text() + json.dumps(failed) + "\n")
    page = page_of(path)
    assert page.records[-1]["error"] == "the server is gone"
    assert page.data["views"][0]["flags"][-1] == Flag.NO_ANSWER


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.trace.json", "{", "no trace"),
        ("a.trace.json", "[]", "schema None"),
        ("a.trace.json", '{"schema": "tts-select/trace@9"}', "tts-select/trace@1"),
        ("a.trace.json", '{"schema": "tts-select/trace@1"}', "without 'problem'"),
        ("report.json", "{}", "schema None"),
        ("r.jsonl", "no json\n{}\n", "not a result"),
        ("r.jsonl", "", "holds no result"),
        ("a.txt", "", "nothing that can be viewed"),
    ],
)
def test_what_cannot_be_viewed_says_why(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=complaint):
        page_of(tmp_path / name)


def test_nothing_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no"):
        page_of(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no trace in"):
        page_of(tmp_path)
    with pytest.raises(InputError, match="--router is replayed on a sweep"):
        page_of(tmp_path, router=tmp_path)


def test_a_trace_is_read_as_it_was_written(tmp_path: Path) -> None:
    trace = sampled(script=votes, name="a")
    stored(tmp_path, trace)
    assert read_trace(tmp_path / f"a{SUFFIX}") == trace
