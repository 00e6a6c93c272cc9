"""Policies behind fake servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tts_select import load_policy
from tts_select.testing import FakeServer


@pytest.fixture
def policy_at() -> Iterator[Callable[..., Any]]:
    """Loads policies of a server, with options, and closes them at the end."""
    loaded: list[Any] = []

    def load(server: FakeServer, **options: Any) -> Any:
        loaded.append(load_policy("openai:fake", base_url=server.url, fresh=True, **options))
        return loaded[-1]

    yield load
    for policy in loaded:
        policy.close()
