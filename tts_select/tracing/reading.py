"""A JSON file of a schema, read whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError


def read_document(path: Path, what: str, schema: str, remedy: str) -> dict[str, Any]:
    """Read a file; `what` it should be and the `remedy` are for the message.

    Raises:
        InputError: it is none, or of another schema.
    """
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"'{path}' is no {what}: {error}") from error
    own = found.get("schema") if isinstance(found, dict) else None
    if own != schema:
        raise InputError(f"'{path}' has the schema {own!r}, not {schema!r}: {remedy}")
    document: dict[str, Any] = found
    return document
