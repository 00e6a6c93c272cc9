"""Makes the pictures of docs/viewer.md: a sweep, a search tree, and the playground at two prices.

Usage: python scripts/viewer_screenshots.py [--browser PATH]

It solves with the embedded models, and needs playwright, Pillow (matplotlib brings it) and a Chromium.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "viewer"
PROBLEM = (
    "Amy has 21 coins. Tom has 10 fewer than Amy. Sam has 4 times as many as Tom. Ben has 15 fewer than Sam. "
    "Joe has 4 times as many as Ben. Kim has 2 times as many as Joe. Ida has 19 more than Kim. "
    "How many coins does Ida have?"
)
SIZE = {"width": 1400, "height": 840}
COLOURS = 256
"""A picture is stored with so many: half of the size, and nobody sees it."""
COMMAND = [sys.executable, "-m", "tts_select"]


def run(*arguments: str) -> None:
    subprocess.run([*COMMAND, *arguments], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


@contextmanager
def served() -> Iterator[str]:
    """The address of the playground of a server."""
    asked = [*COMMAND, "serve", "--port", "0"]
    with subprocess.Popen(asked, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        found = next(m for line in process.stderr if (m := re.search(r"serving at (\S+)/v1", line)))
        yield f"{found[1]}/ui"
        process.terminate()


def shoot(shown: Any, name: str) -> None:
    """Take a picture of a tab, or of an element."""
    path = OUT / f"{name}.png"
    time.sleep(0.5)  # widths are eased
    shown.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def sweep(browser: Any, folder: Path) -> None:
    run("view", "tts_select/data/world/sweep", "--out", str(folder / "sweep.html"))
    tab = browser.new_page(viewport=SIZE, color_scheme="light")
    tab.goto((folder / "sweep.html").as_uri() + "#p=world-validation-11-102")
    tab.wait_for_selector(".detail .card")
    tab.get_by_role("button", name="overspent").click()
    shoot(tab, "sweep")


def tree(browser: Any, folder: Path) -> None:
    (folder / "problem.txt").write_text(PROBLEM)
    asked = ("--method", "beam", "--budget", "64", "--temperature", "1.2", "--trace", str(folder / "traces"))
    run("solve", str(folder / "problem.txt"), *asked)
    run("view", str(folder / "traces"), "--out", str(folder / "tree.html"))
    tab = browser.new_page(viewport={"width": 1180, "height": 600}, color_scheme="light")
    tab.goto((folder / "tree.html").as_uri())
    card = tab.locator("section[aria-label^='Search tree']")
    card.locator("rect.pruned").first.click()
    card.scroll_into_view_if_needed()
    shoot(card, "tree")


def playground(browser: Any) -> None:
    with served() as address:
        tab = browser.new_page(viewport=SIZE, color_scheme="dark")
        tab.goto(address)
        tab.get_by_label("Problem", exact=True).fill(PROBLEM)
        tab.get_by_label("and at a second price").check()
        tab.get_by_role("group", name="Beside it").get_by_role("button", name="low").click()
        tab.get_by_role("button", name="Solve").click()
        tab.wait_for_selector("section[aria-label='Side by side']", timeout=300_000)
        shoot(tab, "playground")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--browser", default=shutil.which("chromium") or shutil.which("google-chrome"))
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        args = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = driver.chromium.launch(executable_path=options.browser, args=args)
        tree(browser, Path(folder))
        sweep(browser, Path(folder))
        playground(browser)
        browser.close()


if __name__ == "__main__":
    main()
