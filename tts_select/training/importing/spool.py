"""Keeps samples on disk on their way, without duplicates, and yields them pool by pool.

SQLite holds them, so a log of many gigabytes needs memory for its problems and for one pool.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from types import TracebackType

from tts_select.training.importing.entries import Entry
from tts_select.training.log.records import Unit

_CACHE_KIB = 32_768
_PAGE_BYTES = 32_768
"""A solution of some kilobytes leaves half of SQLite's usual pages empty."""
_TABLE = """
CREATE TABLE samples (
    place INTEGER PRIMARY KEY, policy INTEGER, problem INTEGER, number BLOB, text_hash BLOB,
    tokens INTEGER, characters INTEGER, content TEXT,
    UNIQUE (policy, problem, number), UNIQUE (policy, problem, text_hash)
)
"""


@dataclass(frozen=True, slots=True)
class SpoolSample:
    """The parts of an entry that belong to its pool."""

    answer: str | None
    correct: bool | None
    n_tokens: int | None
    n_chars: int | None
    prompt_tokens: int | None
    logprob: float | None
    certainty: float | None
    finish: str | None
    text: str | None
    scores: dict[str, list[float]]


class Spool:
    """A file of samples; it is removed in the end if its folder is."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path)
        for pragma in (
            f"page_size={_PAGE_BYTES}",
            "journal_mode=OFF",
            "synchronous=OFF",
            f"cache_size=-{_CACHE_KIB}",
        ):
            self._db.execute(f"PRAGMA {pragma}")  # what a crash leaves of it is of no use anyway
        self._db.execute(_TABLE)
        self._policies: dict[str, int] = {}
        self._problems: dict[str, int] = {}

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def add(self, policy: str, entry: Entry) -> bool:
        """Add a sample if it is new: no sample of the policy for the problem has its number, or its text."""
        keys = [None if key is None else _digest(key) for key in (entry.number, entry.text_hash)]
        where = (
            self._policies.setdefault(policy, len(self._policies)),
            self._problems.setdefault(entry.id, len(self._problems)),
        )
        content = json.dumps([getattr(entry, f.name) for f in fields(SpoolSample)])
        insert = "INSERT OR IGNORE INTO samples VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)"
        values = (*where, *keys, entry.n_tokens, entry.n_chars, content)
        return self._db.execute(insert, values).rowcount == 1

    def has(self, entry: Entry) -> bool:
        """Return whether there is a sample with the number of this one, of any policy."""
        if entry.number is None:
            return False
        found = "SELECT 1 FROM samples WHERE problem = ? AND number = ?"
        where = (self._problems.get(entry.id), _digest(entry.number))
        return self._db.execute(found, where).fetchone() is not None

    def known(self, unit: Unit) -> tuple[int, int]:
        """Return (samples whose length in this unit is not known, the sum of all lengths)."""
        found = f"SELECT count(*) - count({unit}), coalesce(sum({unit}), 0) FROM samples"  # noqa: S608  a literal
        n_without, total = self._db.execute(found).fetchone()
        return n_without, total

    def drop_without(self, unit: Unit) -> int:
        """Drop the samples whose length in this unit is not known, and return how many they are."""
        return self._db.execute(f"DELETE FROM samples WHERE {unit} IS NULL").rowcount  # noqa: S608

    def close_intake(self) -> None:
        """Sort what has come in, after the last sample: it comes out in the order of its pools."""
        self._db.execute("CREATE INDEX by_pool ON samples (policy, problem)")  # and the place, as every index

    def problems(self) -> set[str]:
        """The ids of the problems that have samples."""
        names = list(self._problems)
        return {names[k] for (k,) in self._db.execute("SELECT DISTINCT problem FROM samples")}

    def sizes(self) -> dict[str, list[int]]:
        """The number of samples in each of its pools, by policy."""
        found: dict[str, list[int]] = {}
        names = list(self._policies)
        for policy, n in self._db.execute("SELECT policy, count(*) FROM samples GROUP BY policy, problem"):
            found.setdefault(names[policy], []).append(n)
        return found

    def pools(self) -> Iterator[tuple[str, str, list[SpoolSample]]]:
        """Yield (policy, problem, its samples in the order in which they came)."""
        policies, problems = list(self._policies), list(self._problems)
        rows = self._db.execute(
            "SELECT policy, problem, content FROM samples INDEXED BY by_pool ORDER BY policy, problem, place"
        )
        for (policy, problem), group in groupby(rows, key=lambda row: row[:2]):
            yield (
                policies[policy],
                problems[problem],
                [SpoolSample(*json.loads(content)) for *_, content in group],
            )


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=16).digest()
