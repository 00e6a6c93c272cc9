"""How many parameters compute a token, for a model that cannot be counted: as said, or as its name says."""

from __future__ import annotations

import math
import re
from pathlib import Path

_UNITS = {"m": 1e6, "b": 1e9, "t": 1e12}
_ACTIVE = re.compile(r"(?<![a-z0-9.])a(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_WHOLE = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)([mbt])(?![a-z0-9])")


def size_in_name(model: str) -> int | None:
    """The size that a model's name gives, that of the active experts if it gives both; None: it gives none,
    or several.

    >>> size_in_name("Qwen/Qwen2.5-1.5B-Instruct"), size_in_name("Qwen3-30B-A3B"), size_in_name("gpt-4o")
    (1500000000, 3000000000, None)
    """
    name = model.lower()
    for pattern in (_ACTIVE, _WHOLE):
        sizes = {round(float(number) * _UNITS[unit]) for number, unit in pattern.findall(name)}
        if sizes:
            return sizes.pop() if len(sizes) == 1 else None
    return None


def size_in_folder(folder: Path) -> int | None:
    """The parameters in a folder's safetensors files, of which the headers alone are read; None: none."""
    from safetensors import safe_open

    n = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="np") as tensors:
            n += sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118
    return n or None
