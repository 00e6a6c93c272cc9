"""All that commands print goes through here: to the letter, with nothing in it that acts on a terminal."""

from __future__ import annotations

import logging
import math
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.text import Text

from tts_select.core.json_text import to_json
from tts_select.core.visible_text import visible

UNKNOWN = "-"
"""A sign for a figure that is not known."""


class Terminal(Console):
    """A console without markup: a string is shown as it is written, `[b]` and all."""

    def render_str(self, text: str, *, style: Any = "", **how: Any) -> Text:
        """Make a renderable of a string; `rich` calls it for every string in a table or a group."""
        return Text(visible(text), style=style, justify=how.get("justify"), overflow=how.get("overflow"))


def text(content: str, style: str = "") -> Text:
    """Return a text that is shown to the letter, where a renderable of `rich` takes no plain string."""
    return Text(visible(content), style=style)


def figure(value: float | None, form: str) -> str:
    """Format a number, or say that it is not known.

    >>> figure(0.25, ".0%"), figure(float("nan"), ".3f"), figure(None, ".3g")
    ('25%', '-', '-')
    """
    return UNKNOWN if value is None or not math.isfinite(value) else format(value, form)


def dollars(amount: float) -> str:
    """Format an amount of money, with two figures where it is below a dollar.

    >>> dollars(0.000049), dollars(0.1), dollars(0.0), dollars(1234.5)
    ('$0.000049', '$0.10', '$0.00', '$1,234.50')
    """
    places = 2 if not 0 < abs(amount) < 1 else 1 - math.floor(math.log10(abs(amount)))
    return f"${amount:,.{max(2, places)}f}"


def show(*views: RenderableType, wrap: bool = True) -> None:
    """Print tables, panels and text on standard output; without `wrap` a text stays one line."""
    Terminal().print(*views, sep="\n", soft_wrap=not wrap)


def show_json(*values: Any) -> None:
    """Print each value as one line of JSON on standard output."""
    click.echo("\n".join(map(to_json, values)))


class LogLines(logging.Handler):
    """Shows what libraries log as lines of the program."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        warn(record.getMessage())


def say(message: str) -> None:
    """Print a line on standard error that is no error."""
    click.echo(visible(message), err=True)


def warn(message: str) -> None:
    """Print a line on standard error under the program's name."""
    say(f"tts-select: {message}")
