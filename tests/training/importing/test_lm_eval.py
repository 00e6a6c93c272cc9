"""Samples of lm-evaluation-harness, in the form in which it writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tts_select.training.importing.entries import Entry
from tts_select.training.importing.field_map import FieldMap
from tts_select.training.importing.generic import Reading
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
    def read(*lines: dict[str, Any], fields: str = "", name: str = NAME) -> list[Entry]:
        rows = list(read_rows(write(name, lines), Reading("lm-eval", FieldMap.parse(fields))))
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
        ([], "no list 'resps'"),
        (None, "no list 'resps'"),
    ],
)
def test_what_was_not_sampled_is_no_sample(write: Callable[..., Path], resps: Any, complaint: str) -> None:
    (row,) = read_rows(write(NAME, [{**line(), "resps": resps}]), Reading("lm-eval"))
    assert row.entry is None
    assert complaint in row.complaint
    assert row.place == "line 1"
