"""`samples_TASK_DATE.jsonl` of lm-evaluation-harness (`--log_samples`): one line a document and filter.

Of a line are read `doc_id`, `doc`, `target`, `filter`, `metrics`, `resps` (for each request a list of what
was written, one a repeat) and `filtered_resps` (https://github.com/EleutherAI/lm-evaluation-harness).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tts_select.data.problems.fields import PROBLEM_NAMES
from tts_select.data.problems.files import read_records
from tts_select.training.importing.entries import Row
from tts_select.training.importing.generic import TOLERANT, Reading, entry_of_parts

_FILE = re.compile(r"samples_(?P<task>.+?)_\d{4}-\d{2}-\d{2}T.*")
_METRICS = ("exact_match", "acc")
_INVALID = "[invalid]"
"""What its filters give where they find no answer."""


def read_rows(path: Path, reading: Reading) -> Iterator[Row]:
    """One sample for each repeat. A file with several filters has every sample once for each: the first
    filter counts, and `--map answer=,correct=` leaves both to our own grading."""
    found = _FILE.fullmatch(path.stem)
    task = found["task"] if found else path.stem
    model = reading.model or path.parent.name.replace("__", "/")  # the folder's name is the model's
    first_filter: Any = None
    for place, data, complaint in read_records(path, ".jsonl", errors=TOLERANT):
        if data is None:
            yield Row(place, None, complaint)
            continue
        first_filter = first_filter or data.get("filter", "none")
        if data.get("filter", "none") != first_filter:
            continue
        try:
            doc = data["doc"] if isinstance(data.get("doc"), dict) else {}
            for parts in _samples(data, {**_about(data, doc, task), "model": model}, path):
                yield Row(place, entry_of_parts(parts, {**data, **doc}, reading))
        except ValueError as error:
            yield Row(place, None, str(error))


def _samples(data: Mapping[str, Any], about: Mapping[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    """The parts of each."""
    texts, answers = _texts(data), _answers(data)
    right = _right(data) if len(texts) == 1 else None  # a metric is of all repeats together
    for k, text in enumerate(texts):
        parts = {**about, "sample": f"{path}:{k}", "text": text, "text_hash": f"{k}:{text}"}
        if right is not None:
            parts["correct"] = right
        if len(answers) == len(texts):
            parts["answer"] = None if answers[k] == _INVALID else answers[k]
        yield parts


def _about(data: Mapping[str, Any], doc: Mapping[str, Any], task: str) -> dict[str, Any]:
    """The document."""
    question = next((doc[name] for name in PROBLEM_NAMES if isinstance(doc.get(name), str)), None)
    known = {"level": doc.get("level"), "family": doc.get("subject")}
    return {"id": f"{task}/{data.get('doc_id')}", "gold": data.get("target"), "problem": question, **known}


def _texts(data: Mapping[str, Any]) -> list[str]:
    resps = data.get("resps")
    if not isinstance(resps, list) or not resps or not isinstance(resps[0], list):
        raise ValueError("no list 'resps' of what the model wrote")
    if len(resps) > 1 or not all(isinstance(text, str) for text in resps[0]):
        raise ValueError("a multiple-choice document: its options were scored, and nothing was sampled")
    return resps[0]


def _answers(data: Mapping[str, Any]) -> list[Any]:
    filtered = data.get("filtered_resps")
    if not isinstance(filtered, list) or not filtered:
        return []
    return filtered[0] if isinstance(filtered[0], list) else filtered


def _right(data: Mapping[str, Any]) -> Any:
    metrics = data.get("metrics")
    names = [*_METRICS, *(metrics if isinstance(metrics, list) else [])]
    return next((data[name] for name in names if name in data), None)
