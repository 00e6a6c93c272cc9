"""`samples_TASK_DATE.jsonl` of lm-evaluation-harness (`--log_samples`): one line a document and filter.

Of a line are read `doc_id`, `doc`, `target`, `filter`, `metrics`, `resps` (for each request a list of what
was written, one a repeat) and `filtered_resps` (https://github.com/EleutherAI/lm-evaluation-harness). Older
versions write an array instead of lines, or no `filter` and no `metrics`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError, UnknownName
from tts_select.data.problems.fields import PROBLEM_NAMES
from tts_select.data.problems.files import plain_name, read_records
from tts_select.training.importing import nested, values
from tts_select.training.importing.entries import Entry, Row
from tts_select.training.importing.generic import TOLERANT, ReadOptions, entry_of_parts
from tts_select.training.importing.said import answer_in

_FILE = re.compile(r"samples_(?P<task>.+?)_\d{4}-\d{2}-\d{2}T.*")
_METRICS = ("math_verify", "exact_match", "acc")
"""The metrics that decide, in order of trust: math_verify is right where exact_match misses the format."""
_INVALID = "[invalid]"
"""The text that its filters give where they find no answer."""
_NO_FILTER = "none"


def read_rows(path: Path, reading: ReadOptions) -> Iterator[Row]:
    """Yield one sample for each repeat. A file with several filters has every sample once for each:
    `--filter` says which counts, else the first; `--map answer=,correct=` leaves both to our own grading.

    Raises:
        InputError: the file has no such filter, or no such metric.
    """
    task, model = _names(path, reading)
    filters: dict[str, None] = {}
    for place, data, complaint in read_records(path, ".jsonl", errors=TOLERANT):
        if data is None:
            yield Row(place, None, complaint)
            continue
        filters[str(data.get("filter", _NO_FILTER))] = None
        wanted = reading.filter or next(iter(filters))
        if data.get("filter", _NO_FILTER) == wanted:
            yield from _rows(place, data, {**_about(data, task), "model": model}, path, reading)
    if reading.filter is not None and filters and reading.filter not in filters:
        raise UnknownName(f"filter in '{path.name}'", reading.filter, filters)


def _names(path: Path, reading: ReadOptions) -> tuple[str, str]:
    """Return (task, model): the harness names the folder like the model."""
    stem = Path(plain_name(path)).stem
    found = _FILE.fullmatch(stem)
    folder = path.parent if path.parent.name not in ("", "..") else path.parent.resolve()
    return found["task"] if found else stem, reading.model or folder.name.replace("__", "/")


def _rows(
    place: str, data: Mapping[str, Any], about: Mapping[str, Any], path: Path, reading: ReadOptions
) -> Iterator[Row]:
    doc = data["doc"] if isinstance(data.get("doc"), dict) else {}

    def read(k: int, each: dict[str, Any]) -> Entry:
        parts = {**about, "sample": f"{path}:{k}", "text_hash": f"{k}:{each['text']}", **each}
        return entry_of_parts(parts, {**data, **doc}, reading)

    try:
        texts = _texts(data)
    except ValueError as error:
        yield Row(place, None, str(error))
        return
    lists = {"text": texts, **_answers(data, texts), **_verdicts(data, len(texts), path, reading)}
    yield from nested.rows_of(place, lists, read)


def _about(data: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Return what the document says about its problem."""
    doc = data["doc"] if isinstance(data.get("doc"), dict) else {}
    question = next((doc[name] for name in PROBLEM_NAMES if isinstance(doc.get(name), str)), None)
    number = values.text(data.get("doc_id"))
    known = {"level": doc.get("level"), "family": doc.get("subject", doc.get("type"))}
    return {
        "id": None if number is None else f"{task}/{number}",
        "gold": data.get("target"),
        "problem": question,
        **known,
    }


def _texts(data: Mapping[str, Any]) -> list[Any]:
    resps = data.get("resps")
    if not isinstance(resps, list) or not resps or not isinstance(resps[0], list):
        raise ValueError("no list 'resps' of what the model wrote")
    if len(resps) > 1 or _is_likelihood(resps[0]):
        raise ValueError("a multiple-choice document: its options were scored, and nothing was sampled")
    return ["" if text is None else text for text in resps[0]]


def _is_likelihood(written: Sequence[Any]) -> bool:
    """Return whether it is (log-likelihood, is greedy), or a list of these; newer versions write all as
    text."""
    if any(isinstance(one, list) for one in written):
        return True
    return len(written) == 2 and str(written[1]) in ("True", "False") and _is_number(written[0])


def _is_number(value: Any) -> bool:
    try:
        values.number(value)
    except ValueError:
        return False
    return True


def _answers(data: Mapping[str, Any], texts: Sequence[Any]) -> dict[str, list[Any]]:
    """Return what each filter found, if it did so for each repeat. Where it took the whole text, we look."""
    filtered = data.get("filtered_resps")
    if not isinstance(filtered, list) or not filtered:
        return {}
    found = filtered[0] if isinstance(filtered[0], list) else filtered
    if len(found) != len(texts):
        return {}
    return {"answer": [_answer(one, text) for one, text in zip(found, texts, strict=True)]}


def _answer(filtered: Any, text: Any) -> Any:
    if filtered == _INVALID or (isinstance(filtered, str) and not filtered.strip()):
        return None
    is_whole = isinstance(filtered, str) and isinstance(text, str) and filtered.strip() == text.strip()
    return answer_in(text) if is_whole else filtered


def _verdicts(data: Mapping[str, Any], n: int, path: Path, reading: ReadOptions) -> dict[str, list[Any]]:
    """Return the metric of each sample, unless it is one of all repeats together."""
    listed = data.get("metrics")
    names = [str(name) for name in listed] if isinstance(listed, list) else []
    if reading.metric is not None:
        return {"correct": _named_metric(data, names, n, path, reading.metric)}
    for name in (*_METRICS, *names):
        found = _of_each(data.get(name), n)
        if found and all(_is_verdict(one) for one in found):
            return {"correct": found}
    return {}


def _named_metric(
    data: Mapping[str, Any], names: Sequence[str], n: int, path: Path, metric: str
) -> list[Any]:
    if metric not in data and metric not in names:
        raise UnknownName(f"metric in '{path.name}'", metric, names)
    found = data.get(metric)
    if found is None:
        return [None] * n
    if not (of_each := _of_each(found, n)):
        raise InputError(
            f"'{path}' has one {metric} for all {n} repeats of a document, which says nothing of each: "
            "leave --metric out, and they are graded here"
        )
    return of_each


def _of_each(value: Any, n: int) -> list[Any]:
    if isinstance(value, list):
        return value if len(value) == n else []
    return [value] if n == 1 and value is not None else []


def _is_verdict(value: Any) -> bool:
    try:
        return values.flag(value) is not None
    except ValueError:
        return False
