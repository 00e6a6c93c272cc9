"""The files of Inspect: `.eval`, a zip archive with a JSON file a sample, or all of a log in one `.json`.

inspect_ai is not needed. It compresses archives with Zstandard, which `zipfile` knows only since Python 3.14,
and pyarrow always. The format is described at https://inspect.aisi.org.uk/eval-logs.html.
"""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError
from tts_select.data.problems.files import Record

_ZSTANDARD = 93
"""The number of the method in the zip format."""
_HEADERS = ("header.json", "_journal/start.json")
"""The first is there when an evaluation has ended, the second when it has begun."""
_REASON_CHARS = 200


def read_log(path: Path) -> Iterator[tuple[Mapping[str, Any], Record]]:
    """Return (what is said of the evaluation, sample) for each sample of a log.

    Raises:
        InputError: it is no log of Inspect that can be read.
    """
    try:
        if zipfile.is_zipfile(path):
            yield from _archived(path)
        else:
            yield from _whole(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:  # what is no log is all of these
        reason = " ".join(str(error).split())[:_REASON_CHARS]
        raise InputError(f"'{path}' is no Inspect log that can be read: {reason}") from error


def _archived(path: Path) -> Iterator[tuple[Mapping[str, Any], Record]]:
    with zipfile.ZipFile(path) as archive:
        names = dict.fromkeys(archive.namelist())  # of two with a name the later one counts
        header = next((name for name in _HEADERS if name in names), None)
        if header is None:
            raise ValueError("it has no header.json")
        about = _evaluation(json.loads(_content(archive, header)))
        for name in names:
            if name.startswith("samples/") and name.endswith(".json"):
                yield about, _decoded(name, _content(archive, name))


def _content(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.compress_type != _ZSTANDARD:
        return archive.read(info)
    import pyarrow as pa

    packed = copy.copy(info)  # its bytes as they are
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, info.compress_size
    packed.CRC = None  # type: ignore[assignment]  # that of the content, which zipfile then leaves out
    content: bytes = pa.decompress(archive.read(packed), info.file_size, "zstd", asbytes=True)
    return content


def _decoded(name: str, content: bytes) -> Record:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        return Record(name, None, f"not JSON ({error})")
    return _sample(name, data)


def _whole(path: Path) -> Iterator[tuple[Mapping[str, Any], Record]]:
    log = json.loads(path.read_bytes())
    about = _evaluation(log)
    for k, data in enumerate(log.get("samples") or (), start=1):
        yield about, _sample(f"sample {k}", data)


def _evaluation(log: Any) -> Mapping[str, Any]:
    about = log.get("eval") if isinstance(log, dict) else None
    if not isinstance(about, dict) or not all(isinstance(about.get(key), str) for key in ("task", "model")):
        raise ValueError("it names no task and model")
    return about


def _sample(place: str, data: Any) -> Record:
    if not isinstance(data, dict) or data.get("id") is None:
        return Record(place, None, "not a sample with an id")
    return Record(f"sample {data['id']}, epoch {data.get('epoch', 1)}", data)
