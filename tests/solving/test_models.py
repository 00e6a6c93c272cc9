"""Which models are loaded, when they forget, and that they are closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.watched import Watched
from tts_select.executors.registry import Loaders
from tts_select.solving.models import Models
from tts_select.testing import FakePolicy, FakeRewardModel

Swept = Callable[..., Any]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_one_policy_is_there_at_a_time_and_prms_stay(watched: Watched) -> None:
    models = Models(watched.loaders, one_policy=True)
    first = models.policy("a")
    prm = models.prm("p")
    assert models.policy("a") is first
    models.policy("b")
    assert models.prm("p") is prm
    models.close()
    assert watched.events == ["load a", "load p", "close a", "load b", "close b", "close p"]


def test_a_model_that_keeps_nothing_need_not_forget() -> None:
    plain = Loaders(lambda spec: FakePolicy({}, name=spec), lambda spec: FakeRewardModel({}, name=spec))
    models = Models(plain, one_policy=True)
    models.policy("a")
    asyncio.run(models.forget())
    models.close()
    assert models.policy("a").name == "a"
