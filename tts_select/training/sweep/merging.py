"""Unites the logs of shards: each unit once, whichever of them have it, in whatever order they come.

All shards of a sweep have the same manifest, so that a record's key in the log stands for the id of its unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError
from tts_select.training.log.codec import Record
from tts_select.training.log.gathering import Records, key_of, named
from tts_select.training.log.manifest import differences, digest_of
from tts_select.training.log.reading import MANIFEST, each_record, read_manifest
from tts_select.training.log.records import LoggedProblem, Manifest, Run, SweepLog
from tts_select.training.log.writer import Writer
from tts_select.training.sweep.narrowing import whole_part
from tts_select.training.sweep.stages import stages
from tts_select.training.sweep.units import Unit, units_of


@dataclass(slots=True)
class Merged:
    """What became of the records."""

    n_units: int = 0
    """The units of the whole sweep."""
    n_new: int = 0
    """The records that were taken."""
    n_duplicates: int = 0
    """Those that were there before, with the same content."""
    conflicts: list[str] = field(default_factory=list)
    """Those that were there before with another content, and were passed over: where each is, and what."""
    missing: list[Unit] = field(default_factory=list)
    """The units that no shard has."""
    log: SweepLog | None = None
    """The log, if nothing is missing."""


def shard_folders(paths: Sequence[Path]) -> list[Path]:
    """The folders of logs: these, and those in them.

    Raises:
        InputError: a folder neither is a log nor has some.
    """
    found: dict[Path, None] = {}
    for path in paths:
        logs = [path / MANIFEST] if (path / MANIFEST).exists() else []
        logs += sorted(path.glob(f"*/{MANIFEST}"))
        if not logs:
            raise InputError(f"'{path}' is no sweep log, and has none in it: name the folders of the shards")
        found |= dict.fromkeys(log.parent for log in logs)
    return list(found)


def merge(folders: Sequence[Path], out: Path) -> Merged:
    """Write what the logs in `folders` have into the one in `out`, which keeps what it has. Of records of the
    same unit the first one counts.

    Raises:
        InputError: they are not of one sweep, one is malformed, or `out` holds something else.
    """
    merged, found = _united(folders, out)
    problems = list(found.problems().values())
    with Writer(out, found.manifest, problems) as log:
        merged.n_new = _write(log, _taken_out(found))
        units = list(units_of(found.manifest, problems))
        merged.n_units = len(units)
        merged.missing = [unit for unit in units if unit.key not in log]
        if not merged.missing:
            merged.log = log.finish()
    return merged


def merge_whole_part(folders: Sequence[Path], out: Path) -> Merged:
    """Write the part of the logs in `folders` that is whole into `out`, as a log of a smaller sweep.

    Raises:
        InputError: as in `merge`, or no part is whole.
    """
    merged, found = _united(folders, None)
    part = whole_part(found)
    with Writer(out, part.manifest, part.problems) as log:
        merged.n_new = _write(log, part.records)
        merged.n_units = len(part.records)
        merged.log = log.finish()
    return merged


def _united(folders: Sequence[Path], out: Path | None) -> tuple[Merged, Records]:
    others = [folder for folder in folders if out is None or folder.resolve() != out.resolve()]
    sources = [*([out] if out is not None and (out / MANIFEST).exists() else []), *others]
    manifest, digest = _common_manifest(sources)
    merged, found = Merged(), Records(manifest)
    for folder in sources:
        for where, record in each_record(folder, manifest):
            for part in _parts(found, record, where):
                _take(part, where, found, merged)
    if digest_of(found.problems().values()) != digest:
        raise InputError(
            "the shards do not have all problems of their sweep yet, or others: let one of them run longer"
        )
    found.check_problems_known()
    return merged, found


def _taken_out(found: Records) -> Iterator[Record]:
    """Yield the records, each of which is gone then: the log holds them as well."""
    for key in list(found.by_key):
        yield found.by_key.pop(key)


def _write(log: Writer, records: Iterable[Record]) -> int:
    """Write what is not there, and return how many records that was, problems aside."""
    n = 0
    for record in records:
        if key_of(record) not in log:
            log.write(record)
            n += 1
    return n


def _common_manifest(folders: Sequence[Path]) -> tuple[Manifest, dict[str, Any]]:
    """The manifest of all of them, and the digest of their problems."""
    if not folders:
        raise InputError("there is nothing to merge: name the folders of the shards")
    manifest, first = read_manifest(folders[0])
    if manifest.imported is not None:
        raise InputError(f"'{folders[0]}' is an imported log, which has no units: import its files together")
    for folder in folders[1:]:
        if found := differences(read_manifest(folder)[1], first):
            raise InputError(
                f"'{folder}' is of another sweep than '{folders[0]}': {'; '.join(found)}. "
                "Merge the shards of one sweep"
            )
    return manifest, first["problems"]


def _parts(found: Records, record: Record, where: str) -> list[Record]:
    try:
        return found.parts(record)
    except ValueError as error:
        raise InputError(f"{where}: {error}; take the record out, and merge again") from error


def _take(record: Record, where: str, found: Records, merged: Merged) -> None:
    key = key_of(record)
    there = found.by_key.get(key)
    if there is None:
        found.add(record, where)
    elif isinstance(record, LoggedProblem):  # each shard has all of them
        return
    elif _untimed(there) == _untimed(record):
        merged.n_duplicates += 1
    else:
        merged.conflicts.append(f"{where}: {named(key)}")


def _untimed(record: Record) -> Record:
    """The record without its seconds, which differ whenever a unit is run."""
    return replace(record, cost=replace(record.cost, seconds=0.0)) if isinstance(record, Run) else record


def missing_by_name(merged: Merged) -> Iterator[tuple[str, int]]:
    """Yield what is missing: the name of a pool's samples, scores or a search, and of how many problems."""
    yield from ((stage.name, len(stage.units)) for stage in stages(merged.missing))
