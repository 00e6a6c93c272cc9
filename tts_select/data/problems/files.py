"""The records of a local file, one after the other, each with the place where it stands.

JSON lines, CSV and parquet are streamed, compressed or not; a JSON array is read whole.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from tts_select.core.errors import InputError

_BATCH_ROWS = 512
_MAX_FIELD_CHARS = 10_000_000
_BOM = "\ufeff"
_UNPACKERS: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
"""The unpackers by the first bytes of a file, which know better than its name."""
_PACKED_SUFFIXES = (".gz", ".bz2", ".xz")


class Record(NamedTuple):
    """`data` is what stands there; it is None where that is no record, and `complaint` says why."""

    place: str
    data: Mapping[str, Any] | None
    complaint: str = ""


def read_records(path: Path, suffix: str | None = None, *, errors: str = "strict") -> Iterator[Record]:
    """Read records as the file's suffix says, or as if it had another: .csv, .tsv, .parquet; JSON for all
    others.

    `errors` is what to do with bytes that are no UTF-8, as `open` has it.

    Raises:
        InputError: the file cannot be read, or is not what its suffix says.
    """
    read = _READERS.get((suffix or kind_suffix(path)).lower(), _json)
    try:
        yield from read(path, errors)
    except UnicodeDecodeError as error:
        raise InputError(f"'{path}' is not UTF-8 text: save it as UTF-8") from error
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise InputError(f"cannot unpack '{path}': {error}; is it cut short?") from error
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror or error}") from error


def plain_name(path: Path) -> str:
    """The file's name without the suffix of a compression."""
    return path.stem if path.suffix.lower() in _PACKED_SUFFIXES else path.name


def kind_suffix(path: Path) -> str:
    """The suffix that says what a file is: `.csv` for `a.csv` and `a.csv.gz`."""
    return Path(plain_name(path)).suffix


@contextmanager
def _text(path: Path, errors: str, newline: str | None = None) -> Iterator[TextIO]:
    """The text of a file, unpacked; it is opened once, so a pipe will do."""
    with path.open("rb") as file:
        head = file.peek(max(map(len, _UNPACKERS)))
        unpack = next((unpack for magic, unpack in _UNPACKERS.items() if head.startswith(magic)), None)
        source = file if unpack is None else unpack(file)
        with io.TextIOWrapper(source, encoding="utf-8-sig", errors=errors, newline=newline) as text:
            yield text


def _json(path: Path, errors: str) -> Iterator[Record]:
    """Yield records from one object a line, an array of objects, or an object: a record, or one that holds
    an array of records."""
    with _text(path, errors) as file:
        head = list(_head(file))
        first = head[-1].strip() if head else ""
        if not (first.startswith("[") or first == "{" or kind_suffix(path).lower() == ".json"):
            yield from _lines(chain(head, file))
            return
        text = "".join(chain(head, file))
    whole = _loaded(text)
    if isinstance(whole, list | dict):
        yield from (_checked(f"record {k}", data) for k, data in enumerate(_held(whole), start=1))
    elif first.startswith("[") and _loaded(first) is None:
        raise InputError(f"'{path}' begins as a JSON array and does not end as one: is it cut short?")
    else:
        yield from _lines(io.StringIO(text))


def _head(file: TextIO) -> Iterator[str]:
    """Yield the lines up to the first that is not blank."""
    for line in iter(file.readline, ""):
        yield line
        if line.strip():
            return


def _loaded(text: str) -> Any:
    """Return what is written in JSON, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _held(whole: list[Any] | dict[str, Any]) -> list[Any]:
    """The records of an array, of the one array of records in an object, or the object itself."""
    if isinstance(whole, list):
        return whole
    arrays = [v for v in whole.values() if isinstance(v, list) and v and all(isinstance(x, dict) for x in v)]
    return arrays[0] if len(arrays) == 1 else [whole]


def _lines(lines: Iterable[str]) -> Iterator[Record]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _decoded(f"line {number}", line.lstrip(_BOM))  # joined files have one in the middle


def _decoded(place: str, line: str) -> Record:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Record(place, None, f"not JSON ({error})")
    return _checked(place, data)


def _checked(place: str, data: Any) -> Record:
    return Record(place, data) if isinstance(data, dict) else Record(place, None, "not an object with fields")


def _csv(path: Path, errors: str) -> Iterator[Record]:
    csv.field_size_limit(_MAX_FIELD_CHARS)
    with _text(path, errors, newline="") as file:
        rows = csv.DictReader(
            file, delimiter="\t" if kind_suffix(path).lower() == ".tsv" else ",", strict=True
        )
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
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
}
