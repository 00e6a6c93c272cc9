from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.errors import BackendError, InputError
from tts_select.core.problem import Problem
from tts_select.data.problems import Fields, Note, load_problems, read_rows
from tts_select.data.problems.fields import level_of

ROWS = [{"problem": "1+1?", "answer": "2", "id": "a"}, {"problem": "2+2?", "answer": "4", "id": "b"}]


def loaded(source: Path | str, fields: Fields | None = None) -> tuple[list[Problem], list[Note]]:
    notes: list[Note] = []
    return list(load_problems(source, fields, note=notes.append)), notes


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_json(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps(rows, indent=1))


def write_wrapped_json(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps({"name": "exam", "items": rows}))


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
    path.write_text("\n".join(lines))


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("p.jsonl", write_jsonl),
        ("p.json", write_json),
        ("p.json", write_wrapped_json),
        ("p.json", write_jsonl),
        ("p.txt", write_jsonl),
        ("p.csv", write_csv),
        ("p.parquet", write_parquet),
    ],
)
def test_every_format_gives_the_same_problems(
    tmp_path: Path, name: str, write: Callable[[Path, list[dict[str, Any]]], None]
) -> None:
    path = tmp_path / name
    write(path, ROWS)
    problems, notes = loaded(path)
    assert [(p.text, p.answer, p.id) for p in problems] == [("1+1?", "2", "a"), ("2+2?", "4", "b")]
    assert notes == []


def test_an_id_is_made_of_the_text_alone(tmp_path: Path) -> None:
    one, other = tmp_path / "one.jsonl", tmp_path / "other.csv"
    write_jsonl(one, [{"problem": "1+1?", "answer": 2}])
    write_csv(other, [{"source": "x", "question": "1+1?"}])
    assert [p.id for p in loaded(one)[0]] == [p.id for p in loaded(other)[0]] == [Problem("1+1?").id]


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("2", "2"),
        (2, "2"),
        (142.0, "142"),
        (0.5, "0.5"),
        (["2", "3"], "2, 3"),
        ("We add.\n#### 18", "18"),
        (r"Hence \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        ("", None),
        (None, None),
        ([], None),
        (r"Hence \boxed{7", None),
    ],
)
def test_the_final_answer_is_taken_out_of_its_field(tmp_path: Path, value: Any, answer: str | None) -> None:
    path = tmp_path / "p.jsonl"
    write_jsonl(path, [{"problem": "1+1?", "answer": value}])
    problems, notes = loaded(path)
    assert [p.answer for p in problems] == [answer]
    assert [n.message for n in notes] == ([] if answer else ["no answer"])


def test_fields_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    write_jsonl(path, [{"text": "1+1?", "key": "2", "number": 7, "problem": "not this"}])
    (problem,), _ = loaded(path, Fields("text", "key", "number"))
    assert (problem.text, problem.answer, problem.id) == ("1+1?", "2", "7")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (Fields(), "its fields are text, key: name one with --problem-field"),
        (Fields("text", "gold"), "no field 'gold' for --answer-field; its fields are text, key"),
    ],
)
def test_missing_fields_are_named_with_those_that_are_there(
    tmp_path: Path, fields: Fields, message: str
) -> None:
    path = tmp_path / "p.jsonl"
    write_jsonl(path, [{"text": "1+1?", "key": "2"}])
    with pytest.raises(InputError, match=message):
        loaded(path, fields)


def test_what_is_left_out_or_remarkable_is_noted_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    good = '{"problem": "a", "answer": "1", "id": "x"}'
    others = ['{"problem": "b", "id": "x"}', "{", "[1]", '{"problem": " "}', '{"problem": "a", "id": "y"}']
    path.write_text("\n".join([good, "", *others]))
    problems, notes = loaded(path)
    assert [p.id for p in problems] == ["x", "y"]
    assert [(n.place, n.is_left_out) for n in notes] == [
        ("line 3", True),
        ("line 4", True),
        ("line 5", True),
        ("line 6", True),
        ("line 7", False),
        ("line 7", False),
    ]
    assert str(notes[0]) == f"{path}, line 3: the id 'x' was there before"
    assert [n.message for n in notes[-2:]] == ["the same problem was there before", "no answer"]


def test_a_file_is_read_no_further_than_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(json.dumps(ROWS[0]).encode() + b"\n" + b" " * 100_000 + b"\n\xff")
    assert next(load_problems(path)).id == "a"
    with pytest.raises(InputError, match="UTF-8"):
        loaded(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.jsonl", b"\xff\xfe", "not UTF-8"),
        ("p.csv", b'problem,answer\n"a', "after line 1: not CSV"),
        ("p.parquet", b"nothing", "not a parquet file"),
    ],
)
def test_unreadable_files_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        loaded(path)


@pytest.mark.parametrize(
    ("source", "message"),
    [("none.jsonl", "cannot read"), ("gsm9k", "known are gsm8k"), (".", "cannot read")],
)
def test_what_is_not_there_is_an_error_with_a_remedy(source: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        loaded(source)


def test_a_row_of_a_csv_file_that_is_too_short_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text('problem,answer\n"a\nb",1\nc\nd,2\n')
    problems, (note,) = loaded(path)
    assert [p.text for p in problems] == ["a\nb", "d"]
    assert note.place == "line 4"


def test_the_whole_record_comes_with_its_problem(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    write_jsonl(path, [{**ROWS[0], "level": 3}])
    assert [row.data["level"] for row in read_rows(path)] == [3]


class TestPublicDataSets:
    def test_the_fields_of_the_table_are_read_and_others_may_be_named(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import datasets

        asked: list[Any] = []

        def load_dataset(*args: Any, **more: Any) -> Any:
            asked.append((*args, more))
            rows = [{"question": "1+1?", "answer": "so\n#### 2", "other": "3"}]
            return datasets.Dataset.from_list(rows).to_iterable_dataset()

        monkeypatch.setattr(datasets, "load_dataset", load_dataset)
        assert [(p.text, p.answer) for p in loaded("GSM8K")[0]] == [("1+1?", "2")]
        assert [p.answer for p in loaded("gsm8k:train", Fields(answer="other"))[0]] == ["3"]
        assert asked == [
            ("openai/gsm8k", "main", {"split": "test", "streaming": True}),
            ("openai/gsm8k", "main", {"split": "train", "streaming": True}),
        ]

    def test_no_network_is_an_error_with_a_remedy(self) -> None:
        with pytest.raises(BackendError, match="name the file instead"):  # the tests are offline
            loaded("math-500")

    def test_a_file_of_that_name_comes_first(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        write_jsonl(Path("math"), ROWS)
        assert len(loaded("math")[0]) == 2


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20), max_size=10))
def test_every_text_that_is_not_blank_comes_once(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("problems") / "p.jsonl"
    write_jsonl(path, [{"problem": text} for text in texts])
    problems, notes = loaded(path)
    assert [p.text for p in problems] == list(dict.fromkeys(text for text in texts if text.strip()))
    assert len(problems) + sum(n.is_left_out for n in notes) == len(texts)


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (3, 3),
        ("3", 3),
        ("Level 3", 3),
        (" level 12 ", 12),
        (2.0, 2),
        ("Level ?", None),
        (None, None),
        ("", None),
    ],
)
def test_a_level_is_a_number_however_it_is_written(value: object, level: int | None) -> None:
    assert level_of(value) == level


@pytest.mark.parametrize("value", ["hard", -1, 2.5, "Level three", True, [3]])
def test_what_is_no_level_is_said(value: object) -> None:
    with pytest.raises(ValueError, match="write 3, or Level 3"):
        level_of(value)
