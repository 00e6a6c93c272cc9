"""A worker on another machine: it loads models, performs units, and keeps what came of them in a shard of its
own.

The driver gets every record too, and writes the log. A worker's shard has what the driver did not hear of any
more, where both see the same folder.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from tts_select import __version__
from tts_select.core.errors import InputError, TtsSelectError
from tts_select.data.grading import GRADER
from tts_select.executors.registry import Loaders
from tts_select.solving.models import Models
from tts_select.training.log.codec import Record, encode
from tts_select.training.log.reading import SHARDS
from tts_select.training.log.records import ModelCard, Pool
from tts_select.training.sweep.engines.needs import Need
from tts_select.training.sweep.plan import card_of
from tts_select.training.sweep.running import perform
from tts_select.training.sweep.units import Unit

LoadersOf = Callable[[Need], Loaders]
"""What loads models that are in memory together; it is called where they are to run."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is told when it is hired."""

    name: str
    """The worker's; no other one has it."""
    need: Need
    loaders_of: LoadersOf
    cards: Mapping[str, ModelCard]
    """What the sweep's log says of its models, as far as it does."""
    folder: Path | None
    """The folder of workers in that of the log; None: it keeps no shard."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker is, and what it runs."""

    host: str
    pid: int
    version: str = __version__
    grader: str = GRADER


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a call: a value, or an error of ours as plain text, since exceptions do not travel
    well."""

    record: Record | None = None
    cards: Mapping[str, ModelCard] = field(default_factory=dict)
    error: str = ""
    is_input: bool = False
    """Whether the error is about the input."""
    warning: str = ""


class RemoteWorker:
    """The actor."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._models: Models | None = None
        self._stage = ""
        self._shard = ShardOfWorker(job.folder, job.name)

    async def place(self) -> Place:
        """Say where it is."""
        return Place(socket.gethostname(), os.getpid())

    async def load(self) -> Told:
        """Load the models, and check that they are the sweep's."""
        need = self._job.need
        try:
            models = self._models = Models(self._job.loaders_of(need), one_policy=True)
            cards = {}
            if need.policy is not None:
                cards[need.policy] = card_of("policy", models.policy(need.policy))
            if need.prm is not None:
                cards[need.prm] = card_of("prm", models.prm(need.prm))
            for name, card in cards.items():
                self._check(name, card)
        except TtsSelectError as error:
            return _refused(error)
        return Told(cards=cards)

    async def perform(self, stage: str, unit: Unit, samples: Sequence[Pool]) -> Told:
        """Do a unit, with models that are loaded. The driver never sends one of another stage while one is at
        work."""
        assert self._models is not None
        try:
            if stage != self._stage:
                self._stage = stage
                await self._models.forget()
            record = await perform(unit, self._models, samples)
        except TtsSelectError as error:
            return _refused(error)
        except ValueError as error:
            return Told(error=f"a model failed: {error}")
        return Told(record, warning=self._shard.keep(record))

    def __ray_shutdown__(self) -> None:
        """End models and the shard, when Ray ends the actor and does not kill it."""
        if self._models is not None:
            self._models.close()
        self._shard.close()

    def _check(self, name: str, card: ModelCard) -> None:
        there = self._job.cards.get(name)
        if there is None or there == card:
            return
        if there.fingerprint != card.fingerprint:
            raise InputError(
                f"{name} is {card.fingerprint} on {socket.gethostname()}, and {there.fingerprint} in the "
                "sweep: all machines need the same model"
            )
        raise InputError(f"the size or the price of {name} is another than in the sweep: {card}, not {there}")


def _refused(error: TtsSelectError) -> Told:
    return Told(error=str(error), is_input=isinstance(error, InputError))


class ShardOfWorker:
    """Records of one worker, a line each; it is there from the first one on."""

    def __init__(self, folder: Path | None, name: str) -> None:
        self._folder, self._name = folder, name
        self._stream: BinaryIO | None = None

    def keep(self, record: Record) -> str:
        """Append a record, on disk before this returns; a line that says why, if it cannot be kept. After
        that none is."""
        if self._folder is None:
            return ""
        try:
            if self._stream is None:
                shards = self._folder / SHARDS
                shards.mkdir(exist_ok=True)
                self._stream = (shards / f"{self._name}.jsonl").open("ab", buffering=0)
            self._stream.write(json.dumps(encode(record)).encode() + b"\n")
            os.fsync(self._stream.fileno())
        except OSError as error:
            where, self._folder = self._folder, None
            self.close()
            return (
                f"it keeps no shard in '{where}': {error.strerror}; its records are in the log all the same"
            )
        return ""

    def close(self) -> None:
        """End the file."""
        if self._stream is not None:
            self._stream.close()
