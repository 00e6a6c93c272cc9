"""What the doctor has to say about one thing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Status = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`note`: nothing is wrong, but good to know. `problem`: something that is asked for does not run."""

    about: str
    status: Status
    text: str
    remedy: str = ""
    """What to do, for a problem."""

    def as_dict(self) -> dict[str, str]:
        """Return the record of the finding for JSON."""
        return asdict(self)


def problem(about: str, error: Exception) -> Finding:
    """An error of ours, whose message ends with its remedy."""
    text, colon, remedy = str(error).rpartition(": ")
    return Finding(about, "problem", text, remedy) if colon else Finding(about, "problem", str(error))
