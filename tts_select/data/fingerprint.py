"""What a model is, in sixteen hexadecimal digits: the same digits mean the same weights and tokenizer."""

from __future__ import annotations

import hashlib
from pathlib import Path


def fingerprint_of(folder: Path, source: str) -> str:
    """A hash of the configuration, the tokenizer and the weights; of the name if there is no folder."""
    digest = hashlib.sha256()
    names = (
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "model.safetensors",
    )
    files = [folder / n for n in (*names, "model.safetensors.index.json")]
    found = [f for f in files if f.is_file()]
    for file in found:
        digest.update(file.name.encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    if not found:
        digest.update(source.encode())
    return digest.hexdigest()[:16]
