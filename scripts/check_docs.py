"""Runs what the documentation shows, and follows its links.

Usage: python scripts/check_docs.py [--links] [FILE.md ...]

- A command is a line that begins with `$ ` in a ```console block, and what follows up to the next one is its
  output. It must succeed. Only a first line `Answer: ...` is compared with the output, up to the share of the
  vote: the rest counts seconds and bytes.
- A ```python block is a script, which must succeed. Where a comment with a value stands behind an expression,
  as in `1 + 1  # 2`, the two must be equal.
- The blocks of a file run in order in one temporary folder that has a copy of examples/. A comment
  `<!-- not run: reason -->` above a block leaves it out, and is printed.
- A relative link leads to a file that is there, and to a heading of it. `--links` checks nothing else.
"""

from __future__ import annotations

import argparse
import ast
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
    r"(?:^<!-- not run: (?P<reason>[^\n]+?) -->\s*\n)?^```(?P<kind>console|python)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_ANY_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Command:
    """`expected` is the first line of the output as the document shows it, if it shows any."""

    shown: str
    arguments: tuple[str, ...]
    expected: str | None
    reason_to_skip: str | None


def commands_in(document: str) -> Iterator[Command]:
    """The commands and scripts of a document, in order."""
    for block in _BLOCK.finditer(document):
        text, reason = block["text"], block["reason"]
        if block["kind"] == "python":
            shown = f"python: {text.splitlines()[0]} ..."
            yield Command(shown, (sys.executable, "-c", with_values_checked(text)), None, reason)
            continue
        for part in re.split(r"^\$ ", text.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
            line, *output = part.splitlines()
            run = ("bash", "-eo", "pipefail", "-c", line)
            yield Command(line, run, output[0] if output else None, reason)


def with_values_checked(script: str) -> str:
    """The script with an assertion in the place of each expression whose value is in a comment behind it."""
    lines = script.splitlines()
    for node in ast.parse(script).body:
        if not isinstance(node, ast.Expr) or node.lineno != node.end_lineno:
            continue
        line = lines[node.lineno - 1]
        expression, comment = line[: node.end_col_offset], line[node.end_col_offset :].strip()
        value = comment.removeprefix("# ")
        if value != comment and is_literal(value):
            lines[node.lineno - 1] = f"found = {expression}; assert found == {value}, found"
    return "\n".join(lines)


def is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return True


def complaint_about(command: Command, folder: Path) -> str | None:
    """What is wrong with a command, or None."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    try:
        ran = subprocess.run(
            command.arguments,
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


def check_commands(document: Path) -> int:
    """Run the commands of a document; returns how many failed."""
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "examples", folder / "examples")
        for command in commands_in(document.read_text(encoding="utf-8")):
            if command.reason_to_skip is not None:
                print(f"{document.name}: not run ({command.reason_to_skip}): {command.shown}", flush=True)
                continue
            began = time.monotonic()
            complaint = complaint_about(command, folder)
            verdict = "ok" if complaint is None else "FAILED"
            seconds = time.monotonic() - began
            print(f"{document.name}: {verdict} in {seconds:.1f} s: {command.shown}", flush=True)
            if complaint is not None:
                print(complaint)
                failed += 1
    return failed


def broken_links(document: Path) -> Iterator[str]:
    """The relative links that lead nowhere, each with the reason."""
    text = _ANY_BLOCK.sub("", document.read_text(encoding="utf-8"))
    for link in _LINK.finditer(text):
        target, _, anchor = link["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = document.parent / target if target else document
        if not path.exists():
            yield f"{link['target']}: there is no such file"
        elif anchor and anchor not in anchors_of(path):
            yield f"{link['target']}: there is no such heading"


def anchors_of(document: Path) -> set[str]:
    """The anchors that GitHub gives to a document's headings."""
    text = _ANY_BLOCK.sub("", document.read_text(encoding="utf-8"))
    headings = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in _HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in headings}


def all_documents() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def main() -> None:
    """Check the documents that are named, or all of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--links", action="store_true")
    parser.add_argument("documents", nargs="*", type=lambda name: Path(name).resolve())
    asked = parser.parse_args()
    documents = asked.documents or all_documents()
    broken = [f"{document.name}: {link}" for document in documents for link in broken_links(document)]
    print("\n".join([*broken, f"links: {len(broken)} broken in {len(documents)} documents"]), flush=True)
    failed = 0 if asked.links else sum(map(check_commands, documents))
    if failed or broken:
        sys.exit(f"{failed} of the documentation's commands failed, {len(broken)} of its links are broken")


if __name__ == "__main__":
    main()
