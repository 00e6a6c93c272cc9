"""How a PRM reads a solution and where it says what it thinks; a new family is a new entry here."""

from __future__ import annotations

from dataclasses import dataclass

from tts_select.core.errors import UnknownName

GOOD, BAD = "+", "-"


@dataclass(frozen=True, slots=True)
class SignFormat:
    """Each step is closed by `separator`; at its last token the model weighs `good` against `bad`."""

    prompt_template: str
    separator: str
    good: str = GOOD
    bad: str = BAD


FORMATS: dict[str, SignFormat] = {
    "world": SignFormat(prompt_template="{problem}\n", separator="\n\n"),
}


def format_named(name: str) -> SignFormat:
    """The format of this name.

    Raises:
        UnknownName: there is none.
    """
    if name not in FORMATS:
        raise UnknownName("PRM format", name, FORMATS)
    return FORMATS[name]
