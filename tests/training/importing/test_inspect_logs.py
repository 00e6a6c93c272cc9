"""Inspect's logs: how what inspect_ai reads becomes samples, and, where it is installed, real ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tts_select import InputError
from tts_select.training.importing.field_map import FieldMap
from tts_select.training.importing.generic import Reading
from tts_select.training.importing.inspect_logs import read_rows
from tts_select.training.importing.run import Import, import_logs
from tts_select.training.log.reading import read_log

INSPECT = Reading("inspect")


def sample(epoch: int = 1, **more: Any) -> SimpleNamespace:
    usage = SimpleNamespace(input_tokens=9, output_tokens=5)
    output = SimpleNamespace(completion="It is 7", choices=[1], stop_reason="max_tokens", usage=usage)
    scores = {
        "match": SimpleNamespace(value="C", answer="7"),
        "strict": SimpleNamespace(value=0, answer=None),
    }
    known = {"id": "q", "epoch": epoch, "input": "3 + 4?", "target": ["7", "seven"], "output": output}
    return SimpleNamespace(
        **{**known, "scores": scores, "metadata": {"level": "Level 2"}, "error": None, **more}
    )


@pytest.fixture
def samples(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a module in the place of inspect_ai reads from any file."""
    found: list[Any] = []
    header = SimpleNamespace(eval=SimpleNamespace(task="sums", model="org/tiny", run_id="r1"))

    def read(_: str, *, all_samples_required: bool) -> Iterator[Any]:
        assert not all_samples_required  # a log that was interrupted has samples too
        yield from found

    package, log = ModuleType("inspect_ai"), ModuleType("inspect_ai.log")
    vars(log).update(read_eval_log=lambda _, *, header_only: header, read_eval_log_samples=read)
    vars(package).update(log=log)
    package.__spec__ = ModuleSpec("inspect_ai", None)
    monkeypatch.setitem(sys.modules, "inspect_ai", package)
    monkeypatch.setitem(sys.modules, "inspect_ai.log", log)
    return found


def test_each_epoch_is_a_sample(samples: list[Any]) -> None:
    samples += [sample(1), sample(2)]
    first, second = (row.entry for row in read_rows(Path("a.eval"), INSPECT))
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
        ("7 " * 200, None),
    ],
)
def test_a_scorer_may_give_the_answer_with_what_is_around_it(
    samples: list[Any], given: str, answer: str | None
) -> None:
    samples.append(sample(scores={"match": SimpleNamespace(value="C", answer=given)}))
    (row,) = read_rows(Path("a.eval"), INSPECT)
    assert row.entry is not None
    assert row.entry.answer == answer


def test_another_scorer_may_decide(samples: list[Any]) -> None:
    samples.append(sample())
    (row,) = read_rows(Path("a.eval"), Reading("inspect", FieldMap.parse("correct=strict")))
    assert row.entry is not None
    assert row.entry.correct is False


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"error": SimpleNamespace(message="timeout")}, "it ended in an error (timeout)"),
        ({"output": SimpleNamespace(choices=[])}, "the model wrote nothing"),
    ],
)
def test_a_sample_that_failed_is_none(samples: list[Any], change: dict[str, Any], complaint: str) -> None:
    samples.append(sample(**change))
    (row,) = read_rows(Path("a.eval"), INSPECT)
    assert (row.entry, row.complaint, row.place) == (None, complaint, "sample 1 (q, epoch 1)")


def test_a_conversation_asks_the_last_that_the_user_says(samples: list[Any]) -> None:
    turns = [
        SimpleNamespace(role=role, text=text) for role, text in [("system", "Be short"), ("user", "3 + 4?")]
    ]
    samples.append(sample(input=turns, scores=None))
    (row,) = read_rows(Path("a.eval"), INSPECT)
    assert row.entry is not None
    assert (row.entry.problem, row.entry.correct) == ("3 + 4?", None)


def test_without_inspect_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "inspect_ai", None)
    with pytest.raises(InputError, match=r"pip install 'tts-select\[inspect\]'"):
        list(read_rows(Path("a.eval"), INSPECT))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("log_format", ["eval", "json"])
def test_a_log_that_inspect_writes_is_read(tmp_path: Path, log_format: str) -> None:
    inspect_ai = pytest.importorskip("inspect_ai", reason="an extra: pip install 'tts-select[inspect]'")
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
