"""How a command ends when it has not done all that it was asked."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

INTERRUPTED = 130


def fail(message: str, exit_code: int) -> NoReturn:
    """One line, and the exit code."""
    click.echo(f"tts-select: {message}", err=True)
    sys.exit(exit_code)
