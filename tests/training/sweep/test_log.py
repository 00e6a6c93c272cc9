"""The log on disk: what is read is what was written, and whatever is wrong is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.training.sweep.conftest import writes
from tts_select import InputError
from tts_select.core.arm import Arm
from tts_select.executors.registry import Loaders
from tts_select.selector.portfolio import Portfolio
from tts_select.testing import FakePolicy
from tts_select.training.log.gathering import key_of
from tts_select.training.log.parquet import TABLES
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import SweepLog
from tts_select.training.sweep.reuse import reusable

DOCUMENT = Path(__file__).parents[3] / "docs" / "sweep-log.md"
Swept = Callable[..., tuple[Path, SweepLog]]
Change = Callable[[dict[str, Any]], Any]


def shard_of(folder: Path) -> Path:
    return folder / "shards" / "00001.jsonl"


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in shard_of(folder).read_text().splitlines()]


def rewrite(folder: Path, records: list[dict[str, Any]]) -> None:
    shard_of(folder).write_text("".join(json.dumps(record) + "\n" for record in records))


def drop_shards(folder: Path) -> None:
    for shard in (folder / "shards").iterdir():
        shard.unlink()


def test_shards_and_parquet_hold_the_same(swept: Swept) -> None:
    folder, log = swept()
    assert read_log(folder) == log
    drop_shards(folder)
    assert read_log(folder) == log
    assert not list(folder.glob("*.partial"))


def _asks_for_certainties(portfolio: Portfolio) -> Portfolio:
    return replace(portfolio, arms=(*portfolio.arms, Arm("fake:a", None, "self_certainty", 4)))


def test_a_pool_whose_arms_vote_by_certainty_has_it_and_so_have_greedy_solutions_beside_it(
    swept: Swept, portfolio: Portfolio, fakes: Loaders
) -> None:
    def policy(spec: str) -> FakePolicy:
        return FakePolicy(writes, name=spec, certainty=lambda text: len(text) / 8)

    loaders = replace(fakes, policy=policy)
    folder, log = swept(portfolio=_asks_for_certainties(portfolio), loaders=loaders)
    for pool in log.pools.values():
        told = [len(s.text) / 8 if pool.policy == "fake:a" else None for s in pool.samples]
        assert [s.certainty for s in pool.samples] == told
    assert read_log(folder) == log
    drop_shards(folder)
    assert read_log(folder) == log


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 6, 64])
def test_a_log_drawn_in_chunks_is_whole_without_its_shards(swept: Swept, chunk: int) -> None:
    """And the sweep, run again, has nothing to do."""
    folder, log = swept(chunk=chunk)
    drop_shards(folder)
    assert read_log(folder) == log
    assert swept(chunk=chunk)[1] == log
    assert not (folder / "shards").exists() or not list((folder / "shards").iterdir())


def test_a_log_without_certainties_is_as_it_was(swept: Swept) -> None:
    folder, log = swept()
    assert "certainty" not in shard_of(folder).read_text()
    pools = folder / "pools.parquet"
    pq.write_table(pq.read_table(pools).drop_columns(["certainty"]), pools)
    drop_shards(folder)
    assert read_log(folder) == log


def test_samples_without_certainties_are_not_used_where_they_are_asked_for(
    swept: Swept, portfolio: Portfolio
) -> None:
    """Neither are those with them where they are not; scores and samples of other pools are."""
    folder, log = swept()
    asked = replace(log.manifest, arms=_asks_for_certainties(portfolio).arms)
    found = {key_of(record) for record in reusable(folder, asked, list(log.problems.values()))}
    assert ("pool", "one", "fake:b", 0) in found
    assert ("pool", "one", "fake:a", 0) not in found


def test_the_examples_in_the_documentation_are_a_whole_log(tmp_path: Path) -> None:
    blocks = re.findall(r"^```json\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    manifest, *records = map(json.loads, blocks)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "shards").mkdir()
    rewrite(tmp_path, records)
    log = read_log(tmp_path)
    assert (len(log.problems), len(log.pools), len(log.runs)) == (1, 2, 1)
    assert {pool.temperature for pool in log.pools.values()} == {0.0, 0.7}


def test_a_torn_last_line_is_no_record(swept: Swept) -> None:
    folder, log = swept()
    whole = shard_of(folder).read_bytes()
    for torn in (b'{"kind": "run", "prob', b'{"kind": "run", "prob\n', b"\xff"):
        shard_of(folder).write_bytes(whole + torn)
        assert read_log(folder) == log
    shard_of(folder).write_bytes(whole.rstrip(b"\n"))
    with pytest.raises(InputError, match="1 records are missing"):
        read_log(folder)


def test_a_torn_record_is_done_again_in_another_shard(swept: Swept) -> None:
    folder, log = swept()
    torn = shard_of(folder).read_bytes()[:-20]
    shard_of(folder).write_bytes(torn)
    _, again = swept()
    assert shard_of(folder).read_bytes() == torn
    assert len((folder / "shards" / "00002.jsonl").read_text().splitlines()) == 1
    assert again.pools == log.pools
    assert again.runs.keys() == log.runs.keys()


def test_a_partial_log_is_read_when_asked_for(swept: Swept) -> None:
    folder, _ = swept()
    rewrite(folder, lines_of(folder)[:7])
    assert len(read_log(folder, allow_partial=True).pools) == 1
    with pytest.raises(InputError, match=r"23 records are missing, the first is .*run the same sweep again"):
        read_log(folder)
    rewrite(folder, lines_of(folder)[:2])
    with pytest.raises(InputError, match="1 problems are missing: run the same sweep again"):
        read_log(folder)


def test_missing_logs_are_named(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=r"no sweep log in .*manifest.json.*tts-select sweep"):
            read_log(folder)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda m: m.update(schema="tts-select/sweep@3"), "newer than tts-select/sweep@2: upgrade"),
        (lambda m: m.update(schema="other@1"), "its schema is 'other@1'"),
        (lambda m: m.pop("schema"), "its schema is None"),
        (lambda m: m.pop("grader"), "no field 'grader'"),
        (lambda m: m.update(colour="red"), "unknown field 'colour'"),
        (lambda m: m.update(n_samples="6"), "n_samples = '6'"),
        (lambda m: m.update(n_samples=0), "1 at least"),
        (lambda m: m["arms"][0].pop("method"), "arm 1 is malformed"),
        (lambda m: m["arms"].append(m["arms"][0]), "two of its arms are the same"),
        (lambda m: m["models"].pop("fake:p"), "prm fake:p, which is not among its models"),
        (lambda m: m["models"]["fake:a"].update(kind="cat"), "kind 'cat'"),
    ],
)
def test_a_bad_manifest_is_named(swept: Swept, change: Change, complaint: str) -> None:
    folder, _ = swept()
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=f"manifest.json.*{complaint}"):
        read_log(folder)


def test_a_manifest_that_is_no_json_is_named(swept: Swept) -> None:
    folder, _ = swept()
    (folder / "manifest.json").write_text('{"schema"')
    with pytest.raises(InputError, match="no manifest of a sweep log"):
        read_log(folder)


def first(kind: str) -> Callable[[list[dict[str, Any]]], dict[str, Any]]:
    return lambda records: next(r for r in records if r["kind"] == kind)


def silenced(record: dict[str, Any]) -> None:
    record.update(answer=None, correct=False, confidence=None)


def sample(record: dict[str, Any]) -> dict[str, Any]:
    return record["samples"][0]


@pytest.mark.parametrize(
    ("kind", "change", "complaint"),
    [
        ("problem", lambda r: r.update(answer=None), "answer = None"),
        ("problem", lambda r: r.update(level="hard"), "level = 'hard'"),
        ("problem", lambda r: r.update(kind="riddle"), "its kind is 'riddle'"),
        (
            "pool",
            lambda r: r.update(policy="fake:z"),
            "the pool 'fake:z temperature=0' is not in the manifest",
        ),
        ("pool", lambda r: r.update(temperature=0.5), "the pool 'fake:a temperature=0.5' is not"),
        ("pool", lambda r: r.update(temperature=0.7), "1 samples, not 6"),
        ("pool", lambda r: r.update(temperature=-1), "temperature = -1"),
        ("pool", lambda r: r.update(temperature=float("inf")), "temperature = inf"),
        ("pool", lambda r: r.pop("temperature"), "no field 'temperature'"),
        ("pool", lambda r: r.update(problem="nine"), "a problem that is not in the log"),
        ("pool", lambda r: r["samples"].pop(), "0 samples, not 1"),
        ("pool", lambda r: r.update(samples=r["samples"] * 2), "2 samples, not 1"),
        ("pool", lambda r: sample(r)["scores"].update({"fake:q": [float("nan"), 0.5]}), "step 1 is nan"),
        ("pool", lambda r: sample(r)["scores"].update({"fake:q": [0.5, 1.01]}), "step 2 is 1.01"),
        ("pool", lambda r: sample(r)["scores"].update({"fake:q": [0.5, None]}), "step 2 is None"),
        ("pool", lambda r: sample(r)["scores"].update({"fake:z": [0.5]}), "the PRM 'fake:z' is not"),
        ("pool", lambda r: sample(r)["scores"].update({"fake:p": [0.5]}), "'fake:p' is not in the manifest"),
        ("pool", lambda r: r["prm_tokens"].update({"fake:p": {"1": 9}}), "the PRM 'fake:p' is not"),
        ("pool", lambda r: r["prm_tokens"].update({"fake:q": {"1": 9, "2": 1}}), "decrease"),
        ("pool", lambda r: sample(r).update(logprob=float("nan")), "logprob = nan"),
        ("pool", lambda r: sample(r).update(certainty=float("inf")), "certainty = inf"),
        ("pool", lambda r: sample(r).update(certainty="high"), "certainty = 'high'"),
        ("pool", lambda r: sample(r).update(finish="length"), "sample 0 is truncated"),
        ("pool", lambda r: sample(r).update(n_tokens=-1), "n_tokens is -1"),
        ("pool", lambda r: sample(r).update(answer=None, correct=True), "correct without an answer"),
        ("pool", lambda r: sample(r).update(colour="red"), "unknown field 'colour'"),
        ("pool", lambda r: sample(r)["scores"].update({"fake:q": [0.5, 0.5]}), "prm_tokens of fake:q"),
        ("pool", lambda r: r.update(first=1), "begins with sample 1, and no chunk"),
        ("pool", lambda r: r.update(first=-1), "first is -1"),
        ("scores", lambda r: r.update(prm="fake:p"), "the PRM 'fake:p' is not in the manifest"),
        ("scores", lambda r: r["scores"].append(None), "scores of 2 samples, not of 1"),
        ("scores", lambda r: r.update(scores=[[2.0, 0.5]]), "sample 0, fake:q: the score of step 1 is 2.0"),
        ("scores", lambda r: r.update(prm_tokens={"2": 9}), "prm_tokens of fake:q are not those of (1,)"),
        ("scores", lambda r: r.update(first=3), "begins with sample 3, and no chunk"),
        ("run", lambda r: r.update(arm="beam@4 fake:z fake:p"), "search arm 'beam@4 fake:z fake:p'"),
        ("run", lambda r: r.update(arm="majority@4 fake:a"), "search arm 'majority@4 fake:a'"),
        ("run", lambda r: r.update(arm="cot@1 fake:a"), "search arm 'cot@1 fake:a'"),
        ("run", lambda r: r.pop("n_tokens"), "no field 'n_tokens'"),
        ("run", lambda r: r.update(n_tokens=-1), "n_tokens is -1"),
        ("run", lambda r: r.update(logprob=float("nan")), "the run has logprob = nan"),
        ("run", lambda r: r.update(scores=[0.5, 2.0]), "the run: the score of step 2 is 2.0"),
        ("run", lambda r: r.update(scores={}), "scores = {}"),
        ("run", silenced, "the run has tokens or scores of a solution, and no answer"),
        ("run", lambda r: r.update(seed=9), "the seed 9, not one of"),
        ("run", lambda r: r.update(confidence=1.5), "the confidence is 1.5"),
        ("run", lambda r: r["cost"].update(flops=float("inf")), "flops = inf"),
        ("run", lambda r: r["cost"].pop("flops"), "no field 'flops'"),
    ],
)
def test_a_bad_record_is_named_with_its_place(
    swept: Swept, kind: str, change: Change, complaint: str
) -> None:
    folder, _ = swept()
    records = lines_of(folder)
    bad = first(kind)(records)
    change(bad)
    rewrite(folder, records)
    with pytest.raises(InputError) as caught:
        read_log(folder, allow_partial=True)
    assert f"00001.jsonl, line {records.index(bad) + 1}: " in str(caught.value)
    assert complaint in str(caught.value)
    assert "take " in str(caught.value)


def test_a_line_in_the_middle_that_is_no_json_is_named(swept: Swept) -> None:
    folder, _ = swept()
    lines = shard_of(folder).read_text().splitlines()
    lines[4] = lines[4][:30]
    shard_of(folder).write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"00001.jsonl, line 5: not JSON"):
        read_log(folder)


@pytest.mark.parametrize("kind", ["problem", "pool", "scores", "run"])
def test_a_record_that_is_there_twice_is_named(swept: Swept, kind: str) -> None:
    folder, _ = swept()
    records = lines_of(folder)
    (folder / "shards" / "00002.jsonl").write_text(json.dumps(first(kind)(records)) + "\n")
    with pytest.raises(InputError, match=r"00002.jsonl, line 1: .* was there before, in .*00001.jsonl, line"):
        read_log(folder)


def test_problems_that_are_not_those_of_the_manifest_are_refused(swept: Swept) -> None:
    folder, _ = swept()
    records = lines_of(folder)
    records[0]["answer"] = "7"
    rewrite(folder, records)
    with pytest.raises(InputError, match=r"not those of its manifest.json"):
        read_log(folder)


@pytest.mark.parametrize("name", TABLES)
def test_a_broken_parquet_file_is_named(swept: Swept, name: str) -> None:
    folder, _ = swept()
    drop_shards(folder)
    whole = (folder / f"{name}.parquet").read_bytes()
    (folder / f"{name}.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=rf"cannot read '.*{name}.parquet'"):
        read_log(folder)


def test_a_parquet_file_without_a_column_is_named(swept: Swept) -> None:
    import pyarrow.parquet as pq

    folder, _ = swept()
    drop_shards(folder)
    path = folder / "runs.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["seed"]), path)
    with pytest.raises(InputError, match=r"runs.parquet.*seed"):
        read_log(folder)


def test_parquet_rows_that_are_no_pool_are_named(swept: Swept) -> None:
    import pyarrow.parquet as pq

    folder, _ = swept()
    drop_shards(folder)
    path = folder / "pools.parquet"
    rows = pq.read_table(path)
    hot = [row["temperature"] > 0 and row["sample"] == 0 for row in rows.to_pylist()]
    pq.write_table(rows.filter([not first for first in hot]), path)
    with pytest.raises(InputError, match=r"pools.parquet, one, fake:a: its samples are not numbered"):
        read_log(folder)
