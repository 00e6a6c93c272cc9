"""Whether the configuration of a checkpoint can be had at all: asked before everything that reads it."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

_CONNECT_S = 5.0
_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_CONFIG = "config.json"


def why_unreadable(source: str) -> str | None:
    """Return why a folder or a hub name cannot be read; None if nothing speaks against it."""
    folder = Path(source)
    if folder.exists():
        return None if (folder / _CONFIG).is_file() else f"'{source}' has no {_CONFIG}: name a model's folder"
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        if isinstance(try_to_load_from_cache(source, _CONFIG), str):
            return None
    except HFValidationError:
        return f"'{source}' is no folder, and no hub name: write ORG/NAME"
    if constants.HF_HUB_OFFLINE:
        return f"'{source}' is not in the cache, and the hub is switched off: unset HF_HUB_OFFLINE"
    if not _is_reachable(constants.ENDPOINT):
        return (
            f"'{source}' is not in the cache, and {constants.ENDPOINT} does not answer: connect, or copy it"
        )
    return None


def _is_reachable(endpoint: str) -> bool:
    """Whether it takes a connection; behind a proxy that is not known, and taken for granted."""
    if any(os.environ.get(name) for name in _PROXIES):
        return True
    parts = urlsplit(endpoint)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=_CONNECT_S):
            return True
    except OSError:
        return False
