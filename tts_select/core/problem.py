"""A problem to solve."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`answer` is the known answer, if any; it is used to report accuracy and never shown to a model."""

    text: str
    id: str = ""
    answer: str | None = None

    def __post_init__(self) -> None:
        if not self.id:
            digest = hashlib.sha256(self.text.encode()).hexdigest()
            object.__setattr__(self, "id", digest[:16])
