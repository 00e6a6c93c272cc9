"""How a PRM reads a solution and where it says what it thinks; a new family is a new entry here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tts_select.core.errors import UnknownName

GOOD, BAD = "+", "-"


@dataclass(frozen=True, slots=True)
class PrmFormat:
    """The text is the prompt, then each step closed by `separator`.

    Read as `sign`, the model weighs the token `good` against `bad` at the end of each step. Read as
    `likelihood`, a step's score is the probability that the model itself would have written everything up
    to its end: an implicit PRM, as EurusPRM is, without a reference model.
    """

    prompt_template: str
    separator: str
    read_as: Literal["sign", "likelihood"]
    good: str = GOOD
    bad: str = BAD


FORMATS: dict[str, PrmFormat] = {
    "world": PrmFormat("{problem}\n", "\n\n", "likelihood"),
    "world-sign": PrmFormat("{problem}\n", "\n\n", "sign"),
}


def format_named(name: str) -> PrmFormat:
    """The format of this name.

    Raises:
        UnknownName: there is none.
    """
    if name not in FORMATS:
        raise UnknownName("PRM format", name, FORMATS)
    return FORMATS[name]
