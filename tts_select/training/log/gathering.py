"""The records of a log in memory: checked against the manifest and each other, and made a log again."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field

from tts_select.core.errors import InputError
from tts_select.training.log.chunks import chunks, cut, joined, rounds_in, split
from tts_select.training.log.codec import Record
from tts_select.training.log.manifest import PoolPlan, pool_size, pools_of, searches
from tts_select.training.log.packed import Packed
from tts_select.training.log.records import LoggedProblem, Manifest, Pool, Run, Scores, SweepLog

Key = tuple[object, ...]
"""The subject of a record: two records with the same key are duplicates."""


def key_of(record: Record) -> Key:
    """Return the key of a record."""
    if isinstance(record, LoggedProblem):
        return ("problem", record.id)
    if isinstance(record, Pool):
        return ("pool", record.problem, record.name, record.first)
    if isinstance(record, Scores):
        return ("scores", record.problem, record.pool, record.prm, record.first)
    return ("run", record.problem, record.arm, record.seed)


def named(key: Key) -> str:
    """Return the key for a message."""
    return "(" + ", ".join(map(str, key)) + ")"


@dataclass(slots=True)
class Records:
    """The records of a log, by their keys, packed. A pool with scores is there in parts: its samples, and the
    scores of each PRM."""

    manifest: Manifest
    by_key: MutableMapping[Key, Record] = field(default_factory=Packed)
    _where: dict[Key, str] = field(default_factory=dict)
    _seeds: dict[str, list[int]] = field(default_factory=dict)
    """The seeds of each search arm."""
    _pools: dict[str, PoolPlan] = field(default_factory=dict)
    _chunks: dict[str, list[range]] = field(default_factory=dict)
    """The chunks of each pool."""

    def __post_init__(self) -> None:
        manifest = self.manifest
        for arm, seed in searches(manifest.arms, manifest.n_runs, manifest.seed):
            self._seeds.setdefault(arm.name, []).append(seed)
        self._pools = pools_of(manifest.arms)
        for name, plan in self._pools.items():
            self._chunks[name] = chunks(pool_size(manifest, plan), manifest.chunk)

    def add(self, record: Record, where: str) -> None:
        """Raises:
        ValueError: it is there already, or it is nothing that the manifest asks for.
        """
        parts = {key_of(part): part for part in self.parts(record)}
        for key in parts:
            if key in self.by_key:
                raise ValueError(f"the record {named(key)} was there before, in {self._where[key]}")
        self.by_key.update(parts)
        self._where |= dict.fromkeys(parts, where)

    def drop(self, record: Record) -> None:
        """Forget a record that was added."""
        for part in self.parts(record):
            del self.by_key[key_of(part)], self._where[key_of(part)]

    def check_problems_known(self) -> None:
        """Raises:
        InputError: a record is about a problem that is not in the log.
        """
        for key, where in self._where.items():
            if ("problem", key[1]) not in self.by_key:
                raise InputError(
                    f"{where}: the record {named(key)} is about a problem that is not in the log; "
                    "take it out, or add the problem's record"
                )

    def expected(self) -> Iterator[Key]:
        """Yield the keys of what a whole log has of its problems, in their order."""
        ids = self.problems()
        for name in self._pools:
            for id_ in ids:
                yield from self._keys_of_pool(id_, name)
        runs = [(name, seed) for name, seeds in self._seeds.items() for seed in seeds]
        yield from (("run", id_, name, seed) for name, seed in runs for id_ in ids)

    def problems(self) -> dict[str, LoggedProblem]:
        """The problems by id."""
        found = (self.by_key[key] for key in self.by_key if key[0] == "problem")
        return {record.id: record for record in found if isinstance(record, LoggedProblem)}

    def pool(self, problem: str, name: str) -> Pool | None:
        """A pool with the scores of its PRMs; None if anything of it is missing."""
        if self.manifest.imported is not None:
            found = self.by_key.get(("pool", problem, name, 0))
            return found if isinstance(found, Pool) else None
        firsts, prms = [chunk.start for chunk in self._chunks[name]], self._pools[name].prms
        parts = [self.by_key.get(("pool", problem, name, first)) for first in firsts]
        scores = [self.by_key.get(("scores", problem, name, prm, first)) for prm in prms for first in firsts]
        if None in parts or None in scores:
            return None
        pools = [part for part in parts if isinstance(part, Pool)]
        return joined(pools, [of for of in scores if isinstance(of, Scores)], prms)

    def into_log(self) -> SweepLog:
        """Make the log, in the order of its manifest, whatever that of its shards; of a pool all or nothing.
        The records are gone then: both would be twice the memory."""
        ids = self.problems()
        pools: Packed[tuple[str, str], Pool] = Packed()
        for name in self._pools:
            for id_ in ids:
                if (pool := self.pool(id_, name)) is not None:
                    pools[id_, name] = pool
                for key in self._keys_of_pool(id_, name):
                    if key in self.by_key:
                        del self.by_key[key]
        runs: Packed[tuple[str, str], tuple[Run, ...]] = Packed()
        for arm, seeds in self._seeds.items():
            for id_ in ids:
                found = [self.by_key.pop(("run", id_, arm, seed), None) for seed in seeds]
                if some := tuple(run for run in found if isinstance(run, Run)):
                    runs[id_, arm] = some
        self.by_key.clear()
        self._where.clear()
        return SweepLog(self.manifest, ids, pools, runs)

    def _keys_of_pool(self, problem: str, name: str) -> Iterator[Key]:
        for chunk in self._chunks[name]:
            yield ("pool", problem, name, chunk.start)
            yield from (("scores", problem, name, prm, chunk.start) for prm in self._pools[name].prms)

    def parts(self, record: Record) -> list[Record]:
        """The parts that a record is kept in.

        Raises:
            ValueError: it is nothing that the manifest asks for.
        """
        if isinstance(record, Pool):
            self._check_pool(record)
            if self.manifest.imported is not None:
                return [record]
            pools = cut(record, self._chunks[record.name]) if self._is_whole(record) else [record]
            parts: list[Record] = []
            for samples, scores in map(split, pools):
                parts += [samples, *scores]
            return parts
        if isinstance(record, Scores):
            self._check_scores(record)
        elif isinstance(record, Run):
            _check_known("search arm", record.arm, tuple(self._seeds))
            if record.seed not in self._seeds[record.arm]:
                raise ValueError(f"the run has the seed {record.seed}, not one of {self._seeds[record.arm]}")
        return [record]

    def _check_pool(self, pool: Pool) -> None:
        _check_known("pool", pool.name, tuple(self._pools))
        known = self._pools[pool.name].prms
        chunk = self._chunk(pool.name, pool.first, "the pool")
        if self._is_whole(pool):
            chunk = range(len(pool.samples))
        n = len(chunk)
        if self.manifest.imported is not None:
            n = min(max(1, len(pool.samples)), n)  # as many as there were, but some
        if len(pool.samples) != n:
            raise ValueError(f"the pool has {len(pool.samples)} samples, not {n}")
        scored = {*pool.prm_tokens, *(prm for sample in pool.samples for prm in sample.scores)}
        for prm in scored:
            _check_known("PRM", prm, known)
        drawn = range(pool.first, pool.first + n)
        for prm in scored if self.manifest.imported is None else pool.prm_tokens:
            self._check_tokens(pool.name, prm, pool.prm_tokens.get(prm, {}), drawn)

    def _is_whole(self, pool: Pool) -> bool:
        """Whether it is all of a pool, as parquet files have it, however it was drawn."""
        return pool.first == 0 and len(pool.samples) == self._chunks[pool.name][-1].stop

    def _check_scores(self, scores: Scores) -> None:
        _check_known("pool", scores.pool, tuple(self._pools))
        _check_known("PRM", scores.prm, self._pools[scores.pool].prms)
        chunk = self._chunk(scores.pool, scores.first, "the record of scores")
        if len(scores.scores) != len(chunk):
            raise ValueError(f"there are scores of {len(scores.scores)} samples, not of {len(chunk)}")
        self._check_tokens(scores.pool, scores.prm, scores.prm_tokens, chunk)

    def _check_tokens(self, pool: str, prm: str, tokens: dict[int, int], chunk: range) -> None:
        n = chunk.stop if self.manifest.imported else self._chunks[pool][-1].stop
        if tuple(sorted(tokens)) != rounds_in(chunk, n):
            raise ValueError(f"the prm_tokens of {prm} are not those of {rounds_in(chunk, n)} samples")

    def _chunk(self, pool: str, first: int, what: str) -> range:
        for chunk in self._chunks[pool]:
            if chunk.start == first:
                return chunk
        raise ValueError(f"{what} begins with sample {first}, and no chunk of '{pool}' does")


def _check_known(kind: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ValueError(
            f"the {kind} '{name}' is not in the manifest, which has {', '.join(known) or 'none'}"
        )
