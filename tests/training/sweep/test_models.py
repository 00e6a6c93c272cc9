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


def test_a_sweep_loads_each_policy_for_its_card_and_for_its_budgets(swept: Swept, watched: Watched) -> None:
    swept(loaders=watched.loaders)
    loads = [event for event in watched.events if event.startswith("load")]
    # the last one is there already when its turn comes; the searches come after all pools
    cards = ["load fake:b", "load fake:a", "load fake:q", "load fake:p"]
    assert loads == [*cards, "load fake:b", "load fake:a"]


def test_all_models_forget_after_each_stage(swept: Swept, watched: Watched) -> None:
    swept(loaders=watched.loaders)
    # two pools each, scores of the one of fake:a by one PRM and of the other by two, two runs of the beam
    n_stages = {"fake:a": 7, "fake:b": 2}
    for name, n in n_stages.items():
        assert watched.events.count(f"forget {name}") == n
    assert watched.events.count("forget fake:p") == 9


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
