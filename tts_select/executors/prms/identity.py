"""What a checkpoint is called, before anything of it is loaded."""

from __future__ import annotations

import json
from pathlib import Path


def checkpoint_names(source: str) -> list[str]:
    """What a checkpoint is called: as it is asked for, and as its configuration says."""
    folder = Path(source)
    if not folder.exists():
        return [source]
    names = [folder.resolve().name]
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return names  # what is wrong with the folder is said when it is loaded
    return [*names, str(config.get("_name_or_path", ""))]
