"""Runs the commands that the documentation shows: each must succeed, with the answer that is shown.

Usage: python scripts/check_docs.py [FILE.md ...]

A command is a line that begins with `$ ` in a ```console block, and what follows up to the next one is its
output. The commands of a file run in order in one temporary folder that has a copy of examples/. Only a
first line `Answer: ...` is compared with the output, up to the share of the vote: the rest counts seconds
and bytes. A comment `<!-- not run: reason -->` above a block leaves it out, and is printed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 900
SHOWN_CHARS = 2000

_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+?) -->\s*\n)?^```console\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Command:
    """`expected` is the first line of the output as the document shows it, if it shows any."""

    line: str
    expected: str | None
    reason_to_skip: str | None


def commands_in(document: str) -> Iterator[Command]:
    """The commands of a document's console blocks, in order."""
    for block in _BLOCK.finditer(document):
        text = block["text"].replace("\\\n", "")
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            line, *output = part.splitlines()
            yield Command(line, output[0] if output else None, block["reason"])


def complaint_about(command: Command, folder: Path) -> str | None:
    """What is wrong with a command, or None."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    try:
        ran = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", command.line],
            cwd=folder,
            env={**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it takes more than {TIMEOUT_S} seconds"
    if ran.returncode != 0:
        return f"exit status {ran.returncode}:\n{ran.stdout[-SHOWN_CHARS:]}"
    expected = command.expected or ""
    if expected.startswith("Answer") and _answer(expected) not in map(_answer, ran.stdout.splitlines()):
        return f"no line '{_answer(expected)}' in its output:\n{ran.stdout[-SHOWN_CHARS:]}"
    return None


def _answer(line: str) -> str:
    return re.split(r"\s{2,}", line.strip())[0]


def check(document: Path) -> int:
    """Run the commands of a document; returns how many failed."""
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "examples", folder / "examples")
        for command in commands_in(document.read_text(encoding="utf-8")):
            if command.reason_to_skip is not None:
                print(f"{document.name}: not run ({command.reason_to_skip}): {command.line}", flush=True)
                continue
            began = time.monotonic()
            complaint = complaint_about(command, folder)
            verdict = "ok" if complaint is None else "FAILED"
            seconds = time.monotonic() - began
            print(f"{document.name}: {verdict} in {seconds:.1f} s: {command.line}", flush=True)
            if complaint is not None:
                print(complaint)
                failed += 1
    return failed


def main() -> None:
    """Check the documents that are named, or all of them."""
    named = [Path(name) for name in sys.argv[1:]]
    documents = named or [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
    failed = sum(check(document) for document in documents)
    if failed:
        sys.exit(f"{failed} of the documentation's commands failed")


if __name__ == "__main__":
    main()
