"""JSONL, CSV and parquet with a sample in each row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError
from tts_select.core.problem import Problem
from tts_select.data.grading import extract_answer
from tts_select.data.problems.files import read_records
from tts_select.training.importing import values
from tts_select.training.importing.entries import Entry, Row
from tts_select.training.importing.field_map import FieldMap

TOLERANT = "surrogateescape"
"""Bytes that are no UTF-8 make a bad row, not a bad file: what is left of them can be stored nowhere."""
_LOOKED_AT = 100
"""So many records show which fields there are: not each has all of them."""
_SUFFIXES = {"jsonl": ".jsonl", "csv": ".csv", "parquet": ".parquet"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How the files are to be read."""

    format: str = "jsonl"
    fields: FieldMap = field(default_factory=FieldMap)
    model: str | None = None
    """Of rows that do not name theirs."""
    prm: str = "prm"
    """Whose the scores are."""
    no_answer: frozenset[str] = frozenset()
    """Texts that stand for no answer."""


def read_rows(path: Path, reading: Reading) -> Iterator[Row]:
    """Raises:
    InputError: the file cannot be read, or its first records lack what every sample needs.
    """
    records = read_records(path, _SUFFIXES[reading.format], errors=TOLERANT)
    first = list(itertools.islice(records, _LOOKED_AT))
    there = {name: None for record in first for name in record.data or ()}
    found = reading.fields.found_in(there)
    if there:
        _check(found, there, reading, path)
    for place, data, complaint in itertools.chain(first, records):
        if data is None:
            yield Row(place, None, complaint)
            continue
        try:
            yield Row(place, entry_of(data, found, reading))
        except ValueError as error:
            yield Row(place, None, str(error))


def entry_of(data: Mapping[str, Any], found: Mapping[str, str], reading: Reading) -> Entry:
    """The sample in a record whose fields are those in `found`.

    Raises:
        ValueError: a field is missing or malformed.
    """
    take = _Taking(data, found)
    text, question = take("text", values.text), take("problem", values.text) or ""
    answer = take("answer", lambda value: values.answer(value, reading.no_answer))
    if "answer" not in found and text:
        answer = extract_answer(text)
    id_ = take("id", values.text) or (Problem(question).id if question else None)
    model = take("model", values.text) or reading.model
    if id_ is None or model is None:
        raise ValueError(f"no {'id of its problem' if id_ is None else 'model'}")
    n_chars = take("chars", values.count)
    return Entry(
        id=id_,
        model=model,
        prompt=take("prompt", values.text),
        number=_number(take("run", values.text), take("sample", values.text)),
        text_hash=take("text_hash", values.text) or _same_text(text, reading),
        problem=question,
        gold=take("gold", values.answer),
        level=take("level", values.level),
        family=take("family", values.text),
        answer=answer,
        correct=take("correct", values.flag),
        n_tokens=take("tokens", values.count, needed=True),
        n_chars=len(text) if n_chars is None and text else n_chars,
        prompt_tokens=take("prompt_tokens", values.count),
        logprob=take("logprob", lambda value: None if value in (None, "") else values.number(value)),
        finish=take("finish", values.finish),
        text=text,
        scores=take("scores", lambda value: _scores(value, reading.prm)) or {},
        checkpoints=take("checkpoints", lambda value: values.answers(value, reading.no_answer)),
    )


def entry_of_parts(parts: Mapping[str, Any], data: Mapping[str, Any], reading: Reading) -> Entry:
    """The sample whose parts a format knows by their keys; --map takes others from `data`, or leaves one out.

    Raises:
        ValueError: a part is malformed, or what --map names is not there.
    """
    named = reading.fields.named
    found = {key: f"{key} of the sample" for key in parts if key not in named}
    found |= {key: name for key, name in named.items() if name}
    return entry_of({**data, **{f"{key} of the sample": part for key, part in parts.items()}}, found, reading)


class _Taking:
    def __init__(self, data: Mapping[str, Any], found: Mapping[str, str]) -> None:
        self._data, self._found = data, found

    def __call__(self, key: str, read: Any, *, needed: bool = False) -> Any:
        name = self._found.get(key)
        if name is None:
            return None
        try:
            value = read(self._data.get(name))  # JSON often leaves out what is null
        except ValueError as error:
            raise ValueError(f"the field '{name}' ({key}): {error}") from error
        if value is None and needed:
            raise ValueError(f"the field '{name}' ({key}) is empty")
        return value


def _number(run: str | None, sample: str | None) -> str | None:
    """A run alone tells no two samples apart."""
    return None if sample is None else f"{run or ''}/{sample}"


def _same_text(text: str | None, reading: Reading) -> str | None:
    """The text itself, unless --map says `text_hash=`: then the same text twice is two samples."""
    return None if "text_hash" in reading.fields.named else text


def _scores(value: Any, prm: str) -> dict[str, list[float]]:
    by_prm = value if isinstance(value, dict) else {prm: value}
    read = {name: values.step_scores(scores) for name, scores in by_prm.items()}
    return {name: scores for name, scores in read.items() if scores}


def _check(found: Mapping[str, str], data: Mapping[str, Any], reading: Reading, path: Path) -> None:
    there = ", ".join(map(str, data))
    for key, name in reading.fields.named.items():
        if name and name not in data:
            raise InputError(f"'{path}' has no field '{name}' for --map {key}=; its fields are {there}")
    if "id" not in found and "problem" not in found:
        raise InputError(
            f"no field of '{path}' is known to name its problem: add --map id=FIELD; it has {there}"
        )
    if "model" not in found and reading.model is None:
        raise InputError(
            f"no field of '{path}' is known to name the model: add --map model=FIELD, or --model NAME; "
            f"it has {there}"
        )
