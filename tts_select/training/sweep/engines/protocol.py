"""What performs the units of a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tts_select.training.log.records import ModelCard
from tts_select.training.sweep.agenda import Agenda
from tts_select.training.sweep.plan import Sweep


class Engine(Protocol):
    """Loads models and asks them; what it is told to do comes from an agenda."""

    def cards(self, sweep: Sweep, known: Mapping[str, ModelCard]) -> Mapping[str, ModelCard]:
        """Return the cards of the sweep's models by their names, loading those that are not `known`. So a
        model that cannot be loaded is found before any work.

        Raises:
            InputError: a model cannot be loaded, or its size is not known.
            BackendError: a model or a machine failed.
        """
        ...

    async def run(self, agenda: Agenda) -> None:
        """Do what is on the agenda, until it is done or nothing new may be begun.

        Raises:
            TtsSelectError: a model or a machine failed; what was done is in the log.
            OSError: a record cannot be written.
        """
        ...

    def close(self) -> None:
        """End models and workers."""
        ...
