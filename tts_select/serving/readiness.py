"""Whether the backends of a server are there: asked seldom, however often somebody wants to know."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping

from tts_select.core.errors import BackendError
from tts_select.core.protocols import Policy, RewardModel, check_alive

KEPT_S = 10.0
"""How long what was found holds."""

_log = logging.getLogger(__name__)


class Readiness:
    """What was last found out."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._down: list[str] = []
        self._until = -math.inf
        self._turn = asyncio.Lock()

    async def down(self, models: Mapping[str, Policy | RewardModel]) -> list[str]:
        """The names of those whose servers do not answer. Why goes to the log, when it is new: anybody may
        ask this, and an error names addresses.
        """
        async with self._turn:
            if self._now() >= self._until:
                found = await asyncio.gather(*(_why_down(model) for model in models.values()))
                why = {name: error for name, error in zip(models, found, strict=True) if error is not None}
                for name in why.keys() - set(self._down):
                    _log.warning("%s is down: %s", name, why[name])
                self._down = list(why)
                self._until = self._now() + KEPT_S
            return list(self._down)


async def _why_down(model: Policy | RewardModel) -> BackendError | None:
    try:
        await check_alive(model)
    except BackendError as error:
        return error
    return None
