"""Models that note when they are loaded, forget and are closed."""

from __future__ import annotations

from typing import Any

from tts_select.executors.registry import Loaders
from tts_select.testing import FakePolicy, FakeRewardModel


class Watched:
    """What happens to models, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def note(self, what: str, name: str) -> None:
        self.events.append(f"{what} {name}")

    @property
    def loaders(self) -> Loaders:
        def watch(model: Any) -> Any:
            async def forget() -> None:
                self.note("forget", model.name)

            self.note("load", model.name)
            model.forget, model.close = forget, lambda: self.note("close", model.name)
            return model

        return Loaders(
            lambda spec: watch(FakePolicy(lambda *_: "It is \\boxed{2}", name=spec)),
            lambda spec: watch(FakeRewardModel(lambda _, steps: [0.5] * len(steps), name=spec)),
        )
