"""The exit codes, and how a command ends when it has not done all that it was asked."""

from __future__ import annotations

import sys
from typing import NoReturn

from tts_select.commands._terminal import warn

INTERRUPTED = 130
DOCTOR_FOUND = 5

EXIT_CODES = f"""\b
Exit codes:
  0    done
  2    bad usage or input
  3    no answer
  4    a backend failed
  {DOCTOR_FOUND}    doctor found a problem
  {INTERRUPTED}  interrupted
  A reader that closes the pipe early (as in | head -1) changes no exit code."""


def fail(message: str, exit_code: int) -> NoReturn:
    """Print one line and end with the exit code."""
    warn(message)
    sys.exit(exit_code)
