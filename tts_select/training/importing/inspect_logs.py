"""Logs of Inspect (`.eval`, `.json`): one sample an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tts_select.core.errors import UnknownName
from tts_select.training.importing import values
from tts_select.training.importing.entries import Entry, Row
from tts_select.training.importing.generic import ReadOptions, entry_of_parts
from tts_select.training.importing.inspect_files import read_log
from tts_select.training.importing.said import answer_in

_ATTACHED = "attachment://"


def read_rows(path: Path, reading: ReadOptions) -> Iterator[Row]:
    """Yield the samples. The verdict is that of the first scorer that has one; `--metric NAME` takes another.

    A retry has copies of the samples that went well before: a sample is known by its `uuid`, and by the
    task's id and the epoch, which a retry keeps.

    Raises:
        InputError: the file is no log of Inspect, or has no such scorer.
    """
    for about, (place, data, complaint) in read_log(path):
        if data is None:
            yield Row(place, None, complaint)
            continue
        sample = _Sample(data, about)
        try:
            entry = sample.entry(path, reading)
        except ValueError as error:
            yield Row(place, None, str(error))
            continue
        failure = sample.failure()
        yield Row(place, entry) if failure is None else Row(place, None, failure, attempt=entry)


class _Sample:
    """One sample of a log, as JSON has it; any part may be missing."""

    def __init__(self, data: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        self._data, self._about = data, about
        self._output = _object(data.get("output"))
        self._choices = [_object(choice) for choice in self._output.get("choices") or ()]
        self._scores = {name: _object(score) for name, score in _scores(data, about).items()}

    def failure(self) -> str | None:
        """The reason why there is no solution, or None."""
        if error := self._data.get("error"):
            return f"it ended in an error ({_object(error).get('message', error)})"
        if self._data.get("invalidation"):
            return "it was invalidated"
        return None if self._choices else "the model wrote nothing"

    def entry(self, path: Path, reading: ReadOptions) -> Entry:
        """Raises:
        ValueError: a part is malformed.
        InputError: there is no such scorer.
        """
        verdicts = self._verdicts()
        if reading.metric is not None and verdicts and reading.metric not in verdicts:
            raise UnknownName(f"scorer in '{path.name}'", reading.metric, verdicts)
        metadata = _object(self._data.get("metadata"))
        return entry_of_parts(
            {**self._asked(metadata), **self._written(), **self._graded(verdicts, reading.metric)},
            {**metadata, **verdicts},
            reading,
        )

    def _asked(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        data, about = self._data, self._about
        target = data.get("target")
        task_id = about.get("task_id") or about.get("run_id")
        number = f"{task_id}:{data.get('epoch', 1)}"
        return {
            "id": f"{about['task']}/{data['id']}",
            "model": about["model"],
            "sample": number,
            "text_hash": data.get("uuid") or number,
            "problem": self._question(),
            "gold": next(iter(target), None) if isinstance(target, list) else target,
            "level": metadata.get("level"),
            "family": metadata.get("subject"),
        }

    def _written(self) -> dict[str, Any]:
        first = self._choices[0] if self._choices else {}
        usage = _object(self._output.get("usage"))
        text = self._output.get("completion")
        if text is None:
            text = _text_of(_object(first.get("message")).get("content"))
        parts = {
            "text": self._whole(text),
            "finish": "length" if self._data.get("limit") else first.get("stop_reason"),
            "prompt_tokens": usage.get("input_tokens"),
        }
        return parts | ({} if usage.get("output_tokens") is None else {"tokens": usage["output_tokens"]})

    def _graded(self, verdicts: Mapping[str, Any], metric: str | None) -> dict[str, Any]:
        decided = (verdict for verdict in verdicts.values() if verdict is not None)
        parts = {"correct": next(decided, None) if metric is None else verdicts.get(metric)}
        chosen = [] if metric is None else [self._scores.get(metric.partition(".")[0], {})]
        answers = (score.get("answer") for score in (*chosen, *self._scores.values()))
        said = next((answer for answer in answers if isinstance(answer, str) and answer), None)
        return parts if said is None else {**parts, "answer": answer_in(said)}

    def _verdicts(self) -> dict[str, bool | None]:
        """Return the verdicts by scorer, and by `SCORER.NAME` where a scorer's value has names."""
        found: dict[str, bool | None] = {}
        for name, score in self._scores.items():
            value = score.get("value")
            if isinstance(value, dict):
                found |= {f"{name}.{key}": _verdict(one) for key, one in value.items()}
            else:
                found[name] = _verdict(value)
        return found

    def _question(self) -> str | None:
        """The text of a problem that was asked as such, or as the last thing a user said."""
        asked = self._data.get("input")
        if isinstance(asked, list):
            said = [m for m in map(_object, asked) if m.get("role") == "user"]
            asked = _text_of(said[-1].get("content")) if said else None
        return self._whole(asked)

    def _whole(self, text: Any) -> str | None:
        """Return the text itself; a long one may stand among the attachments."""
        if not isinstance(text, str):
            return None
        attached = _object(self._data.get("attachments")) if text.startswith(_ATTACHED) else {}
        return str(attached.get(text.removeprefix(_ATTACHED), text))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _scores(data: Mapping[str, Any], about: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the scores by scorer; a log of the first version has a single `score`."""
    if isinstance(data.get("scores"), dict):
        return _object(data["scores"])
    scorer = _object(about.get("scorer")).get("name", "score")
    return {} if data.get("score") is None else {str(scorer): data["score"]}


def _text_of(content: Any) -> str | None:
    """Return the text of a message, without what the model thought."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else None
    parts = [_object(part) for part in content]
    return "".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")


def _verdict(value: Any) -> bool | None:
    """Turn a score into 1 or 0 as Inspect does; None is anything between, and P, which is half."""
    try:
        return values.flag(value)
    except ValueError:
        return None
