"""The server as a process: clients that go away, kills and shutdowns."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.serving.running import Running
from tts_select.testing import FakeServer

pytestmark = pytest.mark.server
BODY = {"model": "tts-select/auto", "messages": [{"role": "user", "content": "What is 1 + 1?"}]}
WORDS = 40


@pytest.fixture
def behind() -> Iterator[FakeServer]:
    with FakeServer(lambda prompt, seed: "so " * WORDS + "it is \\boxed{2}.") as server:
        yield server


def over(behind: FakeServer, folder: Path, *arguments: str) -> Running:
    """A server whose policy is behind another one, and whose purses are in a file."""
    (folder / "tts-select.yaml").write_text(
        f"policies:\n  little: {{spec: openai:fake, options: {{base_url: {behind.url}, params: 1e9}}}}\n"
    )
    return Running(["--purses", "purses.sqlite", *arguments], folder)


def booked(folder: Path) -> tuple[int, int]:
    """Tokens and requests on the books, once no server has the file."""
    with sqlite3.connect(folder / "purses.sqlite") as file:
        found = file.execute("SELECT total(tokens), total(requests) FROM spent").fetchone()
    return int(found[0]), int(found[1])


def ask(url: str, timeout: float = 60, **fields: object) -> httpx2.Response:
    return httpx2.post(f"{url}/chat/completions", json={**BODY, **fields}, timeout=timeout)


def ask_aside(url: str) -> threading.Thread:
    """Ask in a thread of its own; whatever becomes of it."""

    def work() -> None:
        with contextlib.suppress(httpx2.TransportError):
            ask(url)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_client_that_goes_away_ends_the_requests_behind(behind: FakeServer, tmp_path: Path) -> None:
    with over(behind, tmp_path) as server:
        behind.token_seconds = 0.02
        for stream in (False, True):
            n_left, n_asked = behind.n_left, len(behind.requests)
            with pytest.raises(httpx2.TimeoutException):
                ask(server.url, timeout=0.3, stream=stream)
            until = time.monotonic() + 10
            while behind.n_left == n_left and time.monotonic() < until:
                time.sleep(0.05)
            assert behind.n_left > n_left
            time.sleep(0.5)
            assert len(behind.requests) == n_asked + 1


def test_a_kill_loses_nothing_that_was_booked_and_counts_what_was_in_flight(
    behind: FakeServer, tmp_path: Path
) -> None:
    capped = ("--max-tokens", "1000", "--daily-tokens", "100000")
    with over(behind, tmp_path, *capped) as server:
        spent = sum(ask(server.url).json()["usage"]["completion_tokens"] for _ in range(3))
        behind.token_seconds = 0.05
        waiting = ask_aside(server.url)
        time.sleep(0.5)
        server.kill()
        waiting.join()
        behind.token_seconds = 0.0
    with over(behind, tmp_path, *capped):
        pass
    assert spent > 0
    assert booked(tmp_path) == (spent + 1000, 4)


def test_a_shutdown_lets_what_runs_end_and_books_it(behind: FakeServer, tmp_path: Path) -> None:
    found: list[httpx2.Response] = []
    with over(behind, tmp_path) as server:
        behind.token_seconds = 0.02
        asking = threading.Thread(target=lambda: found.append(ask(server.url)))
        asking.start()
        time.sleep(0.4)
        server.process.send_signal(signal.SIGTERM)
        asking.join()
        assert server.end() in (0, -signal.SIGTERM)
    assert found[0].status_code == 200
    assert booked(tmp_path) == (found[0].json()["usage"]["completion_tokens"], 1)


def test_a_shutdown_out_of_grace_books_what_it_cuts_off(behind: FakeServer, tmp_path: Path) -> None:
    with over(behind, tmp_path, "--grace", "1") as server:
        behind.token_seconds = 1.0
        asking = ask_aside(server.url)
        time.sleep(0.4)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(15)
        assert time.monotonic() - began < 10
        asking.join(5)
    assert booked(tmp_path)[1] == 1
