"""What a folder of `tts-select train-prm` says of itself: which layers of which model its value head reads.

The base model is named with its fingerprint, so that a head is never put on another model.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError
from tts_select.executors.prms.formats import PrmFormat
from tts_select.executors.prms.layouts import Layout
from tts_select.executors.prms.rules import Head, Value

SCHEMA = "tts-select/value-head@1"
MANIFEST, WEIGHTS = "manifest.json", "model.safetensors"
HEAD = Head((("score",),), 1)
_FORMAT = "value-head"


@dataclass(frozen=True, slots=True)
class HeadCard:
    """What the manifest of a value head says of the model that it reads."""

    base: str
    """A folder or a hub name."""
    base_fingerprint: str
    n_layers: int
    """The layers that are computed; the head reads behind the last of them."""
    is_chat: bool
    """Whether the problem is the user's turn of a chat, and the steps are the assistant's."""

    def as_dict(self) -> dict[str, Any]:
        """The part of the manifest."""
        return asdict(self)


def trained_format(*, is_chat: bool) -> PrmFormat:
    """How a value head reads a solution: at the blank line behind each step."""
    chat: Any = "assistant" if is_chat else ""
    prompt = "{problem}" if is_chat else "{problem}\n"
    return PrmFormat(_FORMAT, Layout(prompt=prompt, chat=chat, close="\n\n"), Value(HEAD))


def is_trained(source: str) -> bool:
    """Whether a folder holds a value head of ours."""
    manifest = Path(source) / MANIFEST
    return manifest.is_file() and f'"{SCHEMA}"' in manifest.read_text(encoding="utf-8", errors="replace")


def read_card(folder: Path) -> HeadCard:
    """The card of a value head.

    Raises:
        InputError: the manifest is malformed, or the weights are not those that it was written with.
    """
    path = folder / MANIFEST
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        said = data["reads"]
        card = HeadCard(**{f.name: said[f.name] for f in fields(HeadCard)})
        expected = data["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"'{path}' is no manifest of a value head ({error}): train it again") from error
    if sha256_of(folder) != expected:
        raise InputError(
            f"'{folder / WEIGHTS}' is not the file that {MANIFEST} was written for: train it again"
        )
    return card


def sha256_of(folder: Path) -> str:
    """The hash of the head's weights."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
