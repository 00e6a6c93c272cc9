"""The embedded world's trained models: where they lie in the package, and what their manifests say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tts_select.core.errors import UnknownName
from tts_select.data.fingerprint import fingerprint_of

WEIGHTS = Path(__file__).parent / "weights"
PORTFOLIO = Path(__file__).parent / "portfolio.yaml"
ROUTER = Path(__file__).parent / "router"
"""The router trained on the sweep log beside it."""
SWEEP = Path(__file__).parent / "sweep"


def manifests() -> dict[str, dict[str, Any]]:
    """The manifest of each embedded model, by name."""
    return {
        path.parent.name: json.loads(path.read_text()) for path in sorted(WEIGHTS.glob("*/manifest.json"))
    }


def describe() -> list[dict[str, Any]]:
    """Every embedded model with its spec, size on disk and fingerprint."""
    return [
        {
            "spec": f"world:{name}",
            "kind": manifest["kind"],
            "n_parameters": manifest["n_parameters"],
            "bytes": sum(f.stat().st_size for f in (WEIGHTS / name).iterdir()),
            "fingerprint": fingerprint_of(WEIGHTS / name, name),
            "trained_on": manifest["trained_on"],
        }
        for name, manifest in manifests().items()
    ]


def folder_of(kind: str, name: str) -> Path:
    """The folder of an embedded `policy` or `prm`.

    Raises:
        UnknownName: there is none of this name.
    """
    known = {n for n, manifest in manifests().items() if manifest["kind"] == kind}
    if name not in known:
        raise UnknownName(f"embedded {kind}", name, known)
    return WEIGHTS / name
