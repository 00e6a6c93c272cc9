"""The documentation's links, and how its blocks are read; `scripts/check_docs.py` runs them."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CHECK = runpy.run_path(str(ROOT / "scripts" / "check_docs.py"))
CITED = re.compile(r"(?<![\w/.-])docs/[\w/-]+\.(?:md|png)")


@pytest.mark.parametrize("document", CHECK["all_documents"](), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    assert list(CHECK["broken_links"](document)) == []


@pytest.mark.parametrize("folder", ["tts_select", "tests", "benchmarks", "scripts", "examples"])
def test_pages_that_code_cites_are_there(folder: str) -> None:
    if not (ROOT / folder).is_dir():
        pytest.skip("not part of this distribution")
    cited = {
        (path.relative_to(ROOT), page)
        for path in (ROOT / folder).rglob("*.py")
        for page in CITED.findall(path.read_text(encoding="utf-8"))
    }
    assert [(str(path), page) for path, page in sorted(cited) if not (ROOT / page).is_file()] == []


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# What it is, and *why*\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Top\n[a](other.md) [b](other.md#what-it-is-and-why) [c](#top) [d](https://example.org/x)\n"
        "```console\n$ echo '[e](not-a-link.md)'\n```\n"
        "[f](lost.md) [g](other.md#lost) [h](#lost) ![i](lost.png)\n"
    )
    found = [complaint.partition(":")[0] for complaint in CHECK["broken_links"](page)]
    assert found == ["lost.md", "other.md#lost", "#lost", "lost.png"]


def test_blocks_are_found_with_the_reason_to_leave_one_out() -> None:
    page = (
        "```console\n$ echo a \\\n  b\na b\n$ echo c\n```\n"
        "<!-- not run: it is slow -->\n```python\nimport this\n```\n```text\n$ no command\n```\n"
    )
    found = [(c.shown, c.expected, c.reason_to_skip) for c in CHECK["commands_in"](page)]
    assert found == [
        ("echo a   b", "a b", None),
        ("echo c", None, None),
        ("python: import this ...", None, "it is slow"),
    ]


@pytest.mark.parametrize(
    ("script", "succeeds"),
    [
        ("1 + 1  # 2", True),
        ("1 + 1  # 3", False),
        ("[n\n for n in range(2)]", True),
        ("'#'  # '#'", True),
        ("x = 1  # 2", True),
        ("len('ab')  # the number of letters", True),
        ("raise SystemExit(1)", False),
    ],
)
def test_values_in_comments_are_compared(script: str, succeeds: bool) -> None:
    (command,) = CHECK["commands_in"](f"```python\n{script}\n```\n")
    ran = subprocess.run([sys.executable, *command.arguments[1:]], capture_output=True, check=False)
    assert (ran.returncode == 0) is succeeds
