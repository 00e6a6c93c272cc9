"""A sweep log on disk, read and checked: manifest.json with append-only shards, or with parquet files.

docs/sweep-log.md has the format; `writer.py` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tts_select.core.errors import InputError
from tts_select.training.log.codec import Record, decode
from tts_select.training.log.gathering import Records, named
from tts_select.training.log.manifest import decode_manifest, digest_of
from tts_select.training.log.parquet import is_compact, read_parquet
from tts_select.training.log.records import Manifest, SweepLog
from tts_select.training.log.wordless import without_words

MANIFEST = "manifest.json"
SHARDS = "shards"
GO_ON = "run the same sweep again to finish it"


def read_log(folder: Path, *, allow_partial: bool = False, words: bool = True) -> SweepLog:
    """Read all of a log, checked; with `allow_partial` also one whose sweep has not ended. Without `words` a
    sample's text has no more than its steps, which is all that a replay asks of it.

    Raises:
        InputError: it is missing, malformed or of another schema, or records are missing.
    """
    manifest, encoded = read_manifest(folder)
    found = read_records(folder, manifest, words=words)
    if not allow_partial:
        _check_complete(folder, found, encoded["problems"])
    return found.into_log()


def read_manifest(folder: Path) -> tuple[Manifest, dict[str, Any]]:
    """Return the manifest, and the JSON object that it was read from.

    Raises:
        InputError: it is missing, malformed or of another schema.
    """
    path = folder / MANIFEST
    try:
        data = json.loads(path.read_bytes())
        return decode_manifest(data), data
    except OSError as error:
        hint = f"`tts-select sweep --out {folder}` writes one"
        raise InputError(
            f"no sweep log in '{folder}': cannot read '{path}': {error.strerror}; {hint}"
        ) from error
    except ValueError as error:
        raise InputError(f"'{path}' is no manifest of a sweep log: {error}") from error


def read_records(folder: Path, manifest: Manifest, *, words: bool = True) -> Records:
    """Read the records that are there, checked against the manifest and each other; without `words`, as
    `read_log` does.

    Raises:
        InputError: one is malformed, twice there, or about something unknown.
    """
    found = Records(manifest)
    for where, record in each_record(folder, manifest):
        try:
            found.add(record if words else without_words(record), where)
        except ValueError as error:
            raise InputError(f"{where}: {error}; take the record out, and {GO_ON}") from error
    found.check_problems_known()
    return found


def each_record(folder: Path, manifest: Manifest) -> Iterator[tuple[str, Record]]:
    """Yield (place, record) for each line that is there, as it comes; a line that a crash tore off is none.

    Raises:
        InputError: one is malformed.
    """
    shards = shard_paths(folder)
    for where, data in _shard_records(shards) if shards or not is_compact(folder) else read_parquet(folder):
        try:
            record = decode(data, imported=manifest.imported is not None)
        except ValueError as error:
            raise InputError(f"{where}: {error}; take the record out, and {GO_ON}") from error
        yield where, record


def shard_paths(folder: Path) -> list[Path]:
    """Return the shards in the order in which they were written."""
    return sorted((folder / SHARDS).glob("*.jsonl"))


def _shard_records(shards: list[Path]) -> Iterator[tuple[str, Any]]:
    for shard in shards:
        try:
            with shard.open("rb") as stream:
                yield from _lines(shard, stream)
        except OSError as error:
            raise InputError(f"cannot read '{shard}': {error.strerror}") from error


def _lines(shard: Path, stream: BinaryIO) -> Iterator[tuple[str, Any]]:
    """Yield the lines of a shard. A last line that a crash tore off is skipped; anywhere else it is an
    error."""
    for number, line in enumerate(stream, start=1):
        if not line.endswith(b"\n"):
            return
        where = f"{shard}, line {number}"
        try:
            data = json.loads(line)
        except ValueError as error:
            if not stream.read(1):
                return
            raise InputError(f"{where}: not JSON ({error}); take the line out, and {GO_ON}") from error
        yield where, data


def _check_complete(folder: Path, found: Records, problems: dict[str, Any]) -> None:
    lacking = problems["count"] - len(found.problems())
    if lacking > 0:
        raise InputError(f"the sweep log '{folder}' is incomplete: {lacking:,} problems are missing: {GO_ON}")
    if (imported := found.manifest.imported) is not None:
        n_pools = len(found.by_key) - len(found.problems())
        if n_pools != imported.n_pools:
            raise InputError(
                f"the imported log '{folder}' has {n_pools:,} pools, not {imported.n_pools:,}: "
                "import it again"
            )
    elif missing := [key for key in found.expected() if key not in found.by_key]:
        raise InputError(
            f"the sweep log '{folder}' is incomplete: {len(missing):,} records are missing, "
            f"the first is {named(missing[0])}: {GO_ON}"
        )
    if digest_of(found.problems().values()) != problems:
        raise InputError(f"the problems in '{folder}' are not those of its {MANIFEST}: copy the log again")
