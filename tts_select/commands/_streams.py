"""Standard streams that are closed, or whose reader goes away: neither is an error of a command."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TextIO

_MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}


def prepare_streams() -> None:
    """Put something usable in the place of each standard stream that could raise an error later.

    A closed stream becomes /dev/null. What is written to a pipe that nobody reads any more is dropped, so the
    exit code of a command does not depend on its reader, and a character that the terminal's encoding lacks
    is written as an escape.
    """
    for number, (name, mode) in enumerate(_MODES.items()):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _nowhere(number, mode))
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _tolerant(stream, number))


def drop_unwritable() -> None:
    """Forget what standard output cannot write: the interpreter would try again when it ends, and fail."""
    try:
        sys.stdout.flush()
    except OSError:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


class _Pipe(io.FileIO):
    """A stream that drops what is written after its reader has gone away."""

    def write(self, content: object) -> int:
        try:
            return super().write(content)  # type: ignore[arg-type]
        except BrokenPipeError:
            return memoryview(content).nbytes  # type: ignore[arg-type]


def _tolerant(stream: io.TextIOWrapper, number: int) -> TextIO:
    stream.reconfigure(errors="backslashreplace")
    if not _is_plain(stream, number):
        return stream
    stream.flush()
    buffer = io.BufferedWriter(_Pipe(number, "w", closefd=False))
    return io.TextIOWrapper(buffer, stream.encoding, "backslashreplace", line_buffering=stream.line_buffering)


def _is_plain(stream: io.TextIOWrapper, number: int) -> bool:
    """Return whether the stream is a file or a pipe that the interpreter opened, not a terminal nor a
    test's own stream."""
    is_ours = isinstance(stream.buffer, io.BufferedWriter | io.FileIO)
    return is_ours and stream.fileno() == number and not stream.isatty()


def _nowhere(number: int, mode: str) -> TextIO:
    """Open /dev/null as the file of this number, so that no file opened later gets a standard number."""
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != number and not _is_open(number):
        os.dup2(opened, number)
        os.close(opened)
        opened = number
    binary = io.FileIO(opened, mode)
    return io.TextIOWrapper(
        io.BufferedReader(binary) if mode == "r" else io.BufferedWriter(binary),
        encoding="utf-8",
        errors="backslashreplace",
    )


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
