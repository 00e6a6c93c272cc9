"""The schema of imported logs: what may be null there, and only there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tts_select import InputError
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import SweepLog

Swept = Callable[..., tuple[Path, SweepLog]]
IMPORTED = {
    "format": "jsonl",
    "files": ["samples.jsonl"],
    "unit": "tokens",
    "n_rows": 2,
    "n_bad": 0,
    "n_duplicates": 0,
    "n_pools": 1,
}
SETTINGS = {
    "temperature": 0.7,
    "top_p": 1.0,
    "beam_width": 4,
    "max_steps": 40,
    "max_new_tokens": 2048,
    "aggregation": "last",
    "selection": "vote",
    "seed": 0,
}
MANIFEST = {
    "schema": "tts-select/sweep@2",
    "portfolio": "log",
    "arms": [{"policy": "log:m", "prm": None, "method": "majority", "budget": 2, "settings": SETTINGS}],
    "n_samples": 2,
    "n_runs": 1,
    "seed": 0,
    "models": {"log:m": {"kind": "policy", "n_parameters": None, "fingerprint": "f"}},
    "grader": "log",
    "imported": IMPORTED,
    "problems": {"count": 1, "sha256": "2d2cba57f2ee36ebbb4b3b8a7a4c6aa6f6d9f1d7f5cbf0e4f3f4a35cb6e1f3f9"},
}
PROBLEM = {"kind": "problem", "id": "a", "problem": "", "answer": None}
SAMPLE = {"answer": None, "correct": True, "n_tokens": 1200, "scores": {}}
KNOWN = {
    **SAMPLE,
    "answer": "2",
    "logprob": -1.0,
    "certainty": 7.5,
    "finish": "length",
    "text": "x",
}
POOL = {
    "kind": "pool",
    "problem": "a",
    "policy": "log:m",
    "temperature": 0.7,
    "prompt_tokens": None,
    "samples": [SAMPLE, KNOWN],
    "prm_tokens": {},
}


def write(folder: Path, manifest: dict[str, Any], *records: dict[str, Any]) -> Path:
    (folder / "shards").mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "shards" / "00001.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    return folder


def test_what_is_not_known_is_null(tmp_path: Path) -> None:
    log = read_log(write(tmp_path, MANIFEST, PROBLEM, POOL), allow_partial=True)
    unknown, known = log.pools["a", "log:m"].samples
    assert (unknown.logprob, unknown.certainty, unknown.finish, unknown.text) == (None, None, None, None)
    assert (unknown.answer, unknown.correct) == (None, True)
    assert (known.answer, known.finish, known.certainty) == ("2", "length", 7.5)
    assert log.manifest.models["log:m"].n_parameters is None


def test_what_earlier_versions_wrote_of_checkpoints_is_passed_over(tmp_path: Path) -> None:
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
    manifest = {**MANIFEST, "imported": {**IMPORTED, "checkpoint_every": 500}}
    pool = {**POOL, "samples": [SAMPLE, {**KNOWN, "checkpoints": [None, "2"]}]}
    old = read_log(write(tmp_path / "old", manifest, PROBLEM, pool), allow_partial=True)
    assert old == read_log(write(tmp_path / "new", MANIFEST, PROBLEM, POOL), allow_partial=True)


@pytest.mark.parametrize(
    ("manifest", "pool", "complaint"),
    [
        ({"imported": {**IMPORTED, "unit": "words"}}, {}, "its import has the unit 'words'"),
        ({"imported": {**IMPORTED, "n_bad": None}}, {}, "its import has n_bad = None"),
        ({"imported": None}, {}, "imported = None"),
        ({}, {"samples": []}, "0 samples, not 1"),
        ({}, {"samples": [SAMPLE] * 3}, "3 samples, not 2"),
        ({}, {"samples": [{**SAMPLE, "finish": "tired"}]}, "sample 0 has finish = 'tired'"),
        ({}, {"samples": [{**SAMPLE, "logprob": float("nan")}]}, "logprob = nan"),
        ({}, {"samples": [{**SAMPLE, "scores": {"log:p": [0.5]}}]}, "the PRM 'log:p' is not in the manifest"),
    ],
)
def test_what_is_malformed_is_named_there_too(
    tmp_path: Path, manifest: dict[str, Any], pool: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        read_log(write(tmp_path, {**MANIFEST, **manifest}, PROBLEM, {**POOL, **pool}), allow_partial=True)


def test_a_sweep_is_of_the_first_schema_and_says_nothing_new(swept: Swept) -> None:
    folder, log = swept()
    assert log.manifest.schema == "tts-select/sweep@1"
    text = (folder / "manifest.json").read_text() + (folder / "shards" / "00001.jsonl").read_text()
    assert "imported" not in text
    assert "checkpoints" not in text


@pytest.mark.parametrize("name", ["logprob", "finish", "text", "prompt_tokens", "checkpoints"])
def test_a_sweep_leaves_nothing_open(swept: Swept, name: str) -> None:
    folder, _ = swept()
    shard = folder / "shards" / "00001.jsonl"
    records = [json.loads(line) for line in shard.read_text().splitlines()]
    pool = next(r for r in records if r["kind"] == "pool")
    (pool if name == "prompt_tokens" else pool["samples"][0])[name] = None
    shard.write_text("".join(json.dumps(r) + "\n" for r in records))
    with pytest.raises(InputError, match=f"{name}"):
        read_log(folder)
