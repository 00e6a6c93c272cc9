"""Writes a sweep log: one process at a time, each record on disk as soon as it exists.

It goes on after `kill -9` too: a process appends to a shard of its own, so a line that a crash tore off
is never continued.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from tts_select.core.errors import InputError
from tts_select.training.log.codec import Record, decode, encode
from tts_select.training.log.gathering import Key, Records, key_of
from tts_select.training.log.manifest import differences, encode_manifest
from tts_select.training.log.parquet import is_compact, write_parquet
from tts_select.training.log.reading import (
    MANIFEST,
    SHARDS,
    read_log,
    read_manifest,
    read_records,
    shard_paths,
)
from tts_select.training.log.records import LoggedProblem, Manifest, SweepLog

_LOCK = ".lock"
_SYNC_SECONDS = 1.0
"""The most time between two syncs to disk. Flushed records survive the process; only a crash of the whole
machine loses those of this time."""


class Writer:
    """Holds the folder from `with` to its end; `in` tells whether a record of that key is there."""

    def __init__(self, folder: Path, manifest: Manifest, problems: Sequence[LoggedProblem]) -> None:
        self.folder = folder
        self.manifest, self._problems = manifest, problems
        self._records = Records(manifest)
        self._lock: BinaryIO | None = None
        self._shard: BinaryIO | None = None
        self._synced = 0.0

    def __enter__(self) -> Writer:
        """Raises:
        InputError: another process writes here, or the folder holds another sweep, a broken one or no sweep.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _check_own(self.folder)
            self._lock = _locked(self.folder)
        except OSError as error:
            raise InputError(f"cannot write into '{self.folder}': {error.strerror}; name a folder") from error
        try:
            self._begin()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def __contains__(self, key: Key) -> bool:
        return key in self._records.by_key

    @property
    def records(self) -> Records:
        """What is there."""
        return self._records

    def write(self, record: Record) -> None:
        """Append the record.

        Raises:
            ValueError: it is no record of this sweep, or it is there already.
        """
        line = json.dumps(encode(record)).encode() + b"\n"
        read = decode(json.loads(line))  # what could not be read is not written
        self._records.add(read, "this sweep")
        try:
            self._append(line)
        except BaseException:
            self._end_shard()  # half a line may be there: what follows goes into another shard
            self._records.drop(read)
            raise

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return all(key in self for key in self._records.expected())

    def finish(self) -> SweepLog:
        """Check that nothing is missing, and write the parquet files.

        Raises:
            InputError: records are missing.
        """
        self._end_shard()
        self._records = Records(self.manifest)  # what is on the disk is read again, and both are too much
        log = read_log(self.folder)
        write_parquet(self.folder, log)
        return log

    def _begin(self) -> None:
        wanted = encode_manifest(self.manifest, self._problems)
        if not (self.folder / MANIFEST).exists():
            write_whole(self.folder / MANIFEST, json.dumps(wanted, indent=1).encode() + b"\n")
        _, there = read_manifest(self.folder)
        if found := differences(there, wanted):
            raise InputError(
                f"'{self.folder}' holds another sweep: {'; '.join(found)}. "
                "Give the options that it was begun with, or another --out, with --reuse for what both have"
            )
        if is_compact(self.folder) and not shard_paths(self.folder):
            read_log(self.folder)  # a compact log that lacks records cannot be gone on with
        self._records = read_records(self.folder, self.manifest)
        for problem in self._problems:
            if key_of(problem) not in self:
                self.write(problem)

    def _append(self, line: bytes) -> None:
        if self._shard is None:
            self._shard = self._new_shard()
        self._shard.write(line)
        self._shard.flush()
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            self._sync()

    def _new_shard(self) -> BinaryIO:
        folder = self.folder / SHARDS
        folder.mkdir(exist_ok=True)
        last = max((int(path.stem) for path in shard_paths(self.folder) if path.stem.isdecimal()), default=0)
        return (folder / f"{last + 1:05}.jsonl").open("xb")

    def _sync(self) -> None:
        if self._shard is not None:
            os.fsync(self._shard.fileno())
            self._synced = time.monotonic()

    def _end_shard(self) -> None:
        if self._shard is not None:
            shard, self._shard = self._shard, None
            with shard:
                shard.flush()
                os.fsync(shard.fileno())

    def _close(self) -> None:
        try:
            self._end_shard()
        finally:
            if self._lock is not None:
                self._lock.close()


def _check_own(folder: Path) -> None:
    """Refuse a folder with other files, so that a sweep is never strewn among them."""
    own = (_LOCK, MANIFEST + ".partial")
    others = sorted(path.name for path in folder.iterdir() if path.name not in own)
    if others and MANIFEST not in others:
        raise InputError(f"'{folder}' holds other files ('{others[0]}') and no sweep: name another folder")


def _locked(folder: Path) -> BinaryIO:
    """Hold the lock on the folder; the system releases it when the process ends, in whatever way."""
    import fcntl

    stream = (folder / _LOCK).open("ab")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        raise InputError(
            f"another sweep is writing '{folder}': wait for its end, or name another --out"
        ) from error
    return stream


def write_whole(path: Path, content: bytes) -> None:
    """Write the file to disk in one piece, or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
