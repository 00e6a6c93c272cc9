"""A whole sweep log as three parquet files, for everyone's tools, and back to the records of its shards.

Lists of structs stand for maps: `datasets` loads no Arrow map.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError
from tts_select.training.log.codec import COST_FIELDS
from tts_select.training.log.records import LoggedProblem, Pool, Run, SweepLog

TABLES = ("problems", "pools", "runs")
_ROWS = 4096
_CHARS = 4_000_000
"""The rows, and the characters of solutions, that are written at a time."""
_POOL_KEY = ("problem", "policy", "temperature")
_PoolKey = tuple[Any, ...]
_OWN = ("answer", "correct", "n_tokens", "logprob", "certainty", "finish", "text")
"""The columns that are fields of a sample too."""
_LATER = ("certainty",)
"""Columns that earlier versions did not write."""


def is_compact(folder: Path) -> bool:
    """Return whether all the parquet files are there."""
    return all(_path(folder, name).is_file() for name in TABLES)


def write_parquet(folder: Path, log: SweepLog) -> None:
    """Write the log as parquet files, each of which appears whole or not at all."""
    runs = (run for found in log.runs.values() for run in found)
    write_tables(folder, log.problems.values(), log.pools.values(), runs)


def write_tables(
    folder: Path,
    problems: Iterable[LoggedProblem],
    pools: Iterable[Pool],
    runs: Iterable[Run] = (),
) -> None:
    """Write a log's records one after the other, holding only some rows in memory."""
    rows = {
        "problems": (asdict(problem) for problem in problems),
        "pools": (row for pool in pools for row in _pool_rows(pool)),
        "runs": (asdict(run) for run in runs),
    }
    for name, schema in _schemas().items():
        path = _path(folder, name)
        partial = path.with_name(path.name + ".partial")
        _write(partial, schema, rows[name])
        partial.replace(path)


def _write(path: Path, schema: Any, rows: Iterable[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            known = [{name: row[name] for name in schema.names} for row in batch]
            writer.write_table(pa.Table.from_pylist(known, schema=schema))


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    n_chars = 0
    for row in rows:
        batch.append(row)
        n_chars += len(row.get("text") or "")
        if len(batch) == _ROWS or n_chars >= _CHARS:
            yield batch
            batch, n_chars = [], 0
    yield batch


def read_parquet(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, record): where the record is, for messages, and the record as `decode` takes it.

    Raises:
        InputError: a file cannot be read, or lacks a column.
    """
    schemas = _schemas()
    for row in _rows(folder, "problems", schemas):
        yield _at(folder, "problems", row["id"]), {"kind": "problem", **row}
    for (problem, policy, temperature), rows in _pools(folder, schemas):
        where = _at(folder, "pools", f"{problem}, {policy}")
        yield (
            where,
            {
                "kind": "pool",
                "problem": problem,
                "policy": policy,
                "temperature": temperature,
                **_whole_pool(where, rows),
            },
        )
    for row in _rows(folder, "runs", schemas):
        yield _at(folder, "runs", f"{row['problem']}, {row['arm']}"), {"kind": "run", **row}


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"


def _at(folder: Path, name: str, record: str) -> str:
    return f"{_path(folder, name)}, {record}"


def _pool_rows(pool: Pool) -> Iterator[dict[str, Any]]:
    for k, sample in enumerate(pool.samples):
        so_far = {prm: tokens[k + 1] for prm, tokens in pool.prm_tokens.items() if k + 1 in tokens}
        yield {
            **asdict(sample),
            "problem": pool.problem,
            "policy": pool.policy,
            "temperature": pool.temperature,
            "prompt_tokens": pool.prompt_tokens,
            "sample": k,
            "scores": [{"prm": prm, "steps": steps} for prm, steps in sample.scores.items()],
            "prm_tokens": [{"prm": prm, "tokens": n} for prm, n in so_far.items()],
        }


def _whole_pool(where: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    rows.sort(key=lambda row: row["sample"] or 0)
    if [row["sample"] for row in rows] != list(range(len(rows))):
        raise InputError(f"{where}: its samples are not numbered 0, 1, 2, ... once each; write it again")
    samples = []
    prm_tokens: dict[str, dict[int, int]] = {}
    for row in rows:
        for entry in row["prm_tokens"] or ():
            prm_tokens.setdefault(entry["prm"], {})[row["sample"] + 1] = entry["tokens"]
        scores = {entry["prm"]: entry["steps"] for entry in row["scores"] or ()}
        samples.append({**{name: row[name] for name in _OWN if name in row}, "scores": scores})
    prompt_tokens = rows[0]["prompt_tokens"]
    return {"prompt_tokens": prompt_tokens, "samples": samples, "prm_tokens": prm_tokens}


def _pools(folder: Path, schemas: dict[str, Any]) -> Iterator[tuple[_PoolKey, list[dict[str, Any]]]]:
    """The rows of each pool; only those of one are held, unless they are strewn over the file."""
    rows = _rows(folder, "pools", schemas)
    if _is_strewn(folder, schemas):
        pools: dict[_PoolKey, list[dict[str, Any]]] = {}
        for row in rows:
            pools.setdefault(_pool_of(row), []).append(row)
        yield from pools.items()
        return
    for key, some in groupby(rows, key=_pool_of):
        yield key, list(some)


def _is_strewn(folder: Path, schemas: dict[str, Any]) -> bool:
    """Whether rows of another pool are between those of one."""
    done: set[_PoolKey] = set()
    for key, _ in groupby(_rows(folder, "pools", schemas, names=_POOL_KEY), key=_pool_of):
        if key in done:
            return True
        done.add(key)
    return False


def _pool_of(row: dict[str, Any]) -> _PoolKey:
    return row["problem"], row["policy"], row["temperature"]


def _rows(
    folder: Path, name: str, schemas: dict[str, Any], *, names: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of a file, some at a time, with all columns of the schema or with those of these names."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = _path(folder, name)
    schema = schemas[name]
    try:
        with pq.ParquetFile(path) as file:
            there = file.schema_arrow.names
            written = [f.name for f in schema if f.name not in _LATER or f.name in there]
            file.schema_arrow.empty_table().select(written)  # whether all columns are there
            some = pa.schema([schema.field(column) for column in names or written if column in written])
            for batch in file.iter_batches(_ROWS, columns=some.names):
                yield from pa.Table.from_batches([batch]).select(some.names).cast(some).to_pylist()
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"cannot read '{path}': {reason}; copy or write the log again") from error


def _schemas() -> dict[str, Any]:
    import pyarrow as pa

    text, count, real = pa.string(), pa.int64(), pa.float64()
    cost = pa.struct([(name, count if types == (int,) else real) for name, types in COST_FIELDS.items()])
    graded = [("answer", text), ("correct", pa.bool_())]
    scores = pa.list_(pa.struct([("prm", text), ("steps", pa.list_(real))]))
    prm_tokens = pa.list_(pa.struct([("prm", text), ("tokens", count)]))
    return {
        "problems": pa.schema(
            [("id", text), ("problem", text), ("answer", text), ("level", count), ("family", text)]
        ),
        "pools": pa.schema(
            [
                ("problem", text),
                ("policy", text),
                ("temperature", real),
                ("prompt_tokens", count),
                ("sample", count),
                *graded,
                ("n_tokens", count),
                ("logprob", real),
                ("certainty", real),
                ("finish", text),
                ("text", text),
                ("scores", scores),
                ("prm_tokens", prm_tokens),
            ]
        ),
        "runs": pa.schema(
            [
                ("problem", text),
                ("arm", text),
                ("seed", count),
                *graded,
                ("confidence", real),
                ("n_tokens", count),
                ("logprob", real),
                ("scores", pa.list_(real)),
                ("cost", cost),
            ]
        ),
    }
