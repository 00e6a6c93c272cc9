from __future__ import annotations

import bz2
import gzip
import json
import lzma
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
        (float("nan"), None),
        ("nan", None),
        (" ", None),
        ([float("nan"), "2"], "2"),
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


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize(
    ("name", "write"), [("p.jsonl", write_jsonl), ("p.json", write_json), ("p.csv", write_csv)]
)
def test_a_packed_file_is_read_whatever_it_is_called(
    tmp_path: Path, name: str, write: Callable[[Path, list[dict[str, Any]]], None], packed: str
) -> None:
    write(tmp_path / name, ROWS)
    content = PACKED[packed]((tmp_path / name).read_bytes())
    for called in (f"{name}.{packed}", name):
        (tmp_path / called).write_bytes(content)
        assert [p.id for p in loaded(tmp_path / called)[0]] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        (json.dumps(ROWS), ["a", "b"]),
        (json.dumps(ROWS, indent=2), ["a", "b"]),
        ("\n \n" + json.dumps(ROWS), ["a", "b"]),
        ("[]", []),
        (json.dumps({"n": 2, "rows": ROWS}, indent=1), ["a", "b"]),
        (json.dumps({**ROWS[0], "answer": ["2", "3"]}, indent=1), ["a"]),
        ("[1]\n" + json.dumps(ROWS[0]), ["a"]),
        ("{\n" + json.dumps(ROWS[0]), ["a"]),
        (json.dumps(ROWS[0]) + "\r\n\r\n" + json.dumps(ROWS[1]) + "\r\n", ["a", "b"]),
        ("\ufeff" + json.dumps(ROWS[0]) + "\n\ufeff" + json.dumps(ROWS[1]), ["a", "b"]),
        ("\ufeff" + json.dumps(ROWS), ["a", "b"]),
        (json.dumps({**ROWS[0], "problem": "1\u2028+ 1?"}, ensure_ascii=False), ["a"]),
    ],
)
@pytest.mark.parametrize("name", ["p.jsonl", "p.json"])
def test_json_is_read_as_it_is_written(tmp_path: Path, name: str, content: str, ids: list[str]) -> None:
    (tmp_path / name).write_text(content, newline="")
    assert [p.id for p in loaded(tmp_path / name)[0]] == ids


def test_lines_end_alike_and_the_id_is_the_same(tmp_path: Path) -> None:
    paths = []
    for k, end in enumerate(["\n", "\r\n", "\r"]):
        for name in (f"{k}.jsonl", f"{k}.csv"):
            paths.append(tmp_path / name)
            row = {"problem": f"1 + 1?{end}And why?", "answer": "2"}
            write_jsonl(paths[-1], [row]) if name.endswith("jsonl") else write_csv(paths[-1], [row])
    for path in paths[1::2]:
        path.write_bytes(path.read_bytes().replace(b'"answer"\n', b'"answer"\r\n'))
    found = [loaded(path)[0][0] for path in paths]
    assert {p.text for p in found} == {"1 + 1?\nAnd why?"}
    assert len({p.id for p in found}) == 1


@pytest.mark.parametrize("name", ["p.parquet", "p.csv", "p.jsonl"])
def test_what_a_table_has_in_empty_cells_is_no_answer_and_no_id(tmp_path: Path, name: str) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 7.0, "problem": "1+1?", "answer": 2.0},
        {"id": float("nan"), "problem": "1+2?", "answer": float("nan")},
    ]
    writers = {"p.parquet": write_parquet, "p.csv": write_csv, "p.jsonl": write_jsonl}
    writers[name](tmp_path / name, rows)
    problems, notes = loaded(tmp_path / name)
    assert problems[0].id in ("7", "7.0")  # in CSV it is what is written
    assert (problems[1].id, problems[1].answer) == (Problem("1+2?").id, None)
    assert [n.message for n in notes] == ["no answer"]


@pytest.mark.parametrize("field", ["problem", "answer", "id"])
def test_a_record_that_no_file_could_hold_is_left_out(tmp_path: Path, field: str) -> None:
    path = tmp_path / "p.jsonl"
    write_jsonl(path, [ROWS[0], {**ROWS[1], field: "x\ud835y"}, {"problem": "3+3?"}])
    problems, notes = loaded(path)
    assert [p.text for p in problems] == ["1+1?", "3+3?"]
    assert notes[0].is_left_out
    assert "line 2: half of a surrogate pair" in str(notes[0])


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl.gz").write_bytes(gzip.compress(json.dumps(ROWS[0]).encode() * 9)[:-9])
    with pytest.raises(InputError, match=r"cannot unpack .* is it cut short"):
        loaded(tmp_path / "p.jsonl.gz")
    (tmp_path / "p.jsonl").write_text(json.dumps(ROWS, indent=1)[:-5])
    with pytest.raises(InputError, match="begins as a JSON array and does not end as one"):
        loaded(tmp_path / "p.jsonl")


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
    plain = [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts if text.strip()]
    assert [p.text for p in problems] == list(dict.fromkeys(plain))
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
        (float("nan"), None),
    ],
)
def test_a_level_is_a_number_however_it_is_written(value: object, level: int | None) -> None:
    assert level_of(value) == level


@pytest.mark.parametrize("value", ["hard", -1, 2.5, "Level three", True, [3]])
def test_what_is_no_level_is_said(value: object) -> None:
    with pytest.raises(ValueError, match="write 3, or Level 3"):
        level_of(value)
