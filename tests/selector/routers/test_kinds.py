"""Routers of every kind are kept in folders that one loader reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ladders import ladder_router
from tts_select.core.errors import InputError
from tts_select.data.prior.artifacts import PRIOR
from tts_select.selector.routers.artifact import (
    check_replaceable,
    describe_router,
    load_router,
    save_router,
)
from tts_select.selector.routers.kinds import KINDS, Kind
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.selector.routers.named import NamedArm
from tts_select.solving.selector import Selector


@dataclass(frozen=True)
class AlwaysFirst(NamedArm):
    """A kind that is added: one class with two functions, and a line in the table."""


def write_first(router: AlwaysFirst) -> dict[str, str]:
    return {"arm.json": json.dumps(router.arm.as_dict())}


def read_first(texts: Mapping[str, str]) -> AlwaysFirst:
    from tts_select.core.arm import Arm

    return AlwaysFirst(Arm.from_dict(json.loads(texts["arm.json"])))


def test_a_manifest_from_before_there_were_kinds_is_of_a_look_ahead_router(
    router: LookaheadRouter, tmp_path: Path
) -> None:
    save_router(router, tmp_path / "router", trained_on={})
    manifest = tmp_path / "router" / "manifest.json"
    fields = json.loads(manifest.read_text())
    assert fields.pop("kind") == "look-ahead"
    manifest.write_text(json.dumps(fields))
    assert isinstance(load_router(tmp_path / "router"), LookaheadRouter)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_manifest_says_the_kind(kind: str, router: LookaheadRouter, tmp_path: Path) -> None:
    made = {"look-ahead": router, "ladder": ladder_router(), "prior": load_router(PRIOR)}[kind]
    save_router(made, tmp_path / "router", trained_on={"n_problems": 3})
    assert json.loads((tmp_path / "router" / "manifest.json").read_text())["kind"] == kind
    assert type(load_router(tmp_path / "router")) is KINDS[kind].router
    assert describe_router(tmp_path / "router") == {"n_problems": 3}


def test_a_router_of_one_kind_replaces_one_of_another(router: LookaheadRouter, tmp_path: Path) -> None:
    folder = tmp_path / "router"
    save_router(router, folder, trained_on={})
    save_router(ladder_router(), folder, trained_on={})
    assert isinstance(load_router(folder), LadderRouter)
    assert {path.name for path in folder.iterdir()} == {"manifest.json", "router.json"}
    save_router(router, folder, trained_on={})
    assert isinstance(load_router(folder), LookaheadRouter)


def test_a_kind_that_this_version_does_not_know_is_named(tmp_path: Path) -> None:
    save_router(ladder_router(), tmp_path / "router", trained_on={})
    manifest = tmp_path / "router" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "kind": "oracle"}))
    with pytest.raises(
        InputError, match=r"kind 'oracle', this version knows look-ahead, ladder, prior: train"
    ):
        load_router(tmp_path / "router")


def test_a_staged_router_of_an_earlier_version_is_refused_in_a_line_and_may_be_replaced(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "router"
    folder.mkdir()
    old = {"schema": "tts-select/staged-router@1", "sha256": {}, "trained_on": {}}
    (folder / "manifest.json").write_text(json.dumps(old))
    for read in (load_router, describe_router):
        with pytest.raises(
            InputError, match=r"staged router of an earlier version.*train it again"
        ) as caught:
            read(folder)
        assert "\n" not in str(caught.value)
    check_replaceable(folder)
    save_router(ladder_router(), folder, trained_on={})
    assert load_router(folder).fallback == ladder_router().fallback


def test_a_kind_is_added_by_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(KINDS, "always-first", Kind(AlwaysFirst, write_first, read_first))
    first = AlwaysFirst(ladder_router().portfolio.arms[0])
    save_router(first, tmp_path / "router", trained_on={"n_problems": 0})
    assert load_router(tmp_path / "router") == first
    assert Selector.load(tmp_path / "router").router == first


def test_what_decides_without_training_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="NamedArm"):
        save_router(NamedArm(ladder_router().portfolio.arms[0]), tmp_path / "router", trained_on={})
    assert not (tmp_path / "router").exists()
