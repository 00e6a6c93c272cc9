"""The server as users start it: a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Self

START_S = 90


@dataclass
class Running:
    """A context manager; `url` is the base URL of its API."""

    arguments: list[str]
    folder: Path
    url: str = ""

    def __enter__(self) -> Self:
        self._log = (self.folder / "server.log").open("a+", encoding="utf-8")
        begins = self._log.tell()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tts_select", "serve", "--port", "0", *self.arguments],
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            cwd=self.folder,
        )
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            self._log.seek(begins)
            if found := re.search(r"serving at (\S+)/v1", self._log.read()):
                self.url = f"{found[1]}/v1"
                if self._is_ready(found[1]):
                    return self
            time.sleep(0.1)
        self.end()
        raise AssertionError(f"it did not start:\n{(self.folder / 'server.log').read_text()}")

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> int:
        """Ask it to end, and wait until it has; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            self._log.close()

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()

    def _is_ready(self, root: str) -> bool:
        try:
            with urllib.request.urlopen(f"{root}/readyz", timeout=5) as said:  # noqa: S310  it is ours
                return bool(said.status == 200)
        except (urllib.error.URLError, OSError):
            return False
