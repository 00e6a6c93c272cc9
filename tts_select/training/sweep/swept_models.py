"""The models of a sweep, at most one policy at a time beside the PRMs: a pair that fits can be swept.

Between the stages of a sweep a model forgets what it has computed, instead of being loaded anew: an engine
takes minutes to start, and what a model that is dropped had cached would come back late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tts_select.core.protocols import Policy, RewardModel, forget
from tts_select.executors.registry import Loaders, load_policy, load_prm

FRESH = Loaders(partial(load_policy, fresh=True), partial(load_prm, fresh=True))
"""Models that have computed nothing yet."""


@dataclass(slots=True)
class SweptModels:
    """Loaded when they are asked for."""

    loaders: Loaders
    _policies: dict[str, Policy] = field(default_factory=dict)
    _prms: dict[str, RewardModel] = field(default_factory=dict)

    def policy(self, spec: str) -> Policy:
        """The policy of this spec; the one that was there before is closed."""
        if spec not in self._policies:
            self._close(self._policies)
            self._policies[spec] = self.loaders.policy(spec)
        return self._policies[spec]

    def prm(self, spec: str) -> RewardModel:
        """The PRM of this spec."""
        if spec not in self._prms:
            self._prms[spec] = self.loaders.prm(spec)
        return self._prms[spec]

    async def forget(self) -> None:
        """Let all of them begin anew."""
        for policy in self._policies.values():
            await forget(policy)
        for prm in self._prms.values():
            await forget(prm)

    def close(self) -> None:
        """End engines and connections."""
        self._close(self._policies)
        self._close(self._prms)

    def _close(self, models: dict[str, Policy] | dict[str, RewardModel]) -> None:
        for model in models.values():
            end: Callable[[], None] | None = getattr(model, "close", None)
            if end is not None:
                end()
        models.clear()
