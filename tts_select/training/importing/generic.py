"""JSONL, CSV and parquet with a sample, or lists of samples, in each row."""

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
from tts_select.training.importing import nested, values
from tts_select.training.importing.entries import Entry, Row
from tts_select.training.importing.field_map import FieldMap

TOLERANT = "surrogateescape"
"""Bytes that are not UTF-8 make a bad row, not a bad file: what is left of them cannot be stored anywhere."""
_LOOKED_AT = 100
"""The number of records that are read to see which fields there are: not every record has all of them."""
_PART = "{} of the sample"
"""The field that a part is given, beside those of its record."""
_SUFFIXES = {"jsonl": ".jsonl", "csv": ".csv", "parquet": ".parquet"}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """The options for reading the files of a log."""

    format: str = "jsonl"
    fields: FieldMap = field(default_factory=FieldMap)
    model: str | None = None
    """The model of rows that do not name theirs."""
    prm: str = "prm"
    """The PRM that the scores are of."""
    no_answer: frozenset[str] = frozenset()
    """Texts that stand for no answer."""
    filter: str | None = None
    """The filter of lm-evaluation-harness that counts; None: the first of a file."""
    metric: str | None = None
    """The metric, or scorer, that decides; None: as the format has it."""


def read_rows(path: Path, reading: ReadOptions) -> Iterator[Row]:
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
        else:
            yield from _rows(place, data, found, reading)


def _rows(
    place: str, data: Mapping[str, Any], found: Mapping[str, str], reading: ReadOptions
) -> Iterator[Row]:
    lists = nested.lists_in(data, found, cells=reading.format == "csv")
    if lists:
        own = nested.fields_of_each(found, lists, reading.fields)

        def read(k: int, each: dict[str, Any]) -> Entry:
            return entry_of(nested.sample_of(data, k, each, found), own, reading)

        yield from nested.rows_of(place, lists, read)
        return
    try:
        yield Row(place, entry_of(data, found, reading))
    except ValueError as error:
        yield Row(place, None, str(error))


def entry_of(data: Mapping[str, Any], found: Mapping[str, str], reading: ReadOptions) -> Entry:
    """The sample in a record whose fields are those in `found`.

    Raises:
        ValueError: a field is missing or malformed.
    """
    take = _Fields(data, found)
    question = take("problem", values.text) or ""
    answer, text = _said(take, found, reading)
    id_ = take("id", values.text) or (Problem(question).id if question else None)
    model = take("model", values.text) or reading.model
    if id_ is None or model is None:
        raise ValueError(f"no {'id of its problem' if id_ is None else 'model'}")
    n_tokens, n_chars = take("tokens", values.count), take("chars", values.count)
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
        n_tokens=0 if n_tokens is None and text == "" else n_tokens,
        n_chars=len(text) if n_chars is None and text is not None else n_chars,
        prompt_tokens=take("prompt_tokens", values.count),
        logprob=take("logprob", values.real),
        certainty=take("certainty", values.real),
        finish=take("finish", values.finish),
        text=text,
        scores=take("scores", lambda value: _scores(value, reading.prm)) or {},
    )


def entry_of_parts(parts: Mapping[str, Any], data: Mapping[str, Any], reading: ReadOptions) -> Entry:
    """The sample whose parts a format knows by their keys; --map takes others from `data`, or leaves one out.

    Raises:
        ValueError: a part is malformed, or what --map names is not there.
    """
    named = reading.fields.named
    found = {key: _PART.format(key) for key in parts if key not in named}
    found |= {key: name for key, name in named.items() if name}
    return entry_of({**data, **{_PART.format(key): part for key, part in parts.items()}}, found, reading)


class _Fields:
    """The values of one record, by key."""

    def __init__(self, data: Mapping[str, Any], found: Mapping[str, str]) -> None:
        self._data, self._found = data, found

    def __call__(self, key: str, read: Any) -> Any:
        name = self._found.get(key)
        if name is None:
            return None
        try:
            return read(self._data.get(name))  # JSON often leaves out what is null
        except ValueError as error:
            where = f"its {key}" if name == _PART.format(key) else f"the field '{name}' ({key})"
            raise ValueError(f"{where}: {error}") from error


def _said(take: _Fields, found: Mapping[str, str], reading: ReadOptions) -> tuple[str | None, str | None]:
    """Return (final answer, text). With neither the model wrote nothing; beside an answer the text is not
    known."""
    text = take("text", values.response)
    answer = take("answer", lambda value: values.answer(value, reading.no_answer))
    if "answer" not in found and text:
        answer = values.answer(extract_answer(text), reading.no_answer)
    if "text" not in found:
        return answer, None
    return answer, text or (None if answer is not None else "")


def _number(run: str | None, sample: str | None) -> str | None:
    """Return the number of a sample; a run alone does not tell two samples apart."""
    return None if sample is None else f"{run or ''}/{sample}"


def _same_text(text: str | None, reading: ReadOptions) -> str | None:
    """The text itself, unless --map says `text_hash=`: then the same text twice is two samples."""
    return None if "text_hash" in reading.fields.named else text or None


def _scores(value: Any, prm: str) -> dict[str, list[float]]:
    by_prm = value if isinstance(value, dict) else {prm: value}
    read = {name: values.step_scores(scores) for name, scores in by_prm.items()}
    return {name: scores for name, scores in read.items() if scores}


def _check(found: Mapping[str, str], data: Mapping[str, Any], reading: ReadOptions, path: Path) -> None:
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
