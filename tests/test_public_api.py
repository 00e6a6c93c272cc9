"""What the package shows to the outside."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import tts_select
import tts_select.testing
from tts_select import Policy, RewardModel
from tts_select.testing import FakePolicy, FakeRewardModel

HEAVY = (
    "torch",
    "vllm",
    "transformers",
    "lightgbm",
    "datasets",
    "sklearn",
    "numpy",
    "rich",
    "click",
    "openai",
    "httpx2",
)


@pytest.mark.parametrize("module", [tts_select, tts_select.testing])
def test_everything_public_is_listed(module: ModuleType) -> None:
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    }
    assert public == set(module.__all__)
    assert list(module.__all__) == sorted(module.__all__)


def test_importing_the_package_loads_no_model_library() -> None:
    code = f"import sys, tts_select, tts_select.testing; print([m for m in {HEAVY} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_fakes_keep_the_protocols() -> None:
    assert isinstance(FakePolicy({}), Policy)
    assert isinstance(FakeRewardModel({}), RewardModel)
