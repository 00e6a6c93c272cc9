"""Cuts a solution into its steps."""

from __future__ import annotations


def split_steps(text: str, delimiter: str) -> tuple[str, ...]:
    """The steps without their delimiters; empty ones are dropped, so that none is ever scored."""
    return tuple(step for piece in text.split(delimiter) if (step := piece.strip("\n")).strip())
