"""`best_of_n_completions.jsonl` of search-and-learn: a problem a line, with samples and step scores.

Of a line are read `completions`, `scores` (for each completion one a step), `completion_tokens`, and the
problem's own fields: `problem`, `answer`, `unique_id`, `level`, `subject`
(https://github.com/huggingface/search-and-learn).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError
from tts_select.data.problems.fields import ID_NAMES
from tts_select.data.problems.files import read_records
from tts_select.training.importing.entries import Row
from tts_select.training.importing.generic import TOLERANT, Reading, entry_of_parts

_SEARCHES = ("beam_search", "dvts", "diverse_verifier")


def read_rows(path: Path, reading: Reading) -> Iterator[Row]:
    """One sample for each completion.

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
            continue
        try:
            for parts in _samples(data, path):
                yield Row(place, entry_of_parts(parts, data, reading))
        except ValueError as error:
            yield Row(place, None, str(error))


def _samples(data: Mapping[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    """The parts of each."""
    completions = _listed(data, "completions", None)
    scores = _listed(data, "scores", len(completions))
    tokens = _listed(data, "completion_tokens", len(completions))
    ids = (data[name] for name in ID_NAMES if name in data)
    known = {"problem": data.get("problem"), "gold": data.get("answer"), "id": next(ids, None)}
    about = {**known, "level": data.get("level"), "family": data.get("subject")}
    for k, text in enumerate(completions):
        parts = {**about, "text": text, "sample": f"{path}:{k}", "text_hash": f"{k}:{text}"}
        parts |= {"scores": scores[k]} if scores else {}
        yield parts | ({"tokens": tokens[k]} if tokens else {})


def _listed(data: Mapping[str, Any], name: str, n: int | None) -> list[Any]:
    """An empty list where it is missing, unless it must be there."""
    found = data.get(name)
    if found is None and n is not None:
        return []
    if not isinstance(found, list) or (n is not None and len(found) != n):
        raise ValueError(f"no list '{name}'" + ("" if n is None else f" of {n}, one a completion"))
    return found
