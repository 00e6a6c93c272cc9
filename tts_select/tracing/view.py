"""A page: what its list shows, and the record of each problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tts_select.tracing.document import document


@dataclass(frozen=True, slots=True)
class Page:
    """`data` is read at once, a record when its problem is picked."""

    data: Mapping[str, Any]
    records: Sequence[Mapping[str, Any]] = ()

    def pieces(self) -> Iterator[str]:
        """The HTML file, piece by piece."""
        return document(self.data, self.records)
