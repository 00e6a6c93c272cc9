"""What a model is, in sixteen hexadecimal digits: the same digits mean the same weights and tokenizer."""

from __future__ import annotations

import hashlib
from pathlib import Path

_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "model.safetensors",
    "model.safetensors.index.json",
)


def fingerprint_of(folder: Path, source: str) -> str:
    """A hash of the configuration, the tokenizer and the weights; of the name if there is no folder."""
    digest = hashlib.sha256()
    found = [file for name in _FILES if (file := folder / name).is_file()]
    for file in found:
        digest.update(file.name.encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    if not found:
        digest.update(source.encode())
    return digest.hexdigest()[:16]
