"""A sweep log on disk, read and checked: manifest.json with append-only shards, or with parquet files.

docs/sweep-log.md has the format; `writer.py` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from tts_select.core.errors import InputError
from tts_select.training.log.codec import Record, decode
from tts_select.training.log.manifest import (
    decode_manifest,
    digest_of,
    pool_size,
    pools_of,
    rounds,
    searches,
)
from tts_select.training.log.parquet import is_compact, read_parquet
from tts_select.training.log.records import LoggedProblem, Manifest, Pool, Run, SweepLog

MANIFEST = "manifest.json"
SHARDS = "shards"
GO_ON = "run the same sweep again to finish it"

Key = tuple[object, ...]
"""The subject of a record: two records with the same key are duplicates."""


def read_log(folder: Path, *, allow_partial: bool = False) -> SweepLog:
    """Read all of a log, checked; with `allow_partial` also one whose sweep has not ended.

    Raises:
        InputError: it is missing, malformed or of another schema, or records are missing.
    """
    manifest, encoded = read_manifest(folder)
    found = read_records(folder, manifest)
    if not allow_partial:
        _check_complete(folder, found, encoded["problems"])
    return found.log()


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


def read_records(folder: Path, manifest: Manifest) -> Records:
    """Read the records that are there, checked against the manifest and each other.

    Raises:
        InputError: one is malformed, twice there, or about something unknown.
    """
    found = Records(manifest)
    shards = shard_paths(folder)
    records = _shard_records(shards) if shards or not is_compact(folder) else read_parquet(folder)
    for where, data in records:
        try:
            found.add(decode(data, imported=manifest.imported is not None), where)
        except ValueError as error:
            raise InputError(f"{where}: {error}; take the record out, and {GO_ON}") from error
    found.check_problems_known()
    return found


def shard_paths(folder: Path) -> list[Path]:
    """Return the shards in the order in which they were written."""
    return sorted((folder / SHARDS).glob("*.jsonl"))


def key_of(record: Record) -> Key:
    """Return the key of a record."""
    if isinstance(record, LoggedProblem):
        return ("problem", record.id)
    if isinstance(record, Pool):
        return ("pool", record.problem, record.name)
    return ("run", record.problem, record.arm, record.seed)


@dataclass(slots=True)
class Records:
    """The records of a log, by their keys."""

    manifest: Manifest
    by_key: dict[Key, Record] = field(default_factory=dict)
    _where: dict[Key, str] = field(default_factory=dict)
    _seeds: dict[str, list[int]] = field(default_factory=dict)
    """The seeds of each search arm."""

    def __post_init__(self) -> None:
        for arm, seed in searches(self.manifest.arms, self.manifest.n_runs, self.manifest.seed):
            self._seeds.setdefault(arm.name, []).append(seed)

    def add(self, record: Record, where: str) -> None:
        """Raises:
        ValueError: it is there already, or it is nothing that the manifest asks for.
        """
        key = key_of(record)
        if key in self.by_key:
            raise ValueError(f"the record {_named(key)} was there before, in {self._where[key]}")
        if isinstance(record, Pool):
            _check_pool(record, self.manifest)
        elif isinstance(record, Run):
            _check_run(record, self._seeds)
        self.by_key[key], self._where[key] = record, where

    def check_problems_known(self) -> None:
        """Raises:
        InputError: a record is about a problem that is not in the log.
        """
        for key, where in self._where.items():
            if ("problem", key[1]) not in self.by_key:
                raise InputError(
                    f"{where}: the record {_named(key)} is about a problem that is not in the log; "
                    "take it out, or add the problem's record"
                )

    def expected(self) -> Iterator[Key]:
        """Yield the keys of what a whole log has of its problems, in their order."""
        ids = self.problems()
        yield from (("pool", id_, name) for name in pools_of(self.manifest.arms) for id_ in ids)
        runs = [(name, seed) for name, seeds in self._seeds.items() for seed in seeds]
        yield from (("run", id_, name, seed) for name, seed in runs for id_ in ids)

    def problems(self) -> dict[str, LoggedProblem]:
        """The problems by id."""
        return {r.id: r for r in self.by_key.values() if isinstance(r, LoggedProblem)}

    def log(self) -> SweepLog:
        """The log in the order of its manifest, whatever the order of its shards."""
        pools: dict[tuple[str, str], Pool] = {}
        runs: dict[tuple[str, str], tuple[Run, ...]] = {}
        for key in self.expected():
            record = self.by_key.get(key)
            if isinstance(record, Pool):
                pools[record.problem, record.name] = record
            elif isinstance(record, Run):
                of_arm = record.problem, record.arm
                runs[of_arm] = (*runs.get(of_arm, ()), record)
        return SweepLog(self.manifest, self.problems(), pools, runs)


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


def _check_pool(pool: Pool, manifest: Manifest) -> None:
    plans = pools_of(manifest.arms)
    _check_known("pool", pool.name, tuple(plans))
    n, known = pool_size(manifest, plans[pool.name]), plans[pool.name].prms
    if manifest.imported is not None:
        n = min(max(1, len(pool.samples)), n)  # as many as there were, but some
    if len(pool.samples) != n:
        raise ValueError(f"the pool has {len(pool.samples)} samples, not {n}")
    for prm in {*pool.prm_tokens, *(prm for sample in pool.samples for prm in sample.scores)}:
        _check_known("PRM", prm, known)
    for prm in known if manifest.imported is None else pool.prm_tokens:
        if tuple(sorted(pool.prm_tokens.get(prm, ()))) != rounds(n):
            raise ValueError(f"the prm_tokens of {prm} are not those of {rounds(n)} samples")


def _check_run(run: Run, seeds: dict[str, list[int]]) -> None:
    _check_known("search arm", run.arm, tuple(seeds))
    if run.seed not in seeds[run.arm]:
        raise ValueError(f"the run has the seed {run.seed}, not one of {seeds[run.arm]}")


def _check_known(kind: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ValueError(
            f"the {kind} '{name}' is not in the manifest, which has {', '.join(known) or 'none'}"
        )


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
            f"the first is {_named(missing[0])}: {GO_ON}"
        )
    if digest_of(found.problems().values()) != problems:
        raise InputError(f"the problems in '{folder}' are not those of its {MANIFEST}: copy the log again")


def _named(key: Key) -> str:
    return "(" + ", ".join(map(str, key)) + ")"
