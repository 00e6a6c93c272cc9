"""Samples of lm-evaluation-harness, in the form in which it writes them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tts_select import InputError
from tts_select.core.errors import UnknownName
from tts_select.core.problem import Problem
from tts_select.training.importing.entries import Entry
from tts_select.training.importing.field_map import FieldMap
from tts_select.training.importing.generic import ReadOptions
from tts_select.training.importing.lm_eval import read_rows

NAME = "org__tiny-1b/samples_gsm8k_2026-01-02T03-04-05.678901.jsonl"


def line(doc_id: int = 0, *texts: str, filtered: Any = "7", **more: Any) -> dict[str, Any]:
    return {
        "doc_id": doc_id,
        "doc": {"question": "3 + 4?", "answer": "3 + 4 = 7\n#### 7"},
        "target": "3 + 4 = 7\n#### 7",
        "arguments": {"gen_args_0": {"arg_0": "Q: 3 + 4?", "arg_1": {"until": ["\n"]}}},
        "resps": [list(texts)],
        "filtered_resps": [filtered],
        "filter": "strict-match",
        "metrics": ["exact_match"],
        "doc_hash": "d",
        "exact_match": 1.0,
        **more,
    }


@pytest.fixture
def entries(write: Callable[..., Path]) -> Callable[..., list[Entry]]:
    def read(*lines: dict[str, Any], fields: str = "", name: str = NAME, **more: Any) -> list[Entry]:
        rows = list(read_rows(write(name, lines), ReadOptions("lm-eval", FieldMap.parse(fields), **more)))
        assert not [row.complaint for row in rows if row.entry is None]
        return [row.entry for row in rows if row.entry is not None]

    return read


def test_a_line_is_a_sample_of_the_model_that_its_folder_names(entries: Callable[..., list[Entry]]) -> None:
    (entry,) = entries(line(5, "It is 7"))
    assert (entry.id, entry.model, entry.problem, entry.gold) == ("gsm8k/5", "org/tiny-1b", "3 + 4?", "7")
    assert (entry.answer, entry.correct, entry.text, entry.n_chars) == ("7", True, "It is 7", 7)


def test_repeats_are_samples_and_a_metric_of_all_of_them_is_none_of_one(
    entries: Callable[..., list[Entry]],
) -> None:
    found = entries(line(0, "The answer is 7.", "#### 8", "The answer is 7."))
    assert [(e.answer, e.correct) for e in found] == [("7", None), ("8", None), ("7", None)]
    assert len({e.number for e in found}) == len({e.text_hash for e in found}) == 3
    listed = entries(line(0, "a", "b", filtered=["7", "[invalid]"]))
    assert [e.answer for e in listed] == ["7", None]


def test_the_first_filter_counts(entries: Callable[..., list[Entry]]) -> None:
    lines = [line(0, "seven", filtered="[invalid]", exact_match=0.0), line(0, "seven", filter="flexible")]
    (entry,) = entries(*lines)
    assert (entry.answer, entry.correct) == (None, False)


@pytest.mark.parametrize(
    ("wanted", "answer", "correct"), [(None, None, False), ("strict", None, False), ("flexible", "7", True)]
)
def test_another_filter_can_be_taken_in_whatever_order_they_stand(
    entries: Callable[..., list[Entry]], wanted: str | None, answer: str | None, correct: bool
) -> None:
    both = [line(k, "7.", filter=name) for k in (0, 1) for name in ("strict", "flexible")]
    for one in both[::2]:
        one |= {"filtered_resps": ["[invalid]"], "exact_match": 0.0}
    for lines in (both, [*both[::2], *both[1::2]]):
        found = entries(*lines, filter=wanted)
        assert [(e.answer, e.correct) for e in found] == [(answer, correct)] * 2


def test_a_filter_or_metric_that_is_not_there_is_refused_with_those_that_are(
    entries: Callable[..., list[Entry]],
) -> None:
    with pytest.raises(UnknownName, match=r"'flexible': .*choose from strict-match"):
        entries(line(0, "7"), filter="flexible")
    with pytest.raises(UnknownName, match=r"'math_verify': .*choose from exact_match"):
        entries(line(0, "7"), metric="math_verify")
    with pytest.raises(InputError, match=r"one exact_match for all 2 repeats .* leave --metric out"):
        entries(line(0, "7", "8"), metric="exact_match")


@pytest.mark.parametrize(
    ("metrics", "metric", "correct"),
    [
        ({"exact_match": 0, "math_verify": 1}, None, True),
        ({"exact_match": 0, "math_verify": 1}, "exact_match", False),
        ({"exact_match": 1.0}, None, True),
        ({"bleu": 0.4, "is_right": True}, None, True),
        ({"bleu": 0.4}, None, None),
        ({"exact_match": None}, "exact_match", None),
    ],
)
def test_the_metric_that_decides(
    entries: Callable[..., list[Entry]], metrics: dict[str, Any], metric: str | None, correct: bool | None
) -> None:
    bare = {key: value for key, value in line(0, "7").items() if key != "exact_match"}
    (entry,) = entries({**bare, **metrics, "metrics": list(metrics)}, metric=metric)
    assert entry.correct is correct


def test_a_metric_with_a_value_for_each_repeat_is_one_of_each(entries: Callable[..., list[Entry]]) -> None:
    found = entries(line(0, "7", "8", exact_match=[1.0, 0.0]))
    assert [e.correct for e in found] == [True, False]


@pytest.mark.parametrize("nothing", ["", None])
def test_an_empty_response_is_a_sample_of_no_length(
    entries: Callable[..., list[Entry]], nothing: Any
) -> None:
    found = entries(line(0, nothing, "It is 7", filtered=[nothing, "7"]))
    assert [(e.answer, e.n_chars, e.text) for e in found] == [(None, 0, ""), ("7", 7, "It is 7")]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So \\boxed{7}.", "7"),
        ("42", "42"),
        ("no end " * 99, None),
        ("<think>Is it 7? Or", None),
        ("#### 7", "7"),
    ],
)
def test_a_filter_that_takes_all_of_the_text_has_found_no_answer(
    entries: Callable[..., list[Entry]], text: str, answer: str | None
) -> None:
    (entry,) = entries(line(0, text, filtered=text, filter="none"))
    assert entry.answer == answer


def test_a_bad_repeat_costs_itself_alone(write: Callable[..., Path]) -> None:
    texts = ["a", "x\ud835y", "b"]
    rows = list(read_rows(write(NAME, [line(0, *texts)]), ReadOptions("lm-eval")))
    assert [row.entry and row.entry.text for row in rows] == ["a", None, "b"]
    assert rows[1].place == "line 1, sample 2"


@pytest.mark.parametrize("given", ["{name}", "./{name}", "../org__tiny-1b/{name}"])
def test_the_folder_names_the_model_from_wherever_it_is_asked(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    path = write(NAME, [line(0, "7")])
    monkeypatch.chdir(path.parent)
    (row,) = read_rows(Path(given.format(name=path.name)), ReadOptions("lm-eval"))
    assert row.entry is not None
    assert row.entry.model == "org/tiny-1b"


def test_an_older_version_wrote_an_array_without_filters(tmp_path: Path) -> None:
    old = [{k: v for k, v in line(0, "7").items() if k not in ("filter", "metrics")}]
    path = tmp_path / "org__m" / "samples_gsm8k_2024-01-02T03-04-05.jsonl.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(json.dumps(old, indent=2).encode()))
    (row,) = read_rows(path, ReadOptions("lm-eval"))
    assert row.entry is not None
    assert (row.entry.id, row.entry.model, row.entry.correct) == ("gsm8k/0", "org/m", True)


def test_without_a_number_a_document_is_known_by_its_question(entries: Callable[..., list[Entry]]) -> None:
    (entry,) = entries({k: v for k, v in line(0, "7").items() if k != "doc_id"})
    assert entry.id == Problem("3 + 4?").id


def test_our_own_grading_can_take_the_place_of_the_filters(entries: Callable[..., list[Entry]]) -> None:
    (entry,) = entries(line(0, "#### 7", filtered="[invalid]", exact_match=0.0), fields="answer=,correct=")
    assert (entry.answer, entry.correct, entry.gold) == ("7", None, "7")


def test_the_map_may_name_fields_of_the_line_and_of_the_document(entries: Callable[..., list[Entry]]) -> None:
    (entry,) = entries(
        line(0, "x", flexible=0, doc={"id": "q9", "topic": "sums"}),
        fields="id=id,correct=flexible,family=topic",
    )
    assert (entry.id, entry.correct, entry.family) == ("q9", False, "sums")


@pytest.mark.parametrize(
    ("resps", "complaint"),
    [
        ([["-1.5", "False"], ["-2.5", "True"]], "a multiple-choice document"),
        ([[[-1.5, False]]], "a multiple-choice document"),
        ([["-1.5", "False"]], "a multiple-choice document"),
        ([], "no list 'resps'"),
        (None, "no list 'resps'"),
    ],
)
def test_what_was_not_sampled_is_no_sample(write: Callable[..., Path], resps: Any, complaint: str) -> None:
    (row,) = read_rows(write(NAME, [{**line(), "resps": resps}]), ReadOptions("lm-eval"))
    assert row.entry is None
    assert complaint in row.complaint
    assert row.place == "line 1"
