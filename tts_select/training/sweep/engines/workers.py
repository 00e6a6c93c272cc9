"""What a worker is to the crew that it is in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from tts_select.training.log.codec import Record
from tts_select.training.log.gathering import Key
from tts_select.training.log.records import ModelCard, Pool
from tts_select.training.sweep.engines.needs import Need
from tts_select.training.sweep.engines.queue import Line
from tts_select.training.sweep.units import Unit


class Worker(Protocol):
    """A worker as the crew sees it."""

    name: str

    async def arrive(self) -> str:
        """Wait until there is room for it, and it is there; where that is.

        Raises:
            WorkerLost: it was lost.
            InputError: it cannot work here.
        """
        ...

    async def load(self) -> Mapping[str, ModelCard]:
        """Load its models; their cards by their names.

        Raises:
            WorkerLost: it was lost.
            TtsSelectError: a model cannot be loaded.
        """
        ...

    async def perform(self, stage: str, unit: Unit, samples: Sequence[Pool]) -> Record:
        """Do a unit; a stage begins with models that have forgotten what they computed.

        Raises:
            WorkerLost: it was lost.
            TtsSelectError: a model failed.
        """
        ...

    def end(self) -> None:
        """End it, when it has nothing at work."""
        ...

    def kill(self) -> None:
        """End it at once, whatever it does."""
        ...


class Room(Protocol):
    """How many workers there is room for."""

    def has(self, hired: Sequence[Need], need: Need) -> bool:
        """Whether one more with these models fits beside the others."""
        ...


class Lease(NamedTuple):
    """A unit that a worker has at work."""

    line: Line
    unit: Unit
    began: float
    """By the driver's monotonic clock."""


@dataclass(eq=False, slots=True)
class Hand:
    """A worker that was hired."""

    worker: Worker
    need: Need
    is_up: bool = False
    is_lost: bool = False
    line: Line | None = None
    """What it takes units from."""
    leases: dict[Key, Lease] = field(default_factory=dict)
    """What it has at work, by the units' keys."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    """What waits for it."""
