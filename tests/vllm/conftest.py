"""Starts real vLLM's OpenAI server, which serves a model from its folder alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tts_select.testing.vllm_server import vllm_server

START_SECONDS = 500

Serve = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="session")
def serve() -> Serve:
    """`serve(folder, served_name, *more)`: its base URL, while the context is open."""

    def run(folder: Path, name: str, *more: str) -> AbstractContextManager[str]:
        return vllm_server(folder, name, "--max-num-seqs", "32", *more, start_seconds=START_SECONDS)

    return run
