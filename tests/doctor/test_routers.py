from __future__ import annotations

import json
from pathlib import Path

import pytest

from tts_select.config import Config, PolicyEntry
from tts_select.data.prior.artifacts import PRIOR
from tts_select.doctor import routers
from tts_select.doctor.routers import examine_routers


def test_the_shipped_router_knows_the_embedded_models() -> None:
    (found,) = examine_routers(None)
    assert (found.about, found.status) == ("the shipped router", "ok")


def test_models_that_the_shipped_router_does_not_know_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = [{**m, "fingerprint": "other"} if m["spec"] == "world:small" else m for m in routers.describe()]
    monkeypatch.setattr(routers, "describe", lambda: changed)
    (found,) = examine_routers(None)
    assert found.status == "problem"
    assert "'world:small'" in found.text
    assert "this one is other" in found.text


def test_a_router_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (found,) = examine_routers(None, shipped=tmp_path)
    assert (found.status, found.remedy) == (
        "problem",
        "it has no manifest.json; train it again with `tts-select train`",
    )


def test_the_router_of_a_config_must_know_its_names(router_folder: Path) -> None:
    (_, fine) = examine_routers(Config(Path("c"), router=router_folder))
    assert fine.status == "ok"
    (_, missing) = examine_routers(Config(Path("c"), router=router_folder / "none"))
    assert missing.status == "problem"
    wrong = {"world:small": PolicyEntry("hf:x", {"dtyp": "float32"})}
    (_, found) = examine_routers(Config(Path("c"), wrong, router=router_folder))
    assert "did you mean 'dtype'" in f"{found.text}: {found.remedy}"


def test_the_prior_of_a_config_has_to_be_one(router_folder: Path) -> None:
    (_, fine) = examine_routers(Config(Path("c"), prior=PRIOR))
    assert (fine.about, fine.status) == ("prior", "ok")
    for folder in (router_folder, router_folder / "none"):
        (_, found) = examine_routers(Config(Path("c"), prior=folder))
        assert (found.about, found.status) == ("prior", "problem")


def test_a_router_of_another_grader_is_a_problem(
    router_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routers, "GRADER", "another")
    (_, found) = examine_routers(Config(Path("c"), router=router_folder))
    assert (found.status, found.remedy) == ("problem", "sweep and train again")
    assert json.loads((router_folder / "router.json").read_text())["fingerprints"]["grader"] != "another"
