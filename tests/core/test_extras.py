"""What an installation without extras says, where one of them is needed."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement

from tts_select import InputError, load_policy, load_prm
from tts_select.cli import main
from tts_select.core.extras import EXTRAS, require
from tts_select.data.problems import read_rows
from tts_select.executors import registry
from tts_select.executors.placement.devices import devices_here

ROOT = Path(__file__).parents[2]


FRESH = ("--policy", "world:small", "--policy-option", "device=cpu")
"""Not the one that other tests have loaded in this process."""


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Takes modules away, as if they were not installed."""

    def take(*names: str) -> None:
        registry._load_policy.cache_clear()  # what another test has loaded needs nothing any more
        registry._load_prm.cache_clear()
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return take


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with what the commands read."""
    (tmp_path / "problem.txt").write_text("What is 1 + 1?")
    monkeypatch.chdir(tmp_path)
    return tmp_path


MODULES = {"opentelemetry-api": "opentelemetry"}
"""Those of packages that are not called like them."""


def test_the_extras_are_those_of_the_package() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    packages = {
        extra: {MODULES.get(name := Requirement(line).name, name) for line in lines}
        for extra, lines in declared.items()
    }
    assert {extra: set(modules) for extra, modules in EXTRAS.items()} == {
        extra: names for extra, names in packages.items() if extra != "dev"
    }


def test_what_is_installed_is_not_missed() -> None:
    require("local", "nobody")


@pytest.mark.parametrize("missing", EXTRAS["local"])
@pytest.mark.parametrize("load", [load_policy, load_prm])
def test_a_model_that_runs_here_names_the_extra_in_one_line(
    without: Callable[..., None], load: Callable[..., Any], missing: str
) -> None:
    without(missing)
    for spec, who in (("world:small", "the embedded models"), ("hf:some/Qwen2.5-Math-PRM-7B", "hf:")):
        with pytest.raises(InputError) as refused:
            load(spec, fresh=True)
        said = str(refused.value)
        assert "\n" not in said
        assert who in said
        assert said.endswith(f"({missing} not installed): pip install 'tts-select[local]'")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "extra", "missing"),
    [
        (["solve", "problem.txt", *FRESH, "--method", "cot"], "local", "torch"),
        (["world", "train", "--out", "x"], "local", "torch"),
        (["world", "report", "sweep", "--out", "x"], "plot", "matplotlib"),
        (["data", "show", "gsm8k"], "datasets", "datasets"),
    ],
)
def test_a_command_names_the_extra_that_it_needs(
    without: Callable[..., None],
    arguments: list[str],
    extra: str,
    missing: str,
) -> None:
    without(missing)
    ran = CliRunner().invoke(main, arguments)
    assert ran.exit_code == 2
    line = ran.stderr.splitlines()[-1]
    assert f"({missing} not installed): pip install 'tts-select[{extra}]'" in line


def test_backends_that_do_not_run_here_are_listed_with_the_remedy(without: Callable[..., None]) -> None:
    without("torch")
    found = json.loads(CliRunner().invoke(main, ["models", "--json"]).stdout)["backends"]
    reasons = {(b["kind"], b["scheme"]): b["why_not"] for b in found}
    assert reasons["policy", "world"] == "torch not installed: pip install 'tts-select[local]'"
    assert reasons["policy", "openai"] is reasons["prm", "served"] is None
    shown = " ".join(CliRunner().invoke(main, ["models"]).stdout.split())
    assert "'tts-select[local]'" in shown


def test_public_data_sets_need_their_extra(without: Callable[..., None]) -> None:
    without("datasets")
    with pytest.raises(InputError, match=r"pip install 'tts-select\[datasets\]'"):
        next(read_rows("gsm8k"))


def test_without_torch_there_is_no_gpu(without: Callable[..., None]) -> None:
    without("torch")
    assert [device.name for device in devices_here()] == ["cpu"]
