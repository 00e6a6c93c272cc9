"""How long the pages of `tts-select view` take to open, in a headless Chromium.

Usage: python benchmarks/viewer.py [--candidates 1000] [--problems 10000] [--repeats 5] [--browser PATH]

A trace with so many candidates, a trace with a tree of so many steps, and a batch of so many problems, each
of made-up texts of a usual length. The time is from opening the file to the second frame after the problem is
drawn; picking another problem is from the key to the same. Medians, with the fastest and the slowest.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tts_select.tracing.document import document
from tts_select.tracing.traces import results_page

WORDS = (
    "so",
    "the",
    "sum",
    "of",
    "three",
    "numbers",
    "is",
    "then",
    "twice",
    "as",
    "many",
    "we",
    "add",
    "them",
)
FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def text(rng: random.Random, n_words: int) -> str:
    return " ".join(rng.choices(WORDS, k=n_words))


def sample(rng: random.Random) -> dict[str, Any]:
    steps = [text(rng, 20) for _ in range(8)]
    return {
        "steps": steps,
        "answer": str(rng.randint(1, 9)),
        "group": 0,
        "finish": "stop",
        "tokens": 240,
        "logprob": -9.0,
        "scores": {"prm": [rng.random() for _ in steps]},
    }


def node(rng: random.Random, place: int) -> dict[str, Any]:
    parent = None if place < 16 else rng.randrange(max(0, place - 64), place)
    return {
        "parent": parent,
        "tree": 0,
        "round": place // 64,
        "depth": 1 + place // 64,
        "text": text(rng, 20),
        "score": rng.random(),
        "tokens": 24,
        "total": 24 * (1 + place // 64),
        "copies": 1,
        "finish": "open",
        "answer": None,
        "state": rng.choice(["kept", "pruned", "pruned", "pruned"]),
    }


def trace(rng: random.Random, *, n_samples: int, n_nodes: int) -> dict[str, Any]:
    searches = [{"arm": "beam@64 p r", "nodes": [node(rng, k) for k in range(n_nodes)]}] if n_nodes else []
    pools = [{"name": "p", "samples": [sample(rng) for _ in range(n_samples)]}] if n_samples else []
    problem = {"id": "made up", "text": text(rng, 60), "gold": None, "correct": None}
    bill = {"policy_generated_tokens": 240_000, "flops": 1e15}
    return {
        "problem": problem, "answer": "5", "confidence": 0.7, "bill": bill, "decisions": [], "pools": pools,
        "searches": searches,
    }  # fmt: skip


def results(rng: random.Random, n: int, path: Path) -> Path:
    with path.open("w", encoding="utf-8") as sink:
        for k in range(n):
            record = {
                "id": f"p{k}",
                "problem": text(rng, 60),
                "gold": "5",
                "answer": str(rng.randint(4, 5)),
                "correct": rng.random() < 0.7,
                "confidence": rng.random(),
                "confidence_kind": "calibrated",
                "finished": "complete",
                "cost": {"policy_generated_tokens": rng.randint(100, 9000), "flops": 1e12, "phases": {}},
                "plan": {"policy": "p", "prm": None, "method": "majority", "budget": 8, "reason": ""},
                "text": "\n\n".join(text(rng, 20) for _ in range(8)),
            }
            sink.write(json.dumps(record) + "\n")
    return path


def opened(tab: Any, path: Path) -> float:
    begin = time.perf_counter()
    tab.goto(path.as_uri())
    tab.wait_for_selector(".detail .card")
    tab.evaluate(FRAMES)
    return time.perf_counter() - begin


def next_problem(tab: Any) -> float:
    """The time from a key to the next problem, in the page's own clock."""
    found: float = tab.evaluate(
        """() => new Promise(done => {
            const begin = performance.now(), detail = document.querySelector('.detail');
            new MutationObserver((_, watcher) => {
                watcher.disconnect();
                requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - begin)));
            }).observe(detail, { childList: true });
            document.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }));
        })"""
    )
    return found / 1000


def measure(what: str, run: Callable[[], float], repeats: int) -> None:
    seconds = [run() for _ in range(repeats)]
    middle = statistics.median(seconds)
    print(f"{what:<44} {middle:6.2f} s   ({min(seconds):.2f} to {max(seconds):.2f}, n = {repeats})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--problems", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--browser", default=shutil.which("chromium") or shutil.which("google-chrome"))
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        pages = Path(folder)
        one = {"kind": "one", "title": "a trace", "subtitle": ""}
        n, m = options.candidates, options.problems
        wide = [trace(rng, n_samples=n, n_nodes=0)]
        deep = [trace(rng, n_samples=0, n_nodes=n)]
        (pages / "samples.html").write_text("".join(document(one, wide)))
        (pages / "tree.html").write_text("".join(document(one, deep)))
        batch = results_page(results(rng, m, pages / "results.jsonl"))
        (pages / "batch.html").write_text("".join(batch.pieces()))
        args = ["--headless", "--no-sandbox", "--disable-gpu"]
        browser = driver.chromium.launch(executable_path=options.browser, args=args)
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        measure(
            f"a trace with {n:,} samples opens", lambda: opened(tab, pages / "samples.html"), options.repeats
        )
        measure(f"a tree of {n:,} steps opens", lambda: opened(tab, pages / "tree.html"), options.repeats)
        measure(
            f"a batch of {m:,} problems opens", lambda: opened(tab, pages / "batch.html"), options.repeats
        )
        measure("its next problem", lambda: next_problem(tab), options.repeats)
        n_elements = tab.evaluate("document.querySelectorAll('*').length")
        size = (pages / "batch.html").stat().st_size / 1e6
        print(f"{n_elements:,} elements are in the batch's page, whose file has {size:.1f} MB")
        browser.close()


if __name__ == "__main__":
    main()
