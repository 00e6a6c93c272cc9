"""Reads the one problem that a command is about, from a text file or standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from tts_select.core.errors import InputError

MAX_PROBLEM_BYTES = 1_000_000


def read_problem_text(file: str) -> str:
    """Read a problem file; line ends are those of Unix, whatever the file has.

    Raises:
        InputError: it is missing, empty, too large, binary or not UTF-8.
    """
    name = "standard input" if file == "-" else f"'{file}'"
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}; specify a text file, or -") from error
    if len(content) > MAX_PROBLEM_BYTES:
        raise InputError(f"{name} has {len(content):,} bytes; a problem has at most a million")
    if b"\0" in content:
        raise InputError(f"{name} is binary; a problem is plain text")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text: save it as UTF-8") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not text:
        raise InputError(f"{name} is empty: write the problem into it")
    return text
