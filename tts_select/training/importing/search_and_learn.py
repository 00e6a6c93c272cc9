"""`best_of_n_completions.jsonl` of search-and-learn: a problem a line, with samples and step scores.

Of a line are read `completions`, `scores` (for each completion one a step, or one alone),
`completion_tokens`, and the problem's own fields: `problem`, `answer`, `unique_id`, `level`, `subject`
(https://github.com/huggingface/search-and-learn).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError
from tts_select.data.problems.fields import ID_NAMES, is_unknown
from tts_select.data.problems.files import read_records
from tts_select.training.importing import nested
from tts_select.training.importing.entries import Entry, Row
from tts_select.training.importing.generic import TOLERANT, ReadOptions, entry_of_parts

_SEARCHES = ("beam_search", "dvts", "diverse_verifier")


def read_rows(path: Path, reading: ReadOptions) -> Iterator[Row]:
    """Yield one sample for each completion.

    Raises:
        InputError: it is the output of a search, whose completions are no independent samples; or the model
            is not known.
    """
    if any(name in path.name for name in _SEARCHES):
        raise InputError(
            f"'{path}' holds the beams of a search, which are no independent samples: import best_of_n"
        )
    if reading.model is None and not reading.fields.is_named("model"):
        raise InputError(f"'{path}' does not name its model: add --model NAME")
    for place, data, complaint in read_records(path, errors=TOLERANT):
        if data is None:
            yield Row(place, None, complaint)
        elif not isinstance(data.get("completions"), list):
            yield Row(place, None, "no list 'completions'")
        else:
            yield from _rows(place, data, path, reading)


def _rows(place: str, data: Mapping[str, Any], path: Path, reading: ReadOptions) -> Iterator[Row]:
    about = _about(data)

    def read(k: int, each: dict[str, Any]) -> Entry:
        text = each["completions"]
        parts = {**about, "text": text, "sample": f"{path}:{k}", "text_hash": f"{k}:{text}"}
        parts |= {"scores": _steps(each["scores"])} if "scores" in each else {}
        parts |= {"tokens": each["completion_tokens"]} if "completion_tokens" in each else {}
        return entry_of_parts(parts, data, reading)

    lists = {"completions": data["completions"]}
    for name in ("scores", "completion_tokens"):
        found = data.get(name)
        if not is_unknown(found):
            lists[name] = found if isinstance(found, list) else []
    return nested.rows_of(place, lists, read)


def _about(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what all samples of a line share."""
    id_ = next((data[name] for name in ID_NAMES if name in data), None)
    known = {"problem": data.get("problem"), "gold": data.get("answer"), "id": id_}
    return {**known, "level": data.get("level"), "family": data.get("subject")}


def _steps(score: Any) -> Any:
    """Return a score for each step; a score of the whole counts as one of a single step."""
    return [score] if isinstance(score, int | float) else score
