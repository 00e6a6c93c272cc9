"""How much room there is, what takes GPUs, and what is said where Ray cannot be used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tts_select.cli import main
from tts_select.config import Config
from tts_select.config.entries import PolicyEntry, PrmEntry
from tts_select.training.sweep.engines.loading import gpus_of
from tts_select.training.sweep.engines.needs import Need
from tts_select.training.sweep.engines.room import Room

SMALL, LARGE, PRM = Need("small"), Need("large"), Need(prm="judge")
PAIR = Need("small", "judge")


def config(**entries: Any) -> Config:
    policies = {name: entry for name, entry in entries.items() if isinstance(entry, PolicyEntry)}
    prms = {name: entry for name, entry in entries.items() if isinstance(entry, PrmEntry)}
    return Config(Path("c.yaml"), policies, prms)


def test_there_is_room_for_as_many_as_the_cluster_has_cpus_or_gpus_for() -> None:
    room = Room({SMALL: 1, LARGE: 4}, None, n_cpus=4, n_gpus=5)
    assert room.has([], LARGE)
    assert room.has([LARGE], SMALL)
    assert not room.has([LARGE, SMALL], SMALL), "no GPU is left"
    assert room.has([LARGE, SMALL], PRM)
    assert not room.has([PRM] * 4, PRM), "no CPU is left"


def test_workers_asked_for_may_be_more_than_there_are_cpus_now() -> None:
    room = Room({}, 6, n_cpus=4, n_gpus=0)
    assert room.has([SMALL] * 5, SMALL)
    assert not room.has([SMALL] * 6, SMALL)


@pytest.mark.parametrize(
    ("spec", "options", "n"),
    [
        ("vllm:ORG/NAME", {}, 1),
        ("vllm:ORG/NAME", {"tensor_parallel_size": 4}, 4),
        ("hf:ORG/NAME", {}, 1),
        ("hf:ORG/NAME", {"device": "cpu"}, 0),
        ("hf:ORG/NAME", {"device": "cuda:1"}, 2),
        ("openai:MODEL", {"base_url": "http://host/v1"}, 0),
        ("world:small", {}, 0),
        ("world:small", {"device": "cuda"}, 1),
    ],
)
def test_a_worker_takes_the_gpus_that_its_policy_does(spec: str, options: dict[str, Any], n: int) -> None:
    assert gpus_of(config(small=PolicyEntry(spec, options)), SMALL) == n
    assert gpus_of(None, Need(spec)) == gpus_of(config(), Need(spec))


def test_a_pair_shares_a_gpu_or_takes_two() -> None:
    policy = PolicyEntry("vllm:ORG/NAME", {"tensor_parallel_size": 2})
    assert gpus_of(config(small=policy, judge=PrmEntry("hf:ORG/PRM")), PAIR) == 2
    assert gpus_of(config(small=policy, judge=PrmEntry("hf:ORG/PRM", None, {"device": "cuda:2"})), PAIR) == 3


def test_a_pair_covers_what_each_of_its_models_does() -> None:
    assert PAIR.covers(SMALL)
    assert PAIR.covers(PRM)
    assert not PAIR.covers(LARGE)
    assert not SMALL.covers(PAIR)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "problems.jsonl").write_text('{"id": "a", "problem": "1 + 1?", "answer": "2"}\n')
    return ["sweep", "--problems", "problems.jsonl", "--out", "log"]


def test_without_ray_the_extra_is_named(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = CliRunner().invoke(main, [*asked, "--engine", "ray"])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].endswith(
        "Ray clusters need the extra 'ray' (ray not installed): pip install 'tts-select[ray]'"
    )


@pytest.mark.parametrize("option", [("--address", "auto"), ("--workers", "2"), ("--lease-seconds", "60")])
def test_options_of_ray_go_with_it(asked: list[str], option: tuple[str, str]) -> None:
    result = CliRunner().invoke(main, [*asked, *option])
    assert result.exit_code == 2
    assert f"{option[0]} goes with --engine ray" in result.stderr
