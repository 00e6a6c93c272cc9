"""A router on disk: a folder of texts with the sha256 of each. Never pickle.

    manifest.json       schema, kind, hashes of the other files, what it was trained on
    router.json, ...    what the kind of router has to keep (`kinds.py`)
    recalibration.json  how its confidence was corrected by outcomes, if it was
    outcomes.jsonl      what turned out to be right (`solving/outcomes.py`): no part of the router, so it has
                        no hash, and stays when that is replaced

The manifest is written last, and the folder appears under its name only when it is whole. A router that was
written before there were kinds is a look-ahead router.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError
from tts_select.selector.calibration import Calibration
from tts_select.selector.routers.kinds import KINDS, LOOK_AHEAD, Kind, curve_of, kind_of, with_curve
from tts_select.selector.routers.protocol import Router

SCHEMA = "tts-select/router@1"
_FAMILY = "tts-select/router@"
_STAGED = "tts-select/staged-router@"
"""The schema of ladder routers before they could solve anything."""
OUTCOMES = "outcomes.jsonl"
_RECALIBRATION = "recalibration.json"
_REMEDY = "train it again with `tts-select train`"


def save_router(router: Router, folder: Path, *, trained_on: Mapping[str, Any]) -> None:
    """Write the folder; a router that is there is replaced as a whole.

    Raises:
        InputError: there is something else under that name.
        TypeError: routers of its kind are never written.
    """
    check_replaceable(folder)
    kind = kind_of(router)
    if kind is None:
        raise TypeError(f"a {type(router).__name__} has nothing to write")
    files = KINDS[kind].write(router)
    if (curve := curve_of(router)) is not None:
        files[_RECALIBRATION] = json.dumps(curve.as_dict()) + "\n"
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, text in files.items():
        (partial / name).write_text(text)
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    manifest = {"schema": SCHEMA, "kind": kind, "sha256": hashes, "trained_on": dict(trained_on)}
    (partial / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    if (folder / OUTCOMES).is_file():
        shutil.copy2(folder / OUTCOMES, partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)


def check_replaceable(folder: Path) -> None:
    """Check that the folder may be replaced by a router.

    Raises:
        InputError: there is something else than a router under that name.
    """
    if folder.exists() and not is_router(folder):
        raise InputError(f"'{folder}' is there and is no router: name another folder with --out")


def is_router(folder: Path) -> bool:
    """Whether there is a router of any kind and version; a sweep log has a manifest.json too."""
    try:
        schema = str(json.loads((folder / "manifest.json").read_text())["schema"])
    except (OSError, ValueError, TypeError, KeyError):
        return False
    return schema.startswith((_FAMILY, _STAGED))


def load_router(folder: Path) -> Router:
    """The router in a folder, whatever its kind.

    Raises:
        InputError: it is missing, half written, tampered with or of another version; the message names the
            file.
    """
    manifest = _read_manifest(folder)
    texts = {name: _checked(folder / name, digest) for name, digest in manifest["sha256"].items()}
    curve = texts.pop(_RECALIBRATION, None)
    try:
        router = _kind(manifest, folder).read(texts)
        return router if curve is None else with_curve(router, Calibration.from_dict(json.loads(curve)))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"the router '{folder}' cannot be read ({error}): {_REMEDY}") from error


def describe_router(folder: Path) -> dict[str, Any]:
    """What its manifest says of its training.

    Raises:
        InputError: there is no router, or its manifest cannot be read.
    """
    return dict(_read_manifest(folder)["trained_on"])


def identity_of(folder: Path) -> str:
    """A short name for exactly this router: outcomes say by it whose they are.

    Raises:
        InputError: there is no router, or its manifest cannot be read.
    """
    hashes = json.dumps(_read_manifest(folder)["sha256"], sort_keys=True)
    return hashlib.sha256(hashes.encode()).hexdigest()[:16]


def _kind(manifest: Mapping[str, Any], folder: Path) -> Kind:
    name = manifest.get("kind", LOOK_AHEAD)
    if name not in KINDS:
        known = ", ".join(KINDS)
        raise InputError(
            f"the router '{folder}' is of the kind {name!r}, this version knows {known}: {_REMEDY}"
        )
    return KINDS[name]


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    if not path.is_file():
        raise InputError(f"no router in '{folder}': it has no manifest.json; {_REMEDY}")
    try:
        manifest = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"'{path}' is not JSON ({error}): {_REMEDY}") from error
    schema = manifest.get("schema") if isinstance(manifest, dict) else None
    if str(schema).startswith(_STAGED):
        raise InputError(f"'{folder}' is a staged router of an earlier version, a ladder now: {_REMEDY}")
    if schema != SCHEMA:
        raise InputError(f"'{path}' has the schema {schema!r}, this version reads {SCHEMA!r}: {_REMEDY}")
    if not isinstance(manifest.get("sha256"), dict) or not isinstance(manifest.get("trained_on"), dict):
        raise InputError(f"'{path}' lacks the hashes of the router's files: {_REMEDY}")
    return dict(manifest)


def _checked(path: Path, digest: str) -> str:
    if not path.is_file():
        raise InputError(f"the router lacks its file '{path}': {_REMEDY}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise InputError(f"'{path}' is not what its manifest says (sha256): {_REMEDY}")
    return content.decode()
