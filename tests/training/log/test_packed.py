"""A log that is held as bytes is the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.synthetic import FEW_ARMS, synthetic_log
from tts_select.core.errors import InputError
from tts_select.training.log.manifest import encode_manifest
from tts_select.training.log.packed import Packed, Viewed
from tts_select.training.log.parquet import write_parquet
from tts_select.training.log.reading import MANIFEST, read_log
from tts_select.training.log.records import Pool, SweepLog
from tts_select.training.log.writer import write_whole
from tts_select.training.replay.cases import cases_of


def written(folder: Path, log: SweepLog) -> Path:
    folder.mkdir()
    encoded = encode_manifest(log.manifest, log.problems.values())
    write_whole(folder / MANIFEST, str(encoded).replace("'", '"').replace("None", "null").encode())
    write_parquet(folder, log)
    return folder


@pytest.fixture(scope="module")
def log() -> SweepLog:
    return synthetic_log(6, n_samples=5, arms=FEW_ARMS)


@pytest.fixture
def folder(tmp_path: Path, log: SweepLog) -> Path:
    return written(tmp_path / "log", log)


def test_packed_values_are_the_values(log: SweepLog) -> None:
    packed: Packed[tuple[str, str], Pool] = Packed()
    packed.update(log.pools)
    assert packed == log.pools
    assert list(packed) == list(log.pools)
    first = next(iter(log.pools))
    assert packed.pop(first) == log.pools[first]
    assert first not in packed
    assert len(packed) == len(log.pools) - 1


def test_a_view_has_what_is_kept_and_nothing_else(log: SweepLog) -> None:
    first, second, *_ = log.pools
    view = Viewed(log.pools, {first})
    assert dict(view) == {first: log.pools[first]}
    assert second not in view
    with pytest.raises(KeyError):
        view[second]


def test_a_log_that_was_read_is_the_log(folder: Path, log: SweepLog) -> None:
    found = read_log(folder)
    assert (found.problems, dict(found.pools), dict(found.runs)) == (log.problems, log.pools, log.runs)


def test_without_words_the_steps_are_still_counted(folder: Path, log: SweepLog) -> None:
    whole, wordless = read_log(folder), read_log(folder, words=False)
    assert [case.observed for case in cases_of(wordless)] == [case.observed for case in cases_of(whole)]
    assert [case.correct.keys() for case in cases_of(wordless)] == [c.correct.keys() for c in cases_of(whole)]
    words = {sample.text for pool in wordless.pools.values() for sample in pool.samples}
    assert all(set(text) <= {".", "\n"} for text in words if text)


@pytest.mark.parametrize("column", ["sample", "correct"])
def test_a_pool_whose_rows_are_strewn_is_the_same(folder: Path, log: SweepLog, column: str) -> None:
    """Other tools may write the rows in another order."""
    path = folder / "pools.parquet"
    pq.write_table(pq.read_table(path).sort_by(column), path)
    found = read_log(folder)
    assert dict(found.pools) == log.pools


@pytest.mark.parametrize("rows", [1, 7, 4096])
def test_however_many_rows_are_read_at_a_time(
    folder: Path, log: SweepLog, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts_select.training.log.parquet._ROWS", rows)
    found = read_log(folder)
    assert (dict(found.pools), dict(found.runs)) == (log.pools, log.runs)


def without_a_column(table: pa.Table) -> pa.Table:
    return table.drop_columns(["logprob"])


def with_words_for_numbers(table: pa.Table) -> pa.Table:
    words = pa.array(["many"] * len(table))
    return table.set_column(table.schema.get_field_index("n_tokens"), "n_tokens", words)


@pytest.mark.parametrize(
    ("broken", "said"), [(without_a_column, "logprob"), (with_words_for_numbers, "many")]
)
def test_a_table_that_is_not_a_log_is_refused_in_a_line(
    folder: Path, broken: Callable[[pa.Table], pa.Table], said: str
) -> None:
    path = folder / "pools.parquet"
    pq.write_table(broken(pq.read_table(path)), path)
    with pytest.raises(InputError, match=said) as error:
        read_log(folder)
    assert "\n" not in str(error.value)
