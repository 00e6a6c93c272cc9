"""A worker: what it loads, forgets, keeps and says."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.watched import Watched
from tts_select.core.pricing import TokenPrice
from tts_select.executors.registry import Loaders
from tts_select.training.log.gathering import key_of
from tts_select.training.log.reading import each_record, read_manifest
from tts_select.training.log.records import ModelCard, Pool
from tts_select.training.sweep.engines.local import Local
from tts_select.training.sweep.engines.needs import Need
from tts_select.training.sweep.engines.worker import Job, RemoteWorker, Told
from tts_select.training.sweep.plan import manifest_of
from tts_select.training.sweep.run import run_units
from tts_select.training.sweep.units import SampleUnit, Unit, units_of


@pytest.fixture
def units(lab: Any, fakes: Loaders) -> list[Unit]:
    sweep = lab.sweep()
    manifest = manifest_of(sweep, Local(fakes, concurrency=1).cards(sweep, {}))
    return list(units_of(manifest, sweep.problems))


@pytest.fixture
def samples(units: list[Unit]) -> list[SampleUnit]:
    """Those of one policy, in a pool that is not greedy."""
    return [unit for unit in units if isinstance(unit, SampleUnit) and unit.pool == "fake:a"]


@pytest.fixture
def worker(fakes: Loaders, tmp_path: Path) -> Callable[..., RemoteWorker]:
    def make(need: Need, loaders: Loaders = fakes, **changes: Any) -> RemoteWorker:
        (tmp_path / "workers").mkdir(exist_ok=True)
        asked = {"name": "w", "cards": {}, "folder": tmp_path / "workers", **changes}
        return RemoteWorker(Job(need=need, loaders_of=lambda _: loaders, **asked))

    return make


def told(worker: RemoteWorker, *units: tuple[str, Unit]) -> list[Told]:
    async def all_of_them() -> list[Told]:
        return [await worker.load(), *[await worker.perform(stage, unit, ()) for stage, unit in units]]

    try:
        return asyncio.run(all_of_them())
    finally:
        worker.__ray_shutdown__()


def test_it_loads_what_it_needs_and_no_more(worker: Any) -> None:
    watched = Watched()
    (loaded,) = told(worker(Need("fake:a", "fake:p"), watched.loaders))
    assert set(loaded.cards) == {"fake:a", "fake:p"}
    assert watched.events == ["load fake:a", "load fake:p", "close fake:a", "close fake:p"]


def test_a_stage_begins_with_models_that_have_forgotten(worker: Any, samples: list[SampleUnit]) -> None:
    watched = Watched()
    one, two, three = samples
    told(worker(Need("fake:a"), watched.loaders), ("A", one), ("A", two), ("B", three))
    assert watched.events == ["load fake:a", "forget fake:a", "forget fake:a", "close fake:a"]


def test_another_model_than_the_sweeps_is_refused(worker: Any) -> None:
    cards = {"fake:a": ModelCard("policy", 1000, "another")}
    (refused,) = told(worker(Need("fake:a"), cards=cards))
    assert refused.is_input
    assert "fake:a is fake:a-script on " in refused.error
    assert "and another in the sweep: all machines need the same model" in refused.error


def test_another_price_than_the_sweeps_is_refused(worker: Any) -> None:
    cards = {"fake:a": ModelCard("policy", 1000, "fake:a-script", TokenPrice(1.0, 2.0, 1.0))}
    (refused,) = told(worker(Need("fake:a"), cards=cards))
    assert refused.is_input
    assert "the size or the price of fake:a is another than in the sweep" in refused.error


def test_what_it_did_is_in_its_shard_and_a_sweep_takes_that_over(
    lab: Any, worker: Any, samples: list[SampleUnit], fakes: Loaders, tmp_path: Path
) -> None:
    _, first, second = told(worker(Need("fake:a")), *(("A", unit) for unit in samples[:2]))
    assert isinstance(first.record, Pool)
    assert isinstance(second.record, Pool)
    with (tmp_path / "workers" / "shards" / "w.jsonl").open("ab") as stream:
        stream.write(b'{"kind": "pool", "prob')  # it was killed in a line
    into = tmp_path / "log"
    into.mkdir()
    lab.start(into)
    (tmp_path / "workers").rename(into / "workers")
    done: list[str] = []
    found = run_units(lab.sweep(), into, loaders=fakes, progress=lambda n, of, _: done.append(f"{n} of {of}"))
    assert done[0].startswith("2 of ")
    assert lab.content(found) == lab.whole(tmp_path)
    assert not (into / "workers").exists(), "the log has it all"
    keys = [key_of(record) for _, record in each_record(into, read_manifest(into)[0])]
    assert len(keys) == len(set(keys))


def test_a_full_disk_is_told_once_and_the_records_come_all_the_same(
    worker: Any, samples: list[SampleUnit], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    _, first, second = told(worker(Need("fake:a")), *(("A", unit) for unit in samples[:2]))
    assert "No space left on device; its records are in the log all the same" in first.warning
    assert not second.warning
    assert first.record is not None
    assert second.record is not None


def test_without_a_folder_that_both_see_it_keeps_no_shard(
    worker: Any, samples: list[SampleUnit], tmp_path: Path
) -> None:
    _, found = told(worker(Need("fake:a"), folder=tmp_path / "nowhere"), ("A", samples[0]))
    assert "No such file or directory" in found.warning
    assert found.record is not None
    assert not (tmp_path / "nowhere").exists()
