"""Which models a sweep loads, when they forget, and that they are closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.watched import Watched
from tts_select import BackendError
from tts_select.executors.registry import Loaders

Swept = Callable[..., Any]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_sweep_loads_each_policy_for_its_card_and_for_its_stages(swept: Swept, watched: Watched) -> None:
    swept(loaders=watched.loaders)
    loads = [event for event in watched.events if event.startswith("load")]
    # the last one is there already when its turn comes
    assert loads == ["load fake:b", "load fake:a", "load fake:q", "load fake:p", "load fake:b"]


def test_all_models_forget_after_each_stage(swept: Swept, watched: Watched) -> None:
    swept(loaders=watched.loaders)
    n_stages = {"fake:a": 4, "fake:b": 2}  # two pools each, and two runs of the beam
    for name, n in n_stages.items():
        assert watched.events.count(f"forget {name}") == n
    assert watched.events.count("forget fake:p") == 6


def test_models_are_closed_when_a_sweep_fails(swept: Swept, watched: Watched) -> None:
    def broken(spec: str) -> Any:
        model: Any = watched.loaders.prm(spec)

        async def score(*_: Any, **__: Any) -> Any:
            raise BackendError("down")

        model.score = score
        return model

    with pytest.raises(BackendError, match="down"):
        swept(loaders=Loaders(watched.loaders.policy, broken))
    assert watched.events[-3:] == ["close fake:a", "close fake:q", "close fake:p"]
