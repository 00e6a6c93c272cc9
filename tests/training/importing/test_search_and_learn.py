"""Completions of search-and-learn, in the form in which it writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tts_select import InputError
from tts_select.training.importing.generic import ReadOptions
from tts_select.training.importing.search_and_learn import read_rows

LINE = {
    "problem": "3 + 4?",
    "solution": "It is \\boxed{7}.",
    "answer": "7",
    "subject": "Algebra",
    "level": 2,
    "unique_id": "test/1.json",
    "completions": ["So \\boxed{7}", "So \\boxed{8}", "So \\boxed{7}"],
    "scores": [[0.5, 0.75], [0.25, 0.125], [0.5]],
    "completion_tokens": [4, 5, 4],
    "pred": "So \\boxed{7}",
}
READING = ReadOptions("search-and-learn", model="tiny", prm="judge")


def test_each_completion_is_a_sample_with_its_step_scores(write: Callable[..., Path]) -> None:
    rows = list(read_rows(write("best_of_n_completions.jsonl", [LINE]), READING))
    entries = [row.entry for row in rows if row.entry]
    assert [(e.answer, e.n_tokens, e.scores["judge"]) for e in entries] == [
        ("7", 4, [0.5, 0.75]),
        ("8", 5, [0.25, 0.125]),
        ("7", 4, [0.5]),
    ]
    first = entries[0]
    assert (first.id, first.problem, first.gold, first.model) == ("test/1.json", "3 + 4?", "7", "tiny")
    assert (first.level, first.family, first.correct) == (2, "Algebra", None)
    assert len({e.number for e in entries}) == len({e.text_hash for e in entries}) == 3


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"completions": None}, "no list 'completions'"),
        ({"scores": [[0.5]]}, "no list 'scores' of 3, one a completion"),
        ({"completion_tokens": [4]}, "no list 'completion_tokens' of 3"),
        ({"scores": 0.5}, "no list 'scores' of 3, one a completion"),
    ],
)
def test_a_line_whose_lists_do_not_fit_is_bad(
    write: Callable[..., Path], change: dict[str, Any], complaint: str
) -> None:
    rows = list(read_rows(write("best_of_n_completions.jsonl", [{**LINE, **change}]), READING))
    assert len(rows) == (1 if change == {"completions": None} else 3)  # each of its samples is counted
    for row in rows:
        assert row.entry is None
        assert complaint in row.complaint


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("scores", [0.5, float("nan")]),
        ("scores", [0.5, None]),
        ("scores", [7]),
        ("scores", "high"),
        ("scores", float("inf")),
        ("completions", "x\ud835y"),
        ("completion_tokens", -1),
        ("completion_tokens", "few"),
    ],
)
def test_a_bad_completion_costs_itself_alone(
    write: Callable[..., Path], place: int, name: str, bad: Any
) -> None:
    changed = [bad if k == place else one for k, one in enumerate(LINE[name])]  # type: ignore[arg-type]
    rows = list(read_rows(write("best_of_n_completions.jsonl", [{**LINE, name: changed}]), READING))
    assert [row.entry is None for row in rows] == [k == place for k in range(3)]
    assert rows[place].place == f"line 1, sample {place + 1}"


def test_a_completion_may_be_empty_and_a_score_one_of_the_whole(write: Callable[..., Path]) -> None:
    line = {**LINE, "completions": ["7", "", None], "scores": [0.5, 0.25, None], "completion_tokens": None}
    rows = list(read_rows(write("best_of_n_completions.jsonl", [line]), READING))
    found = [(row.entry.n_chars, row.entry.scores.get("judge")) for row in rows if row.entry]
    assert found == [(1, [0.5]), (0, [0.25]), (0, None)]


@pytest.mark.parametrize(
    ("name", "reading", "complaint"),
    [
        ("beam_search_completions.jsonl", READING, "the beams of a search, which are no independent samples"),
        ("dvts_completions.jsonl", READING, "the beams of a search"),
        ("best_of_n_completions.jsonl", ReadOptions("search-and-learn"), "add --model NAME"),
    ],
)
def test_what_cannot_be_a_pool_is_refused(
    write: Callable[..., Path], name: str, reading: ReadOptions, complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        list(read_rows(write(name, [LINE]), reading))
