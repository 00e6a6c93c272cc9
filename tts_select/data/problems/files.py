"""The records of a local file, one after the other, each with the place where it stands.

JSONL, CSV and parquet are streamed; a JSON array is read whole.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tts_select.core.errors import InputError

_BATCH_ROWS = 512
_MAX_FIELD_CHARS = 10_000_000


class Record(NamedTuple):
    """`data` is what stands there; it is None where that is no record, and `complaint` says why."""

    place: str
    data: Mapping[str, Any] | None
    complaint: str = ""


def read_records(path: Path, suffix: str | None = None, *, errors: str = "strict") -> Iterator[Record]:
    """By the file's suffix, or as if it had another: .csv, .tsv, .parquet, .json; JSON lines for all others.

    `errors` is what to do with bytes that are no UTF-8, as `open` has it.

    Raises:
        InputError: the file cannot be read, or is not what its suffix says.
    """
    read = _READERS.get((suffix or path.suffix).lower(), _json_lines)
    try:
        yield from read(path, errors)
    except UnicodeDecodeError as error:
        raise InputError(f"'{path}' is not UTF-8 text: save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror or error}") from error


def _json_lines(path: Path, errors: str) -> Iterator[Record]:
    with path.open(encoding="utf-8-sig", errors=errors) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _decoded(f"line {number}", line)


def _decoded(place: str, line: str) -> Record:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Record(place, None, f"not JSON ({error})")
    return _checked(place, data)


def _checked(place: str, data: Any) -> Record:
    return Record(place, data) if isinstance(data, dict) else Record(place, None, "not an object with fields")


def _json(path: Path, errors: str) -> Iterator[Record]:
    """An array of objects, or an object with one array in it; else lines."""
    with path.open(encoding="utf-8-sig", errors=errors) as file:
        try:
            whole = json.load(file)
        except (ValueError, RecursionError):
            whole = None
    if isinstance(whole, dict):
        arrays = [value for value in whole.values() if isinstance(value, list)]
        whole = arrays[0] if len(arrays) == 1 else None
    if isinstance(whole, list):
        yield from (_checked(f"record {k}", data) for k, data in enumerate(whole, start=1))
    else:
        yield from _json_lines(path, errors)


def _csv(path: Path, errors: str) -> Iterator[Record]:
    csv.field_size_limit(_MAX_FIELD_CHARS)
    with path.open(encoding="utf-8-sig", errors=errors, newline="") as file:
        rows = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
        try:
            for row in rows:
                place = f"line {rows.line_num}"
                if None in row or None in row.values():
                    yield Record(place, None, f"not {len(rows.fieldnames or [])} fields, as the header has")
                else:
                    yield Record(place, row)
        except csv.Error as error:
            raise InputError(f"'{path}', after line {rows.line_num}: not CSV ({error})") from error


def _parquet(path: Path, _errors: str) -> Iterator[Record]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            rows = (row for batch in file.iter_batches(_BATCH_ROWS) for row in batch.to_pylist())
            yield from (Record(f"row {k}", row) for k, row in enumerate(rows, start=1))
    except pyarrow.ArrowException as error:
        raise InputError(f"'{path}' is not a parquet file that can be read ({error})") from error


_READERS: dict[str, Callable[[Path, str], Iterator[Record]]] = {
    ".json": _json,
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
}
