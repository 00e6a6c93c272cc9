"""Inspect's logs: one that inspect_ai wrote, made-up ones of every kind, and retries."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tts_select import InputError
from tts_select.core.errors import UnknownName
from tts_select.training.importing.entries import Row
from tts_select.training.importing.field_map import FieldMap
from tts_select.training.importing.generic import ReadOptions
from tts_select.training.importing.inspect_logs import read_rows
from tts_select.training.importing.report import Report
from tts_select.training.importing.run import Import, import_logs
from tts_select.training.log.reading import read_log

INSPECT = ReadOptions("inspect")
SUMS = Path(__file__).with_name("inspect_sums.eval")
"""Written by inspect_ai 0.3.285: two problems, two epochs, a scorer that says yes or no."""
ABOUT = {"task": "sums", "model": "org/tiny", "run_id": "r1", "task_id": "t1"}


def sample(id_: str = "q", epoch: int = 1, **more: Any) -> dict[str, Any]:
    output = {
        "model": "org/tiny",
        "choices": [{"message": {"role": "assistant", "content": "It is 7"}, "stop_reason": "max_tokens"}],
        "completion": "It is 7",
        "usage": {"input_tokens": 9, "output_tokens": 5},
    }
    scores = {"match": {"value": "C", "answer": "7"}, "strict": {"value": 0}}
    known = {"id": id_, "epoch": epoch, "input": "3 + 4?", "target": ["7", "seven"], "output": output}
    return {**known, "scores": scores, "metadata": {"level": "Level 2"}, "uuid": f"{id_}{epoch}", **more}


def written(content: str) -> dict[str, Any]:
    return {"choices": [{"message": {"content": content}, "stop_reason": "stop"}], "completion": content}


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    """Writes a log as Inspect does."""

    def write(*samples: Any, name: str = "a.eval", about: dict[str, Any] = ABOUT, ended: bool = True) -> Path:
        header = "header.json" if ended else "_journal/start.json"
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as file:
            for k, one in enumerate(samples):
                content = one if isinstance(one, str) else json.dumps(one)
                file.writestr(f"samples/{k}_epoch_1.json", content)
            file.writestr(header, json.dumps({"version": 2, "status": "success", "eval": about}))
        return tmp_path / name

    return write


@pytest.fixture
def imported(tmp_path: Path) -> Callable[..., Report]:
    def run(*paths: Path, strict: bool = False) -> Report:
        folder = tmp_path / f"log-{len(list(tmp_path.iterdir()))}"
        return import_logs(Import(paths, INSPECT, strict=strict), folder)

    return run


def only(path: Path, reading: ReadOptions = INSPECT) -> Any:
    (row,) = read_rows(path, reading)
    assert row.entry is not None, row.complaint
    return row.entry


def n_samples(report: Report) -> int:
    return sum(policy["samples"] for policy in report.as_dict()["policies"])


def test_a_log_that_inspect_wrote_is_read_without_it(tmp_path: Path) -> None:
    report = import_logs(Import([SUMS], INSPECT), tmp_path / "log")
    log = read_log(tmp_path / "log")
    assert log.manifest.imported is not None
    assert log.manifest.imported.unit == "tokens"
    (policy,) = report.as_dict()["policies"]
    assert (policy["policy"], policy["samples"], policy["pass_at_1"]) == ("log:mockllm/model", 4, 0.5)
    assert {p.id: (p.problem, p.answer, p.level) for p in log.problems.values()} == {
        "sums/a": ("2 + 2?", "4", 2),
        "sums/b": ("1 + 3?", "4", None),
    }
    assert [s.correct for s in log.pools["sums/a", "log:mockllm/model"].samples] == [True, True]


def test_each_epoch_is_a_sample(archive: Callable[..., Path]) -> None:
    first, second = (row.entry for row in read_rows(archive(sample(), sample(epoch=2)), INSPECT))
    assert first is not None
    assert second is not None
    assert (first.id, first.model, first.problem, first.gold) == ("sums/q", "org/tiny", "3 + 4?", "7")
    assert (first.answer, first.correct, first.n_tokens, first.prompt_tokens) == ("7", True, 5, 9)
    assert (first.finish, first.level, first.text) == ("length", 2, "It is 7")
    assert first.number != second.number
    assert first.text_hash != second.text_hash


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("7", "7"),
        ("The answer is 7.", "7"),
        ("ANSWER: 7", "7"),
        ("So \\boxed{7}, I think", "7"),
        ("and so on " * 40, None),
    ],
)
def test_a_scorer_may_give_the_answer_with_what_is_around_it(
    archive: Callable[..., Path], given: str, answer: str | None
) -> None:
    assert only(archive(sample(scores={"match": {"value": "C", "answer": given}}))).answer == answer


@pytest.mark.parametrize(
    ("value", "correct"),
    [
        *[(value, True) for value in ("C", "yes", "Yes", "TRUE", True, 1, 1.0, "1", "1.0", "correct")],
        *[(value, False) for value in ("I", "N", "no", "No", "false", False, 0, 0.0, "0", "incorrect")],
        *[(value, None) for value in ("P", 0.5, "0.25", float("nan"), None, [1, 0], "a reason", {})],
    ],
)
def test_a_score_is_read_as_inspect_reads_it(
    archive: Callable[..., Path], value: Any, correct: bool | None
) -> None:
    assert only(archive(sample(scores={"any": {"value": value}}))).correct is correct


@pytest.mark.parametrize("reading", [{"metric": "strict"}, {"fields": FieldMap.parse("correct=strict")}])
def test_another_scorer_may_decide(archive: Callable[..., Path], reading: dict[str, Any]) -> None:
    assert only(archive(sample()), ReadOptions("inspect", **reading)).correct is False


def test_a_scorer_that_decides_gives_the_answer_too(archive: Callable[..., Path]) -> None:
    scores = {"one": {"value": "I", "answer": "6"}, "two": {"value": {"a": "yes", "b": 0}, "answer": "7"}}
    path = archive(sample(scores=scores))
    assert [(e.answer, e.correct) for e in [only(path)]] == [("6", False)]
    named = [only(path, ReadOptions("inspect", metric=name)) for name in ("two.a", "two.b")]
    assert [(e.answer, e.correct) for e in named] == [("7", True), ("7", False)]
    with pytest.raises(UnknownName, match=r"scorer in 'a.eval' 'twoa': did you mean 'two.a'"):
        only(path, ReadOptions("inspect", metric="twoa"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"error": {"message": "timeout"}}, "it ended in an error (timeout)"),
        ({"output": {"choices": []}}, "the model wrote nothing"),
        ({"invalidation": {"reason": "wrong prompt"}}, "it was invalidated"),
    ],
)
def test_a_sample_that_failed_is_none(
    archive: Callable[..., Path], change: dict[str, Any], complaint: str
) -> None:
    (row,) = read_rows(archive(sample(**change)), INSPECT)
    assert (row.entry, row.complaint, row.place) == (None, complaint, "sample q, epoch 1")


@pytest.mark.parametrize("content", ["3 + 4?", [{"type": "text", "text": "3 + 4?"}, {"type": "image"}]])
def test_a_conversation_asks_the_last_that_the_user_says(archive: Callable[..., Path], content: Any) -> None:
    turns = [{"role": "system", "content": "Be short"}, {"role": "user", "content": content}]
    entry = only(archive(sample(input=turns, scores=None)))
    assert (entry.problem, entry.correct) == ("3 + 4?", None)


def test_a_thought_is_no_part_of_what_was_written(archive: Callable[..., Path]) -> None:
    content = [{"type": "reasoning", "reasoning": "Maybe \\boxed{5}"}, {"type": "text", "text": "\\boxed{7}"}]
    output = {"choices": [{"message": {"content": content}, "stop_reason": "stop"}]}
    entry = only(archive(sample(output=output, scores={})))
    assert (entry.text, entry.answer, entry.n_tokens) == ("\\boxed{7}", "7", None)


def test_an_empty_completion_is_a_sample_of_no_length(archive: Callable[..., Path]) -> None:
    entry = only(archive(sample(output=written(""), scores={"match": {"value": "I"}})))
    assert (entry.answer, entry.correct, entry.n_chars, entry.n_tokens) == (None, False, 0, 0)


def test_a_sample_that_met_a_limit_was_cut(archive: Callable[..., Path]) -> None:
    entry = only(archive(sample(output=written("So it"), limit={"type": "token", "limit": 3})))
    assert entry.finish == "length"


def test_a_text_may_stand_among_the_attachments(archive: Callable[..., Path]) -> None:
    changed = sample(input="attachment://x1", attachments={"x1": "3 + 4, and so on?"})
    assert only(archive(changed)).problem == "3 + 4, and so on?"


def test_a_log_may_be_one_json_file_of_any_version(tmp_path: Path) -> None:
    first = {**sample(), "score": {"value": "I"}}
    del first["scores"], first["uuid"]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"version": 1, "eval": ABOUT, "samples": [first, sample(epoch=2)]}))
    assert [row.entry and row.entry.correct for row in read_rows(path, INSPECT)] == [False, True]


def test_a_log_without_an_end_is_read(archive: Callable[..., Path]) -> None:
    assert only(archive(sample(), ended=False)).id == "sums/q"


def test_of_two_files_with_a_name_the_later_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.eval"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header.json", json.dumps({"eval": ABOUT}))
        file.writestr("samples/q_epoch_1.json", json.dumps(sample(error={"message": "timeout"})))
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("samples/q_epoch_1.json", json.dumps(sample()))
    assert only(path).correct is True


class TestRetries:
    """A retry has copies of the samples that went well, with their uuids, and new ones of the others."""

    FAILED = sample("b", error={"message": "rate limit"}, uuid="b-failed", output={"choices": []})

    def test_a_copy_is_a_duplicate_and_a_failure_that_was_made_good_is_none(
        self, archive: Callable[..., Path], imported: Callable[..., Report]
    ) -> None:
        again = {**ABOUT, "run_id": "r2"}
        first = archive(sample("a"), self.FAILED, name="1.eval")
        second = archive(sample("a"), sample("b"), name="2.eval", about=again)
        for paths in ((first, second), (second, first)):
            report = imported(*paths, strict=True)
            assert n_samples(report) == 2
            assert (report.tally.n_rows, report.tally.n_duplicates, report.tally.n_bad) == (4, 2, 0)

    def test_logs_of_before_uuids_are_known_by_task_and_epoch(
        self, archive: Callable[..., Path], imported: Callable[..., Report]
    ) -> None:
        bare = [{**sample("a", epoch), "uuid": None} for epoch in (1, 2)]
        paths = [archive(*bare, name=name) for name in ("1.eval", "2.eval")]
        assert n_samples(imported(*paths)) == 2

    def test_another_evaluation_of_the_task_has_samples_of_its_own(
        self, archive: Callable[..., Path], imported: Callable[..., Report]
    ) -> None:
        first = archive(sample("a"), name="1.eval")
        other = archive(sample("a", uuid="z"), name="2.eval", about={**ABOUT, "task_id": "t2"})
        report = imported(first, other)
        assert (n_samples(report), report.tally.n_duplicates) == (2, 0)

    def test_a_failure_without_another_attempt_is_counted(
        self, archive: Callable[..., Path], imported: Callable[..., Report]
    ) -> None:
        report = imported(archive(*(sample("a", epoch) for epoch in range(30)), self.FAILED))
        assert (n_samples(report), report.tally.n_bad) == (30, 1)
        assert "sample b, epoch 1: it ended in an error (rate limit)" in report.tally.notes[0]


@pytest.mark.parametrize(
    "bad", ["{", "[]", json.dumps(sample(output=written("x\ud835y"))), b"\xff".decode("latin-1") + "{"]
)
def test_a_sample_that_cannot_be_read_costs_itself_alone(archive: Callable[..., Path], bad: str) -> None:
    rows: list[Row] = list(read_rows(archive(sample("a"), bad, sample("b")), INSPECT))
    assert [row.entry and row.entry.id for row in rows] == ["sums/a", None, "sums/b"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"PK\x03\x04 cut", "no Inspect log"), (b"{}", "names no task"), (b"", "no Inspect log")],
)
def test_what_is_no_log_is_refused_in_a_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "a.eval").write_bytes(content)
    with pytest.raises(InputError, match=complaint):
        list(read_rows(tmp_path / "a.eval", INSPECT))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("log_format", ["eval", "json"])
def test_what_inspect_writes_now_is_read(tmp_path: Path, log_format: str) -> None:
    inspect_ai = pytest.importorskip("inspect_ai", reason="pip install inspect_ai")
    (log,) = inspect_ai.eval(
        _sums(inspect_ai), model=_mock(), log_dir=str(tmp_path), log_format=log_format, display="none"
    )
    report = import_logs(Import([Path(log.location)], INSPECT), tmp_path / "log")
    found = read_log(tmp_path / "log")
    (policy,) = report.as_dict()["policies"]
    assert (policy["policy"], policy["samples"], policy["pass_at_1"]) == ("log:mockllm/model", 6, 0.5)
    assert {p.id: (p.problem, p.answer, p.level) for p in found.problems.values()} == {
        "sums/a": ("2 + 2?", "4", None),
        "sums/b": ("1 + 3?", "4", 2),
    }
    assert found.manifest.imported is not None
    assert found.manifest.imported.unit == "tokens"


def _sums(inspect_ai: Any) -> Any:
    from inspect_ai.dataset import Sample
    from inspect_ai.scorer import match

    data = [
        Sample(input="2 + 2?", target="4", id="a"),
        Sample(input="1 + 3?", target="4", id="b", metadata={"level": "Level 2"}),
    ]
    return inspect_ai.Task(dataset=data, scorer=match(), epochs=3, name="sums")


def _mock() -> Any:
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    outputs = [ModelOutput.from_content("mockllm/model", text) for text in ("It is 4", "It is 5") * 3]
    for output in outputs:  # without usage it would count tokens with a tokenizer from the network
        output.usage = ModelUsage(input_tokens=9, output_tokens=5, total_tokens=14)
    return get_model("mockllm/model", custom_outputs=outputs)
