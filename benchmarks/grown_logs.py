"""Logs of any size, resampled from the sweep in the package: for `scale.py`.

A problem has a text of its own, from the world's generator, and samples, scores and searches drawn with
replacement from those of a problem of the same level and family. They are made as columns and as lines, not
as records, which would take longer than what is measured.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tts_select.core.arm import Arm
from tts_select.data.world.artifacts import SWEEP
from tts_select.data.world.suite import generate
from tts_select.training.log.chunks import split
from tts_select.training.log.codec import encode
from tts_select.training.log.manifest import encode_manifest, pools_of
from tts_select.training.log.parquet import write_parquet
from tts_select.training.log.reading import MANIFEST, SHARDS, read_log
from tts_select.training.log.records import ImportFacts, LoggedProblem, Manifest, Pool, Sample, SweepLog
from tts_select.training.replay.orders import with_policies

AT_ONCE = 500
"""Problems whose rows are made at a time."""


@dataclass(frozen=True)
class Grown:
    """A log to be: its manifest, its problems, and for each the one that its samples are drawn from."""

    base: SweepLog
    manifest: Manifest
    problems: Sequence[LoggedProblem]
    sources: Sequence[str]
    seed: int

    def picks(self, pool: str) -> Iterator[np.ndarray]:
        """For each problem, which samples of its source it has of a pool."""
        rng = np.random.default_rng((self.seed, list(pools_of(self.manifest.arms)).index(pool)))
        for source in self.sources:
            n = len(self.base.pools[source, pool].samples)
            yield rng.integers(n, size=n)


def grown(n_problems: int, policies: Sequence[str], *, imported: bool, seed: int) -> Grown:
    """A log of so many problems and these policies: a sweep with its PRMs and searches, or samples alone, as
    if others had drawn them."""
    base = with_policies(read_log(SWEEP), policies)
    pools = pools_of(base.manifest.arms)
    if imported:
        base = _as_imported(base, [name for name, plan in pools.items() if plan.arm.temperature > 0])
    else:
        arms = {arm.name for arm in base.manifest.arms}
        base = replace(
            base,
            pools={key: pool for key, pool in base.pools.items() if key[1] in pools},
            runs={key: runs for key, runs in base.runs.items() if key[1] in arms},
        )
    alike: defaultdict[tuple[int | None, str | None], list[str]] = defaultdict(list)
    for problem in base.problems.values():
        alike[problem.level, problem.family].append(problem.id)
    rng = np.random.default_rng(seed)
    problems, sources = [], []
    for own in generate(n_problems, seed=seed, split="train"):
        some = alike[own.level, own.family]
        sources.append(some[int(rng.integers(len(some)))])
        gold = base.problems[sources[-1]].answer  # of the samples, not of the text
        problems.append(LoggedProblem(own.id, own.problem, gold, own.level, own.family))
    manifest = base.manifest
    if imported:
        n_pools = n_problems * len(pools_of(manifest.arms))
        facts = ImportFacts("jsonl", ("grown.jsonl",), "tokens", n_pools, 0, 0, n_pools)
        manifest = replace(manifest, imported=facts)
    return Grown(base, manifest, problems, sources, seed)


def write_whole(log: Grown, folder: Path) -> None:
    """Write it as a log that is done: parquet files."""
    folder.mkdir(parents=True)
    _write_manifest(log, folder)
    write_parquet(folder, log.base)  # the tables of the source, read again as columns
    tables = {name: pq.read_table(folder / f"{name}.parquet") for name in ("problems", "pools", "runs")}
    with pq.ParquetWriter(folder / "problems.parquet", tables["problems"].schema) as writer:
        rows = [asdict(problem) for problem in log.problems]
        writer.write_table(pa.Table.from_pylist(rows, schema=tables["problems"].schema))
    with pq.ParquetWriter(folder / "pools.parquet", tables["pools"].schema, compression="zstd") as writer:
        for part in _pool_tables(log, tables["pools"]):
            writer.write_table(part)
    with pq.ParquetWriter(folder / "runs.parquet", tables["runs"].schema, compression="zstd") as writer:
        for part in _run_tables(log, tables["runs"]):
            writer.write_table(part)


def write_shards(log: Grown, folder: Path, n_shards: int) -> None:
    """Write it as the shards of a sweep that is done, before they are merged: lines of JSON."""
    templates = _templates(log.base)
    pools = list(pools_of(log.manifest.arms))
    picks = {name: log.picks(name) for name in pools}
    with ExitStack() as stack:
        streams = []
        for k in range(n_shards):
            own = folder / f"shard-{k}-of-{n_shards}"
            (own / SHARDS).mkdir(parents=True)
            _write_manifest(log, own)
            streams.append(stack.enter_context((own / SHARDS / "00001.jsonl").open("w")))
            for problem in log.problems:
                streams[-1].write(json.dumps(encode(problem)) + "\n")
        for k, (problem, source) in enumerate(zip(log.problems, log.sources, strict=True)):
            for name in pools:
                pick = next(picks[name])
                for template in templates[source, name]:
                    streams[k % n_shards].write(template.line(problem.id, pick))
            for run in templates[source, ""]:
                streams[k % n_shards].write(run.line(problem.id, np.zeros(0, int)))


@dataclass(frozen=True)
class _Template:
    """A record as JSON, with a place for its problem and for its list of samples or of scores."""

    before: str
    items: Sequence[str]
    after: str

    def line(self, problem: str, pick: np.ndarray) -> str:
        listed = ", ".join([self.items[k] for k in pick.tolist()])
        return f"{self.before.replace('@problem', problem)}{listed}{self.after}\n"


def _templates(base: SweepLog) -> dict[tuple[str, str], list[_Template]]:
    """By problem and pool those of its samples and scores; those of searches are of the pool ''."""
    found: dict[tuple[str, str], list[_Template]] = defaultdict(list)
    for (problem, name), pool in base.pools.items():
        samples, scores = split(pool)
        for record, field in ((samples, "samples"), *((one, "scores") for one in scores)):
            found[problem, name].append(_template(encode(record), field))
    for (problem, _), runs in base.runs.items():
        found[problem, ""] += [_template(encode(run), None) for run in runs]
    return found


def _template(record: dict[str, Any], field: str | None) -> _Template:
    record["problem"] = "@problem"
    if field is None:
        return _Template(json.dumps(record), (), "")
    items, record[field] = [json.dumps(item) for item in record[field]], ["@"]
    before, after = json.dumps(record).split('"@"')
    return _Template(before, items, after)


def _as_imported(base: SweepLog, names: Sequence[str]) -> SweepLog:
    """The samples alone, of policies that are known by their samples."""
    spec = {name: f"log:{pool.partition(':')[2]}" for pool in names for name in [pool]}
    pools = {
        (problem, spec[name]): _unscored(pool, spec[name])
        for (problem, name), pool in base.pools.items()
        if name in spec
    }
    arms = tuple(Arm(policy, None, "majority", 2**k) for policy in spec.values() for k in range(7))
    models = {spec[name]: card for name, card in base.manifest.models.items() if name in spec}
    facts = ImportFacts("jsonl", ("grown.jsonl",), "tokens", len(pools), 0, 0, len(pools))
    manifest = replace(base.manifest, arms=arms, models=models, grader="log", n_runs=1, imported=facts)
    return SweepLog(manifest, base.problems, pools, {})


def _unscored(pool: Pool, policy: str) -> Pool:
    def bare(sample: Sample) -> Sample:
        return replace(sample, scores={})

    return replace(pool, policy=policy, samples=tuple(map(bare, pool.samples)), prm_tokens={})


def _write_manifest(log: Grown, folder: Path) -> None:
    encoded = encode_manifest(log.manifest, log.problems)
    (folder / MANIFEST).write_text(json.dumps(encoded, indent=1) + "\n")


def _pool_tables(log: Grown, table: pa.Table) -> Iterator[pa.Table]:
    """The rows of each pool, problem by problem."""
    begins: dict[tuple[str, str], int] = {}
    row = 0
    for key, pool in log.base.pools.items():
        begins[key] = row
        row += len(pool.samples)
    for name in pools_of(log.manifest.arms):
        picks = log.picks(name)
        for at in range(0, len(log.problems), AT_ONCE):
            sources = log.sources[at : at + AT_ONCE]
            starts = [begins[source, name] for source in sources]
            own = [next(picks) for _ in sources]
            drawn = table.take(
                np.concatenate([start + pick for start, pick in zip(starts, own, strict=True)])
            )
            places = np.concatenate([np.arange(len(pick)) for pick in own])
            in_order = table.take(
                np.concatenate([s + np.arange(len(p)) for s, p in zip(starts, own, strict=True)])
            )
            ids = np.repeat([p.id for p in log.problems[at : at + AT_ONCE]], [len(pick) for pick in own])
            drawn = _with(drawn, "problem", pa.array(ids.tolist(), pa.string()))
            drawn = _with(drawn, "sample", pa.array(places, pa.int64()))
            yield _with(drawn, "prm_tokens", in_order["prm_tokens"])


def _run_tables(log: Grown, table: pa.Table) -> Iterator[pa.Table]:
    """The rows of each search arm, problem by problem."""
    rows: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for k, (problem, arm) in enumerate(
        zip(table["problem"].to_pylist(), table["arm"].to_pylist(), strict=True)
    ):
        rows[arm, problem].append(k)
    for arm in dict.fromkeys(arm for arm, _ in rows):
        for at in range(0, len(log.problems), AT_ONCE):
            own = [rows[arm, source] for source in log.sources[at : at + AT_ONCE]]
            ids = np.repeat([p.id for p in log.problems[at : at + AT_ONCE]], [len(some) for some in own])
            yield _with(table.take(np.concatenate(own)), "problem", pa.array(ids.tolist(), pa.string()))


def _with(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), values)


def main() -> None:
    """Write one log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("n_problems", type=int)
    parser.add_argument("--shape", choices=("samples", "sweep"), default="samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shards", type=int, default=0, help="So many shards instead of a whole log.")
    parser.add_argument("--policies", nargs="+", default=["world:medium"])
    asked = parser.parse_args()
    log = grown(asked.n_problems, asked.policies, imported=asked.shape == "samples", seed=asked.seed)
    if asked.shards:
        write_shards(log, asked.folder, asked.shards)
    else:
        write_whole(log, asked.folder)


if __name__ == "__main__":
    main()
