"""What a server is started with: inert values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tts_select.config.entries import Config


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that one request may take; None: no cap."""

    max_tokens: int | None = None
    """Tokens that policies generate."""
    max_flops: float | None = None
    max_dollars: float | None = None
    deadline_s: float | None = None

    @property
    def as_options(self) -> dict[str, Any]:
        """Those that are set, as options of a session."""
        said = {
            "max_tokens": self.max_tokens,
            "max_flops": self.max_flops,
            "max_dollars": self.max_dollars,
            "deadline": self.deadline_s,
        }
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Daily:
    """The most that a key may take in a day (UTC); None: no cap."""

    tokens: int | None = None
    dollars: float | None = None


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """All that the command line says."""

    config: Config | None = None
    router: Path | None = None
    """A router's folder; None: the config's, else the shipped one."""
    outcomes: Path | None = None
    """A file for outcomes; None: the one beside the router."""
    api_keys: Path | None = None
    purses: Path | None = None
    """The SQLite file of the purses; None: they are forgotten at the end."""
    caps: Caps = field(default_factory=Caps)
    daily: Daily = field(default_factory=Daily)
    """Of each key that has no other of its own."""
    concurrency: int = 64
    """Runs in flight."""
    queue: int = 256
    """Requests of a key that may wait for their turn."""
    runs_kept: int = 1000
    trace: Path | None = None
    """A folder for traces; None: none are kept."""
    traces_kept: int = 1000
    """The newest ones that stay there."""
    heartbeat_s: float = 10.0
    """The longest silence of a stream."""
