"""Servers over fakes, asked in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.serving.fakes import Served, catalogue_of, solutions
from tts_select.serving.app import app_for
from tts_select.serving.keys import hash_of
from tts_select.serving.service import Service
from tts_select.serving.settings import ServeSettings
from tts_select.testing import FakePolicy


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Serves a policy that reads from a script; `method` and `budget` name what the router does."""
    with ExitStack() as stack:

        def start(script: Any = solutions, *, named: dict[str, Any] | None = None, **settings: Any) -> Served:
            fakes = {k: settings.pop(k) for k in ("delay", "errors", "context", "price") if k in settings}
            policy = FakePolicy(script, **fakes)
            service = Service(ServeSettings(**settings), catalogue_of(policy, **(named or {})))
            http = TestClient(app_for(service), base_url="http://127.0.0.1:8484")
            return Served(service, stack.enter_context(http), policy)

        yield start


@pytest.fixture
def key_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of keys: each is its own name, and may have more fields."""

    def write(**keys: str) -> Path:
        lines = [f"  - {{name: {name}, sha256: {hash_of(name)}{more}}}" for name, more in keys.items()]
        file = tmp_path / "keys.yaml"
        file.write_text("\n".join(["keys:", *lines]) + "\n")
        return file

    return write
