from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tts_select.config import Config, load_config


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], Config]:
    """Reads a config of this text."""

    def read(text: str) -> Config:
        path = tmp_path / "c.yaml"
        path.write_text(text)
        return load_config(path)

    return read
